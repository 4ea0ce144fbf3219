//! How what a tool writes leaves.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::error::Error;
use super::origin::Origin;
use crate::api::{NewFile, NewMessage};
use crate::orchestrator::Gateway;
use crate::organisation::{Draft, Organisation, object_id};

/// How long a tool waits for a text to arrive. An account keeps trying after that.
const PATIENCE: Duration = Duration::from_secs(45);

/// A message on its way to a chat.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) thread: Option<String>,
    pub(super) no_reply: bool,
    pub(super) files: Vec<NewFile>,
}

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is there, under this id.
    Delivered(String),
    /// The account sends it as soon as the server answers.
    OnItsWay,
}

/// The way out.
pub(super) struct Outgoing {
    gateway: Option<Arc<Gateway>>,
}

impl Outgoing {
    pub(super) fn new(gateway: Option<Arc<Gateway>>) -> Self {
        Self { gateway }
    }

    /// Sends a message to a chat, in the order of that chat where the account runs in this process.
    pub(super) async fn message(
        &self,
        organisation: &Organisation,
        chat: &str,
        message: Message,
        origin: &Origin,
    ) -> Result<Sent, Error> {
        let Message { text, thread, no_reply, files } = message;
        let Some(gateway) = self.gateway.clone() else {
            let draft = Draft { text, thread_root_id: thread, no_reply, ..Draft::default() };
            let sent = organisation.send_with(chat, &draft, &files, None).await?;
            return Ok(Sent::Delivered(object_id(&sent)));
        };
        let attachment_ids = organisation.upload(&files, None).await?;
        let chat = chat.to_owned();
        if attachment_ids.is_empty() && !no_reply {
            let run = origin.run.clone();
            let send = async move {
                gateway.send_text(&chat, &text, thread.as_deref(), run.as_deref()).await
            };
            return arrival(tokio::spawn(send)).await;
        }
        let idempotency_key =
            format!("openclaw:tool:{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let message =
            NewMessage { text, thread_root_id: thread, idempotency_key, no_reply, attachment_ids };
        arrival(tokio::spawn(async move { gateway.send_message(&chat, &message).await })).await
    }

    /// Comments on a task.
    pub(super) async fn comment(
        &self,
        organisation: &Organisation,
        task: &str,
        text: String,
        origin: &Origin,
    ) -> Result<Sent, Error> {
        let Some(gateway) = self.gateway.clone() else {
            let comment = organisation.add_comment(task, &text).await?;
            return Ok(Sent::Delivered(object_id(&comment)));
        };
        let (task, run) = (task.to_owned(), origin.run.clone());
        let send = async move { gateway.send_text(&task, &text, None, run.as_deref()).await };
        arrival(tokio::spawn(send)).await
    }
}

/// Waits for a text to arrive. The account tracks it, and ends it when it stops.
async fn arrival(
    sending: JoinHandle<Result<String, crate::orchestrator::Error>>,
) -> Result<Sent, Error> {
    match tokio::time::timeout(PATIENCE, sending).await {
        Ok(Ok(sent)) => Ok(Sent::Delivered(sent?)),
        // The task ended with the runtime.
        Ok(Err(_)) => Err(crate::orchestrator::Error::Closed.into()),
        Err(_) => Ok(Sent::OnItsWay),
    }
}
