//! Turns, forks and outcomes as JavaScript has them.

use napi_derive::napi;

use crate::orchestrator as core;

/// One agent turn that the host is asked to run.
#[napi(object, object_from_js = false)]
pub struct Turn {
    /// Names this turn in `Gateway.deliver`.
    pub id: String,
    /// The session to run in, lower case.
    pub session_key: String,
    /// What the agent sees: header lines, an empty line, the text.
    pub text: String,
    /// The sender's text alone.
    pub raw_text: String,
    /// Where answers go: `cht_...` or `tsk_...`.
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
    /// An earlier turn for the same message failed; this one has to look new to the host.
    pub is_repeated: bool,
    /// Files that came with the message.
    pub media: Vec<Media>,
}

/// A file for the agent.
#[napi(object, object_from_js = false)]
pub struct Media {
    /// Where it is.
    pub path: String,
    /// What it is, judged by its content.
    pub mime_type: String,
}

/// A forked session.
#[napi(object)]
pub struct Fork {
    /// Its session key, lower case.
    pub session_key: String,
    /// Its session id.
    pub session_id: String,
    /// Its transcript, where it is a file.
    pub session_file: Option<String>,
}

/// How a turn ended.
#[napi(object, object_to_js = false)]
pub struct TurnOutcome {
    /// An agent run began.
    pub started: bool,
    /// Why the host could not run the turn.
    pub error: Option<String>,
    /// It was called off.
    pub is_called_off: Option<bool>,
}

/// A turn that an earlier start of the account gave to the host.
#[napi(object, object_to_js = false)]
pub struct EarlierTurn {
    /// Its id.
    pub id: String,
    /// The session it runs in, lower case.
    pub session_key: String,
    /// Where its answer goes.
    pub target: String,
}

/// A piece of an answer.
#[napi(object, object_to_js = false)]
pub struct ReplyPart {
    /// `final`, `block` or `tool`.
    pub kind: String,
    /// The text.
    pub text: Option<String>,
    /// Files the host wants to send: paths, or addresses in the web.
    pub media: Option<Vec<String>>,
    /// The folders from which the agent may send, its workspace first.
    pub folders: Option<Vec<String>>,
}

/// What the host sends by itself.
#[napi(object, object_to_js = false)]
pub struct Outgoing {
    /// The text.
    pub text: String,
    /// Files: paths, or addresses in the web.
    pub media: Vec<String>,
    /// The folders from which files may be sent, the workspace first.
    pub folders: Vec<String>,
}

/// What a probe found.
#[napi(object, object_from_js = false)]
pub struct Probe {
    /// Key, organisation and socket all work.
    pub ok: bool,
    /// `usr_...` of the agent that the key belongs to.
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// What does not work.
    pub error: Option<String>,
    /// Stable code of the error.
    pub code: Option<String>,
    /// How long it took.
    pub elapsed_milliseconds: f64,
}

impl From<EarlierTurn> for core::EarlierTurn {
    fn from(turn: EarlierTurn) -> Self {
        Self { id: turn.id, session_key: turn.session_key, target: turn.target }
    }
}

impl From<core::Turn> for Turn {
    fn from(turn: core::Turn) -> Self {
        Self {
            id: turn.id,
            session_key: turn.session_key,
            text: turn.text,
            raw_text: turn.raw_text,
            target: turn.target,
            chat_type: turn.chat_type,
            conversation_label: turn.conversation_label,
            sender_id: turn.sender_id,
            sender_name: turn.sender_name,
            message_id: turn.message_id,
            thread_root_id: turn.thread_root_id,
            timestamp: turn.timestamp,
            is_repeated: turn.is_repeated,
            media: turn.media.into_iter().map(Media::from).collect(),
        }
    }
}

impl From<core::Media> for Media {
    fn from(media: core::Media) -> Self {
        Self { path: media.path, mime_type: media.mime_type }
    }
}

impl From<core::Fork> for Fork {
    fn from(fork: core::Fork) -> Self {
        Self {
            session_key: fork.session_key,
            session_id: fork.session_id,
            session_file: fork.session_file,
        }
    }
}

impl From<Fork> for core::Fork {
    fn from(fork: Fork) -> Self {
        Self {
            session_key: fork.session_key,
            session_id: fork.session_id,
            session_file: fork.session_file,
        }
    }
}

impl From<ReplyPart> for core::ReplyPart {
    fn from(part: ReplyPart) -> Self {
        Self {
            kind: part.kind,
            text: part.text,
            media: part.media.unwrap_or_default(),
            folders: part.folders.unwrap_or_default(),
        }
    }
}

impl From<Outgoing> for core::Outgoing {
    fn from(outgoing: Outgoing) -> Self {
        Self { text: outgoing.text, media: outgoing.media, folders: outgoing.folders }
    }
}

impl From<core::Probe> for Probe {
    fn from(probe: core::Probe) -> Self {
        Self {
            ok: probe.ok,
            agent_id: probe.agent_id,
            agent_name: probe.agent_name,
            error: probe.error,
            code: probe.code,
            elapsed_milliseconds: probe.elapsed.as_secs_f64() * 1000.0,
        }
    }
}
