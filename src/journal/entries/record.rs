//! What the journal knows of a dispatch.

use rusqlite::Row;

use crate::journal::database::text_enum::text_enum;

text_enum! {
    /// How an event reached this agent.
    pub enum Origin {
        /// By the dispatch inbox: the server keeps it until it is acknowledged.
        Inbox = "inbox",
        /// By a frame of a server without inbox.
        Announcement = "announcement",
    }
}

text_enum! {
    /// How far a dispatch has come.
    pub enum State {
        /// Admitted; waits for a turn.
        Claimed = "claimed",
        /// A turn was started for it.
        Adopted = "adopted",
        /// All parts of the answer are journaled; some may have to be delivered yet.
        Answered = "answered",
        /// It needs no answer; to be acknowledged.
        NoReply = "no_reply",
        /// The last attempt failed; another one follows.
        Failed = "failed",
        /// Given up until an operator decides.
        Dead = "dead",
        /// Over. Kept so that it is not admitted again.
        Acknowledged = "acknowledged",
    }
}

impl State {
    /// Whether an answer may still be added.
    pub(in crate::journal) fn is_unanswered(self) -> bool {
        matches!(self, Self::Claimed | Self::Adopted | Self::Failed)
    }
}

/// An event to admit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDispatch {
    /// Dispatch id; for servers without inbox the id of the message or task.
    pub id: String,
    /// How it came.
    pub origin: Origin,
    /// `message` or `task`.
    pub source_type: String,
    /// Id of the message or task.
    pub source_id: String,
    /// What happened, when it is neither a new message nor an assigned task.
    pub event_type: Option<String>,
}

/// What is known of a dispatch when its source has been loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Where the answer goes, `cht_...` or `tsk_...`.
    pub target: String,
    /// The thread that the answer belongs to.
    pub thread_root_id: Option<String>,
    /// Who wrote it.
    pub sender_id: Option<String>,
    /// `human` or `agent`.
    pub sender_kind: Option<String>,
    /// When it was written, or given to this agent, at the latest, as the server spells it.
    pub created_at: Option<String>,
    /// Whether the sender asked for no answer.
    pub no_reply: bool,
}

#[cfg(test)]
impl NewDispatch {
    /// A new message of the inbox.
    pub(crate) fn message(id: &str, source_id: &str) -> Self {
        Self {
            id: id.to_owned(),
            origin: Origin::Inbox,
            source_type: "message".to_owned(),
            source_id: source_id.to_owned(),
            event_type: None,
        }
    }
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Admitted now.
    New,
    /// Admitted earlier and not over yet.
    Running(State),
    /// Over; it has to be acknowledged again.
    Done,
    /// The same event came under another id before.
    Same {
        /// What it is known by.
        id: String,
        /// How far it has come.
        state: State,
    },
    /// Given up, and why.
    Dead {
        /// Why.
        cause: String,
    },
}

/// A turn that starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Which attempt this is, counted from one.
    pub attempt: u32,
    /// The one before it ended with an error, or an operator wants another one; it was not cut off.
    pub is_repeated: bool,
    /// When the dispatch was admitted, milliseconds since the epoch.
    pub claimed_at: i64,
}

/// A dispatch as the journal knows it. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchRecord {
    /// Order of admission.
    pub sequence: i64,
    /// As claimed.
    pub id: String,
    /// How it came.
    pub origin: Origin,
    /// `message` or `task`.
    pub source_type: String,
    /// Id of the message or task.
    pub source_id: String,
    /// What happened, when it is neither a new message nor an assigned task.
    pub event_type: Option<String>,
    /// What is known of the source.
    pub details: Option<Details>,
    /// How far it has come.
    pub state: State,
    /// Turns started, without those that were called off.
    pub attempts: u32,
    /// Attempts that ended with an error. The others ended with the process.
    pub failures: u32,
    /// The newest turn.
    pub turn_id: Option<String>,
    /// The session of that turn.
    pub session_key: Option<String>,
    /// Why it failed, is dead or needs no answer.
    pub cause: Option<String>,
    /// When to try again.
    pub next_try_at: Option<i64>,
    /// When it was admitted.
    pub claimed_at: i64,
    /// When it last changed.
    pub changed_at: i64,
}

/// The columns that [`DispatchRecord::read`] takes, in its order.
pub(in crate::journal) const COLUMNS: &str = "sequence, id, origin, source_type, source_id, target, thread_root_id, sender_id, \
    sender_kind, created_at, state, attempts, failures, turn_id, session_key, cause, next_try_at, claimed_at, changed_at, \
    no_reply, event_type";

impl DispatchRecord {
    /// Whether no other turn is needed.
    pub fn is_answered(&self) -> bool {
        matches!(self.state, State::Answered | State::NoReply)
    }

    pub(in crate::journal) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let target: Option<String> = row.get(5)?;
        let details = match target {
            Some(target) => Some(Details {
                target,
                thread_root_id: row.get(6)?,
                sender_id: row.get(7)?,
                sender_kind: row.get(8)?,
                created_at: row.get(9)?,
                no_reply: row.get(19)?,
            }),
            None => None,
        };
        Ok(Self {
            sequence: row.get(0)?,
            id: row.get(1)?,
            origin: row.get(2)?,
            source_type: row.get(3)?,
            source_id: row.get(4)?,
            event_type: row.get(20)?,
            details,
            state: row.get(10)?,
            attempts: row.get(11)?,
            failures: row.get(12)?,
            turn_id: row.get(13)?,
            session_key: row.get(14)?,
            cause: row.get(15)?,
            next_try_at: row.get(16)?,
            claimed_at: row.get(17)?,
            changed_at: row.get(18)?,
        })
    }
}
