//! One thing that wants an answer: a message or a task.

use super::media::receipt::Receipt;
use super::target::Target;
use crate::api::{Chat, Message, Task};
use crate::journal::{self, Details, DispatchRecord};

/// What kind of source a message is, in the server's words.
pub(crate) const MESSAGE: &str = "message";
/// What kind of source a task is.
pub(crate) const TASK: &str = "task";

/// Something that happened in Parall and that the agent is to look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// How it reached us, and so what becomes of it when it is done.
    pub origin: Origin,
    /// What it is.
    pub subject: Subject,
    /// It came in while nobody listened, on a server that does not keep it.
    pub missed: bool,
    /// With which others it may share a turn.
    pub company: Company,
    /// What became of its files, in their order; empty before they are fetched.
    pub receipts: Vec<Receipt>,
}

/// With which other events an event may share a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Company {
    /// With any that was in no turn yet, either.
    #[default]
    New,
    /// With those of this turn, which was cut off.
    Turn(String),
    /// With none: the turn that it shared has failed.
    Alone,
}

/// How an event reached this agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// By the dispatch inbox: the server keeps it until it is acknowledged.
    Dispatch {
        /// Dispatch id.
        id: String,
        /// `message` or `task`.
        source_type: String,
        /// Id of the message or task.
        source_id: String,
        /// What happened, when it is neither a new message nor an assigned task.
        event_type: Option<String>,
    },
    /// By a frame of a server without a dispatch inbox; nothing to acknowledge.
    Announcement,
}

/// What the agent is to look at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subject {
    /// A message, with the chat it is in.
    Message {
        /// The message.
        message: Message,
        /// Its chat.
        chat: Chat,
    },
    /// A task.
    Task(Task),
}

impl Event {
    /// Something new; nothing is fetched of it yet.
    pub(crate) fn new(origin: Origin, subject: Subject) -> Self {
        Self { origin, subject, missed: false, company: Company::New, receipts: Vec::new() }
    }

    /// Where the answer goes.
    pub(crate) fn target(&self) -> Target {
        match &self.subject {
            Subject::Message { message, .. } => Target::Chat(message.chat_id.clone()),
            Subject::Task(task) => Target::Task(task.id.clone()),
        }
    }

    /// The thread that the answer belongs to.
    pub(crate) fn thread_root_id(&self) -> Option<&str> {
        match &self.subject {
            Subject::Message { message, .. } => {
                message.thread_root_id.as_deref().filter(|id| !id.is_empty())
            }
            Subject::Task(_) => None,
        }
    }

    /// Id of the message or task.
    pub(crate) fn source_id(&self) -> &str {
        match &self.subject {
            Subject::Message { message, .. } => &message.id,
            Subject::Task(task) => &task.id,
        }
    }

    /// What its source is: `message` or `task`.
    pub(crate) fn source_kind(&self) -> &'static str {
        match &self.subject {
            Subject::Message { .. } => MESSAGE,
            Subject::Task(_) => TASK,
        }
    }

    /// What happened, when it is neither a new message nor an assigned task: this version does not know what it means.
    pub(crate) fn unknown_type(&self) -> Option<&str> {
        match &self.origin {
            Origin::Dispatch { event_type, .. } => event_type.as_deref(),
            Origin::Announcement => None,
        }
    }

    /// What idempotency keys are derived from: the same for every attempt at this event, also after a restart.
    pub(crate) fn key(&self) -> &str {
        match &self.origin {
            Origin::Dispatch { id, .. } => id,
            Origin::Announcement => self.source_id(),
        }
    }

    /// Who wrote the message or made the task; empty when the server does not say.
    pub(crate) fn sender(&self) -> &str {
        match &self.subject {
            Subject::Message { message, .. } => &message.sender_id,
            Subject::Task(task) => task.creator_id.as_deref().unwrap_or_default(),
        }
    }

    /// The sender asked for no answer.
    pub(crate) fn no_reply(&self) -> bool {
        matches!(&self.subject, Subject::Message { message, .. } if message.hints.no_reply)
    }
}

impl Event {
    /// What the journal admits.
    pub(crate) fn details(&self) -> Details {
        let (message, created_at) = match &self.subject {
            Subject::Message { message, .. } => (Some(message), &message.created_at),
            Subject::Task(task) => (None, &task.updated_at),
        };
        Details {
            target: self.target().to_string(),
            thread_root_id: self.thread_root_id().map(str::to_owned),
            sender_id: message.map(|message| message.sender_id.clone()),
            sender_kind: message.and_then(|message| message.sender.as_ref()?.kind.clone()),
            created_at: created_at.clone(),
            no_reply: self.no_reply(),
        }
    }
}

impl From<&DispatchRecord> for Origin {
    fn from(record: &DispatchRecord) -> Self {
        match record.origin {
            journal::Origin::Announcement => Self::Announcement,
            journal::Origin::Inbox => Self::Dispatch {
                id: record.id.clone(),
                source_type: record.source_type.clone(),
                source_id: record.source_id.clone(),
                event_type: record.event_type.clone(),
            },
        }
    }
}
