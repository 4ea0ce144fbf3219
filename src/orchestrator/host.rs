//! What the orchestrator asks of the host program, as a trait: the bindings implement it with calls into JavaScript.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use crate::level::Level;

/// The host that runs agent turns. One that has no forks leaves their functions out.
pub trait Host: Send + Sync + 'static {
    /// Runs one agent turn and resolves when the host is done with it. Replies come back through
    /// [`crate::orchestrator::Gateway::deliver`] while it runs.
    fn run_turn(&self, turn: Turn) -> BoxFuture<'static, TurnOutcome>;
    /// Calls a turn off. A host that honours it ends the run at once, with an error in its outcome; with another the run continues.
    fn call_off(&self, turn_id: String) {
        let _ = turn_id;
    }
    /// The runs of earlier starts of this account that still continue in this process, or whose outcome nobody has seen. Their
    /// replies come to this start.
    fn earlier_runs(&self) -> BoxFuture<'static, Vec<EarlierTurn>> {
        async { Vec::new() }.boxed()
    }
    /// Resolves when such a run has ended. Its outcome is given once.
    fn follow_turn(&self, turn_id: String) -> BoxFuture<'static, TurnOutcome> {
        let _ = turn_id;
        async { TurnOutcome::default() }.boxed()
    }
    /// Makes a session that knows the history of `parent` (a session key) up to its last completed turn, and nothing of a
    /// turn that runs; nothing when there is no completed turn. The error says why it cannot be done, for people.
    fn create_fork(&self, parent: String) -> BoxFuture<'static, Result<Option<Fork>, String>> {
        let _ = parent;
        async { Ok(None) }.boxed()
    }
    /// Removes a fork with everything that belongs to it. Not an error when it is gone already.
    fn remove_fork(&self, fork: Fork) -> BoxFuture<'static, Result<(), String>> {
        let _ = fork;
        async { Ok(()) }.boxed()
    }
    /// The forks of `parent` that a crash has left.
    fn leftover_forks(&self, parent: String) -> BoxFuture<'static, Result<Vec<Fork>, String>> {
        let _ = parent;
        async { Ok(Vec::new()) }.boxed()
    }
    /// Merges a JSON object into the account's status.
    fn status(&self, patch: String);
    /// Writes a line to the host's log.
    fn log(&self, level: Level, message: String);
}

/// A forked session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// Its session key, lower case.
    pub session_key: String,
    /// Its session id.
    pub session_id: String,
    /// Its transcript, where it is a file.
    pub session_file: Option<String>,
}

/// One agent turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Names this turn in [`crate::orchestrator::Gateway::deliver`]; a retry of the same event has another id.
    pub id: String,
    /// The session to run in, lower case.
    pub session_key: String,
    /// What the agent sees: header lines, an empty line, the text.
    pub text: String,
    /// The sender's text alone.
    pub raw_text: String,
    /// Where answers go, `cht_...` or `tsk_...`.
    pub target: String,
    /// `direct` or `group`.
    pub chat_type: String,
    /// The chat's name for people.
    pub conversation_label: String,
    /// `usr_...`
    pub sender_id: String,
    /// The sender's name for people.
    pub sender_name: String,
    /// Id of the message or task.
    pub message_id: String,
    /// Root of the thread the message is in.
    pub thread_root_id: Option<String>,
    /// When it was written, milliseconds since the epoch.
    pub timestamp: f64,
    /// An earlier turn for the same message failed. Hosts ignore a message that they have met in the last minutes, so this
    /// one has to look new to them.
    pub is_repeated: bool,
    /// Files that came with the message.
    pub media: Vec<Media>,
}

/// A file for the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Where it is.
    pub path: String,
    /// What it is, judged by its content.
    pub mime_type: String,
}

/// A turn that an earlier start of the account gave to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierTurn {
    /// Its id.
    pub id: String,
    /// The session it runs in, lower case.
    pub session_key: String,
    /// Where its answer goes, `cht_...` or `tsk_...`.
    pub target: String,
}

/// How a turn ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TurnOutcome {
    /// An agent run began. A host that already knows the message, or whose session is busy, returns without one and may
    /// answer later through an outbound send.
    pub started: bool,
    /// Why the host could not run the turn.
    pub error: Option<String>,
    /// It was called off.
    pub is_called_off: bool,
}

/// A piece of an answer, as the host hands it over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyPart {
    /// `final`, `block` or `tool`.
    pub kind: String,
    /// The text.
    pub text: Option<String>,
    /// Files the host wants to send: paths, or addresses in the web.
    pub media: Vec<String>,
    /// The folders from which the agent may send, its workspace first.
    pub folders: Vec<String>,
}

/// What the host sends by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// The text.
    pub text: String,
    /// Files: paths, or addresses in the web.
    pub media: Vec<String>,
    /// The folders from which files may be sent, the workspace first.
    pub folders: Vec<String>,
}
