//! What the host says of an account when it starts it.

use std::path::PathBuf;
use std::time::Duration;

use crate::orchestrator::access::Access;
use crate::orchestrator::batch::CollectLimits;
use crate::orchestrator::delivery::outbox::Replies;
use crate::orchestrator::lanes::limits::Limits;
use crate::orchestrator::media::MediaOptions;

/// What an account is, apart from its server.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Account id of the host.
    pub account_id: String,
    /// The host's agent that answers.
    pub agent_id: String,
    /// Who may cause turns.
    pub access: Access,
    /// Which answers go out.
    pub replies: Replies,
    /// Folder for what must survive the process; without one it is kept in memory.
    pub state_folder: Option<PathBuf>,
    /// Most forks at once; none with zero.
    pub max_forks: usize,
    /// How many turns agents may cause each other in an hour.
    pub agent_turns: usize,
    /// Most bytes of a text that the agent gets; the rest is counted and left out.
    pub max_text_bytes: usize,
    /// How many turns one sender may cause in an hour; the rest of its events wait.
    pub sender_turns: usize,
    /// How many events of one sender may wait; more are closed without an answer.
    pub sender_waiting: usize,
    /// How many waiting messages of a chat and thread one turn may answer; every message has its own with one.
    pub collect_events: usize,
    /// How many characters these may have together.
    pub collect_characters: usize,
    /// How many events may wait here; the rest waits at the server.
    pub max_waiting: usize,
    /// How many minutes a turn may run before it is called off; for ever with zero.
    pub turn_minutes: u32,
    /// What is fetched of the files that come with messages.
    pub media: MediaOptions,
}

impl AccountOptions {
    /// How long a turn may run.
    pub(crate) fn turn_limit(&self) -> Option<Duration> {
        let minutes = u64::from(self.turn_minutes);
        (minutes > 0).then(|| Duration::from_secs(60 * minutes))
    }

    /// What the lanes allow.
    pub(crate) fn lane_limits(&self) -> Limits {
        Limits {
            max_forks: self.max_forks,
            sender_turns: self.sender_turns,
            sender_waiting: self.sender_waiting,
            collect: CollectLimits {
                events: self.collect_events,
                characters: self.collect_characters,
            },
        }
    }
}
