//! `parall_send`: write to a chat, a person or a task.

use std::path::PathBuf;

use serde::Deserialize;

use super::Tools;
use super::error::Error;
use super::origin::Origin;
use super::outgoing::{Message, Sent};
use crate::organisation::{Draft, Place, allowed_file, message_id, read_files};

/// The tool's name.
pub(super) const NAME: &str = "parall_send";

/// What it takes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Send {
    to: String,
    text: String,
    thread: Option<String>,
    no_reply: bool,
    attachments: Vec<PathBuf>,
}

pub(super) async fn run(tools: &Tools, wanted: Send, origin: &Origin) -> Result<String, Error> {
    if wanted.to.trim().is_empty() {
        let purpose = "the id or name of a chat or person, or the id of a task";
        return Err(Error::Missing { parameter: "to", purpose });
    }
    let organisation = &tools.organisation;
    let attachments = wanted.attachments.iter().map(|path| {
        let forbidden = || Error::ForbiddenFile { path: path.clone() };
        allowed_file(path, &origin.folders).ok_or_else(forbidden)
    });
    let attachments = attachments.collect::<Result<Vec<_>, _>>()?;
    let draft = Draft { text: wanted.text.clone(), attachments, ..Draft::default() };
    draft.check()?;
    let thread = wanted.thread.as_deref().map(message_id).transpose()?;
    let files = read_files(&draft.attachments).await?;
    let chat = match organisation.place(&wanted.to).await? {
        Place::Task(task) => {
            if !files.is_empty() || thread.is_some() {
                let reason = "a task takes a comment: no thread and no attachments".to_owned();
                return Err(Error::Parameters { reason });
            }
            let sent = tools.outgoing.comment(organisation, &task, wanted.text, origin).await?;
            return Ok(sent_text(&sent, "the task", &task));
        }
        Place::Chat(chat) => chat,
        Place::User(user) => organisation.direct_chat(&user).await?,
    };
    let message = Message { text: wanted.text, thread, no_reply: wanted.no_reply, files };
    let sent = tools.outgoing.message(organisation, &chat, message, origin).await?;
    Ok(sent_text(&sent, "the chat", &chat))
}

/// What the model learns of a text it sent.
pub(super) fn sent_text(sent: &Sent, what: &str, id: &str) -> String {
    match sent {
        Sent::Delivered(text) => format!("Sent: {text} is in {what} {id}."),
        Sent::OnItsWay => format!(
            "On its way to {what} {id}: Parall does not answer, and it is sent as soon as it does. Do not send it again."
        ),
    }
}
