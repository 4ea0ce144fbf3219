//! Parall's objects as this plugin reads them: only the fields it uses, everything optional that a server may leave out.
//!
//! Ids are opaque strings of at most 256 bytes without control characters; an object with another one cannot be read. Fields
//! and their evidence are listed in the protocol notes; whatever is a choice rather than evidence is in [`crate::api::wire`].

use serde::Deserialize;

use super::lenient::{
    id, id_or_empty, mentioned_id, null_as_default, optional_id, optional_text, text, whole_number,
};

/// A piece of work the server hands to this agent: "look at this source".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dispatch {
    /// `dsp_...`; what [`crate::api::Client::acknowledge`] takes.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Kind of the source, `message` or `task`; absent means `message`.
    #[serde(default, deserialize_with = "optional_id")]
    pub source_type: Option<String>,
    /// Id of the message or task; empty when the server does not say.
    #[serde(default, deserialize_with = "id_or_empty")]
    pub source_id: String,
    /// What happened, such as `message` or `task.assigned`.
    #[serde(default, deserialize_with = "optional_id")]
    pub event_type: Option<String>,
    /// `pending` or `received`; absent means pending.
    #[serde(default, deserialize_with = "optional_id")]
    pub status: Option<String>,
    /// Chat of the message. **Choice**: that servers tell it under this name; they need not.
    #[serde(default, deserialize_with = "optional_id")]
    pub chat_id: Option<String>,
    /// Why this agent got it, such as `mention` or `direct`; free text.
    #[serde(default, deserialize_with = "optional_text")]
    pub delivery_reason: Option<String>,
}

/// A message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// Message id.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// The chat it is in.
    #[serde(deserialize_with = "id")]
    pub chat_id: String,
    /// Who wrote it; empty when the server does not say.
    #[serde(default, deserialize_with = "id_or_empty")]
    pub sender_id: String,
    /// The writer's profile, which the server may leave out.
    #[serde(default)]
    pub sender: Option<Sender>,
    /// The text part.
    #[serde(default, deserialize_with = "null_as_default")]
    pub content: Content,
    /// Root of the thread this message belongs to.
    #[serde(default, deserialize_with = "optional_id")]
    pub thread_root_id: Option<String>,
    /// Wishes of the sender.
    #[serde(default, deserialize_with = "null_as_default")]
    pub hints: Hints,
    /// Files that ride on the message.
    #[serde(default, deserialize_with = "null_as_default")]
    pub attachments: Vec<Attachment>,
    /// RFC 3339, UTC.
    #[serde(default, deserialize_with = "optional_id")]
    pub created_at: Option<String>,
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sender {
    /// `usr_...`
    #[serde(default, deserialize_with = "id_or_empty")]
    pub id: String,
    /// Name as people see it.
    #[serde(default, deserialize_with = "optional_text")]
    pub display_name: Option<String>,
    /// `human` or `agent`.
    #[serde(default, rename = "type", deserialize_with = "optional_id")]
    pub kind: Option<String>,
}

/// The content of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Content {
    /// May be empty when there are attachments.
    #[serde(default, deserialize_with = "text")]
    pub text: String,
    /// Who is mentioned.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mentions: Vec<Mention>,
}

/// Somebody who is mentioned in a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Mention {
    /// `usr_...`
    #[serde(default, deserialize_with = "mentioned_id")]
    pub user_id: String,
}

/// Wishes of a message's sender.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Hints {
    /// The sender does not want an answer.
    #[serde(default, deserialize_with = "null_as_default")]
    pub no_reply: bool,
}

/// A file on a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "AttachmentAnswer")]
pub struct Attachment {
    /// `att_...`; empty when it cannot be used.
    pub id: String,
    /// File name.
    pub file_name: Option<String>,
    /// Media type.
    pub mime_type: Option<String>,
    /// Bytes.
    pub file_size: Option<u64>,
    /// Where its bytes are.
    pub url: Option<String>,
}

/// An attachment under either of the names that published clients try; the first of each pair wins.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AttachmentAnswer {
    #[serde(deserialize_with = "mentioned_id")]
    id: String,
    #[serde(deserialize_with = "optional_text")]
    file_name: Option<String>,
    #[serde(deserialize_with = "optional_text")]
    name: Option<String>,
    mime_type: Option<String>,
    content_type: Option<String>,
    #[serde(deserialize_with = "whole_number")]
    file_size: Option<u64>,
    #[serde(deserialize_with = "whole_number")]
    size: Option<u64>,
    #[serde(deserialize_with = "optional_text")]
    url: Option<String>,
    #[serde(deserialize_with = "optional_text")]
    download_url: Option<String>,
}

impl From<AttachmentAnswer> for Attachment {
    fn from(answer: AttachmentAnswer) -> Self {
        Self {
            id: answer.id,
            file_name: answer.file_name.or(answer.name),
            mime_type: answer.mime_type.or(answer.content_type),
            file_size: answer.file_size.or(answer.size),
            url: answer.url.or(answer.download_url),
        }
    }
}

/// A chat.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Chat {
    /// `cht_...`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// `direct` or `group`.
    #[serde(default, rename = "type", deserialize_with = "optional_id")]
    pub kind: Option<String>,
    /// A direct chat may have none.
    #[serde(default, deserialize_with = "optional_text")]
    pub name: Option<String>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Task {
    /// `tsk_...`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// The short name people use, such as `FP-1`.
    #[serde(default, deserialize_with = "optional_id")]
    pub identifier: Option<String>,
    /// Title.
    #[serde(default, deserialize_with = "text")]
    pub title: String,
    /// Longer text.
    #[serde(default, deserialize_with = "optional_text")]
    pub description: Option<String>,
    /// `todo`, `in_progress`, `in_review`, `done` or `canceled`.
    #[serde(default, deserialize_with = "optional_id")]
    pub status: Option<String>,
    /// `high`, `normal` or `low`.
    #[serde(default, deserialize_with = "optional_id")]
    pub priority: Option<String>,
    /// Who is to do it.
    #[serde(default, deserialize_with = "optional_id")]
    pub assignee_id: Option<String>,
    /// Who made it.
    #[serde(default, deserialize_with = "optional_id")]
    pub creator_id: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(default, deserialize_with = "optional_id")]
    pub due_date: Option<String>,
    /// Project it belongs to.
    #[serde(default, deserialize_with = "optional_id")]
    pub project_id: Option<String>,
    /// When it last changed; RFC 3339, UTC.
    #[serde(default, deserialize_with = "optional_id")]
    pub updated_at: Option<String>,
}

/// A comment on a task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// `cmt_...`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Who wrote it.
    #[serde(default, deserialize_with = "optional_id")]
    pub author_id: Option<String>,
    /// The text.
    #[serde(default, deserialize_with = "text")]
    pub body: String,
    /// RFC 3339, UTC.
    #[serde(default, deserialize_with = "optional_id")]
    pub created_at: Option<String>,
}

/// This agent, as `agents/me` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// `usr_...`
    pub id: String,
    /// Name as people see it.
    pub display_name: Option<String>,
}

/// The three forms in which a server may answer `agents/me`: `id`, `agent_id` or `user.id`.
#[derive(Deserialize)]
pub(in crate::api) struct AgentAnswer {
    #[serde(default, deserialize_with = "optional_id")]
    id: Option<String>,
    #[serde(default, deserialize_with = "optional_id")]
    agent_id: Option<String>,
    #[serde(default, deserialize_with = "optional_text")]
    display_name: Option<String>,
    #[serde(default)]
    user: Option<Sender>,
}

impl AgentAnswer {
    /// The agent, when any form names it.
    pub(in crate::api) fn into_agent(self) -> Option<Agent> {
        let (user_id, user_name) = self.user.map(|user| (user.id, user.display_name)).unzip();
        let id =
            [self.id, self.agent_id, user_id].into_iter().flatten().find(|id| !id.is_empty())?;
        Some(Agent { id, display_name: self.display_name.or(user_name.flatten()) })
    }
}

/// What the server answers to a sent message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sent {
    /// Id of the message that is in the chat now.
    #[serde(deserialize_with = "id")]
    pub id: String,
}

/// A frame of the socket.
#[derive(Debug, Clone, Deserialize)]
pub struct Frame {
    /// What it is; unknown kinds are ignored.
    #[serde(rename = "type", deserialize_with = "id")]
    pub kind: String,
    /// Position in this agent's stream, where the frame has one.
    #[serde(default, deserialize_with = "whole_number")]
    pub seq: Option<u64>,
    /// The payload, as it came.
    #[serde(default)]
    pub data: Option<Box<serde_json::value::RawValue>>,
}
