//! Messages of chats and threads.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Organisation;
use super::attachments::{Progress, read_files};
use super::error::Error;
use super::list::{List, PagedList, Paging};
use crate::api::{NewFile, NewMessage, Object};

/// Longest text of a message or comment, in bytes.
pub const LONGEST_TEXT: usize = 64 * 1024;

/// Which messages of a chat are wanted.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only those after this message, oldest first.
    pub after: Option<String>,
    /// Only those since this time or date.
    pub since: Option<String>,
    /// Only answers in the thread of this message.
    pub thread_root_id: Option<String>,
    /// Only those outside of threads.
    pub top_level: bool,
}

/// A message to send.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The text; may be empty when there are attachments.
    pub text: String,
    /// The thread it belongs to.
    pub thread_root_id: Option<String>,
    /// Asks agents not to answer.
    pub no_reply: bool,
    /// Files that ride on it.
    pub attachments: Vec<PathBuf>,
    /// The server makes one message of all sends with the same key; a new one when left out.
    pub idempotency_key: Option<String>,
}

impl Draft {
    /// Refuses what could not be sent to any chat, before something is made for it.
    pub fn check(&self) -> Result<(), Error> {
        check_text("the text", &self.text, !self.attachments.is_empty())
    }
}

impl Organisation {
    /// Messages of a chat, newest first.
    pub async fn messages(
        &self,
        chat: &str,
        filter: &MessageFilter,
        paging: &Paging,
    ) -> Result<List, Error> {
        let mut filters = Vec::new();
        let texts = [
            ("after", &filter.after),
            ("since", &filter.since),
            ("thread_root_id", &filter.thread_root_id),
        ];
        filters.extend(texts.iter().filter_map(|(key, text)| Some((*key, text.as_deref()?))));
        filters.extend(filter.top_level.then_some(("top_level", "true")));
        self.list(PagedList::Messages(chat), paging, &filters).await
    }

    /// One message.
    pub async fn message(&self, message: &str) -> Result<Object, Error> {
        Ok(self.read(|| self.client().message_object(message)).await?)
    }

    /// Answers in the thread of a message, oldest first; a page may begin with the message itself.
    pub async fn replies(
        &self,
        message: &str,
        after: Option<&str>,
        paging: &Paging,
    ) -> Result<List, Error> {
        let filters: Vec<_> = after.map(|after| ("after", after)).into_iter().collect();
        self.list(PagedList::Replies(message), paging, &filters).await
    }

    /// Sends a message, repeating what the server recognises as the same.
    pub async fn send(
        &self,
        chat: &str,
        draft: &Draft,
        progress: Option<&Progress>,
    ) -> Result<Object, Error> {
        let files = read_files(&draft.attachments).await?;
        self.send_with(chat, draft, &files, progress).await
    }

    /// The same with files that have been read already, instead of those that the draft names.
    pub async fn send_with(
        &self,
        chat: &str,
        draft: &Draft,
        files: &[NewFile],
        progress: Option<&Progress>,
    ) -> Result<Object, Error> {
        check_text("the text", &draft.text, !files.is_empty())?;
        let message = NewMessage {
            text: draft.text.clone(),
            thread_root_id: draft.thread_root_id.clone(),
            idempotency_key: draft.idempotency_key.clone().unwrap_or_else(new_key),
            no_reply: draft.no_reply,
            attachment_ids: self.upload(files, progress).await?,
        };
        // A later refusal says nothing about an earlier attempt.
        let perhaps_done = AtomicBool::new(false);
        let sent = self.read(|| async {
            let sent = self.client().create_message(chat, &message).await;
            let is_open = sent.as_ref().is_err_and(|error| !error.nothing_done());
            perhaps_done.fetch_or(is_open, Ordering::Relaxed);
            sent
        });
        match sent.await {
            Err(source) if perhaps_done.into_inner() => Err(Error::UnknownOutcome {
                what: "the message was sent",
                advice: format!(
                    "sending the same text again with the idempotency key {} cannot make a double",
                    message.idempotency_key
                ),
                source: Box::new(source),
            }),
            sent => Ok(sent?),
        }
    }
}

/// Refuses a text that cannot be sent. Empty is only right where something else is there.
pub(super) fn check_text(what: &'static str, text: &str, may_be_empty: bool) -> Result<(), Error> {
    let reason = if text.trim().is_empty() && !may_be_empty {
        "it is empty".to_owned()
    } else if text.len() > LONGEST_TEXT {
        let length = text.len();
        format!("it has {length} bytes, and {LONGEST_TEXT} is the most; send a file instead")
    } else {
        return Ok(());
    };
    Err(Error::Invalid { what, reason })
}

/// A key that no other message has.
fn new_key() -> String {
    format!("parall-command:{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_endless_texts_are_refused_before_anything_is_sent() {
        assert!(check_text("the text", " \n", false).is_err());
        assert!(check_text("the text", "", true).is_ok());
        assert!(check_text("the text", &"x".repeat(LONGEST_TEXT), false).is_ok());
        assert!(check_text("the text", &"x".repeat(LONGEST_TEXT + 1), true).is_err());
        assert_ne!(new_key(), new_key());
    }
}
