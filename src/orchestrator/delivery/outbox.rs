//! From a reply of the agent to text that stands in the chat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::comment::{Attempt, comment};
use super::host_text::{is_notice, keep_back, visible_text};
use super::split::{PART_LIMIT, split};
use crate::api::NewMessage;
use crate::error::chain;
use crate::journal::{Intent, NewPart, PartRecord, PartState};
use crate::orchestrator::context::Context;
use crate::orchestrator::error::Error;
use crate::orchestrator::host::{Level, ReplyPart};
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::open_turn::OpenTurn;
use crate::orchestrator::turn::registry::{Addressee, OpenTurns};
use crate::text::hex;

/// What people read where a part is missing.
const MISSING_PART: &str = "(A part of this answer could not be delivered.)";

/// Which answers go out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replies {
    /// A turn's answer goes to the chat and thread that caused it.
    #[default]
    Auto,
    /// Nothing goes out unless the agent sends it by a tool or command.
    Explicit,
}

/// Sends text, one part after the other for each target.
pub(crate) struct Outbox {
    context: Arc<Context>,
    turns: Arc<OpenTurns>,
    replies: Replies,
    lanes: Mutex<HashMap<Target, Weak<tokio::sync::Mutex<()>>>>,
}

impl Outbox {
    /// The way to the chats for the turns of an account.
    pub(crate) fn new(context: Arc<Context>, turns: Arc<OpenTurns>, replies: Replies) -> Self {
        Self { context, turns, replies, lanes: Mutex::default() }
    }

    /// Delivers a part of a turn's answer. Comes back when it stands in the chat, or when there is nothing to send.
    pub(crate) async fn deliver(&self, turn: &OpenTurn, part: ReplyPart) -> Result<(), Error> {
        turn.reply();
        // Output of tools is for the agent alone.
        let Some(text) = (part.kind != "tool").then(|| visible_text(&part)).flatten() else {
            return Ok(());
        };
        if turn.no_reply || self.replies == Replies::Explicit {
            keep_back(&self.context, turn);
            return Ok(());
        }
        self.send_for_turn(turn, &text, turn.thread_root_id.as_deref(), part.kind == "final")
            .await
            .map(drop)
    }

    /// Sends text to a target, on behalf of the turn that it belongs to, if there is one. Returns the id of the last message
    /// or comment, or that of the message it is about when there is nothing to send.
    pub(crate) async fn send(
        &self,
        target: &Target,
        text: &str,
        thread: Option<&str>,
    ) -> Result<String, Error> {
        if text.trim().is_empty() {
            return Err(Error::Empty { target: target.to_string() });
        }
        let parts = split(text, PART_LIMIT);
        let addressee = self.turns.addressee(target);
        if let Addressee::Owed(turn) | Addressee::Past(turn) = &addressee
            && turn.no_reply
        {
            keep_back(&self.context, turn);
            return Ok(turn.source.id.clone());
        }
        if let Addressee::Running(turn) | Addressee::Owed(turn) = &addressee
            && !is_notice(text)
        {
            let thread = thread.or(turn.thread_root_id.as_deref());
            let sent = self.send_for_turn(turn, text, thread, false).await;
            // Its answer may have been closed meanwhile, and takes no further part.
            let is_closed = match &sent {
                Ok(id) => id.is_empty(),
                Err(error) => matches!(error, Error::Closed) && !self.context.work.is_cancelled(),
            };
            if !is_closed {
                return sent;
            }
        }
        let nonce = match &addressee {
            Addressee::Past(turn) if turn.has_said(&parts) => return Ok(turn.source.id.clone()),
            // The host may repeat itself after another crash.
            Addressee::Past(turn) => format!("outbound:{}", turn.event_key),
            _ => format!("outbound:{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)),
        };
        let _order = self.lane(target).lock_owned().await;
        if self.context.work.is_cancelled() {
            return Err(Error::Closed);
        }
        let mut id = String::new();
        for (ordinal, part) in parts.into_iter().enumerate() {
            id = put(
                &self.context,
                target,
                &part,
                thread,
                &key(&nonce, ordinal, &part),
                Attempt::First,
            )
            .await?;
        }
        Ok(id)
    }

    /// Sends a message that is no part of an answer, after what is on its way to the same chat, and returns its id.
    pub(crate) async fn send_message(
        &self,
        target: &Target,
        message: &NewMessage,
    ) -> Result<String, Error> {
        let _order = self.lane(target).lock_owned().await;
        let (context, chat) = (&self.context, target.to_string());
        let sent = context
            .persist("sending a message", || context.server.send_message(&chat, message))
            .await;
        let sent = sent.map_err(|error| error.for_target(target))?;
        context.status.touch(|status| &mut status.last_outbound_at);
        Ok(sent.id)
    }

    /// Closes a turn for replies, after those that are on their way, for which it waits at most for `limit`.
    pub(crate) async fn settle(&self, turn: &OpenTurn, limit: Duration) {
        let order = tokio::time::timeout(limit, self.lane(&turn.target).lock_owned()).await;
        turn.close();
        drop(order);
    }

    async fn send_for_turn(
        &self,
        turn: &OpenTurn,
        text: &str,
        thread: Option<&str>,
        last: bool,
    ) -> Result<String, Error> {
        let sent = self.send_parts(turn, text, thread, last).await;
        if matches!(sent, Err(Error::Closed)) {
            turn.cut_off();
        }
        sent
    }

    async fn send_parts(
        &self,
        turn: &OpenTurn,
        text: &str,
        thread: Option<&str>,
        last: bool,
    ) -> Result<String, Error> {
        let _order = self.lane(&turn.target).lock_owned().await;
        if turn.is_closed() {
            return Err(Error::Closed);
        }
        let parts: Vec<NewPart> = split(text, PART_LIMIT)
            .into_iter()
            .map(|text| {
                let ordinal = turn.next_part();
                let (target, thread_root_id) = (turn.target.to_string(), thread.map(str::to_owned));
                NewPart {
                    ordinal,
                    key: key(&turn.event_key, ordinal as usize, &text),
                    target,
                    thread_root_id,
                    text,
                }
            })
            .collect();
        let journal = self.context.journal()?;
        let intents = self
            .context
            .record("noting an answer", || journal.intend(&turn.event_key, parts.clone(), false))
            .await?;
        let mut sent = Ok(String::new());
        for (index, (part, intent)) in parts.iter().zip(intents).enumerate() {
            if intent != Intent::Send {
                continue;
            }
            match send_part(&self.context, &turn.event_key, part, Attempt::First).await {
                Ok(id) => {
                    turn.delivered(&part.text, last && index + 1 == parts.len());
                    sent = sent.map(|_| id);
                }
                Err(Error::Closed) => return Err(Error::Closed),
                Err(error) => {
                    turn.refused(chain(&error));
                    if apologise(&self.context, &turn.target, thread, part, Attempt::First).await {
                        turn.delivered("", false);
                    }
                    sent = sent.and(Err(error));
                }
            }
        }
        sent
    }

    /// Sends what the last run wrote down, after `since` by the server's clock, and did not get confirmed. Where the server will
    /// never take it, people are told that something is missing; an error means that not even that was possible.
    pub(crate) async fn resume(
        &self,
        dispatch_id: &str,
        record: &PartRecord,
        since: Option<&str>,
    ) -> Result<(), Error> {
        let attempt = Attempt::Repeated { since };
        let part = &record.part;
        let target: Target = part.target.parse()?;
        let _order = self.lane(&target).lock_owned().await;
        let error = match record.state {
            PartState::Delivered => return Ok(()),
            PartState::Refused => None,
            PartState::Intended => match send_part(&self.context, dispatch_id, part, attempt).await
            {
                Ok(_) => return Ok(()),
                Err(Error::Closed) => return Err(Error::Closed),
                Err(error) => Some(error),
            },
        };
        let thread = part.thread_root_id.as_deref();
        if apologise(&self.context, &target, thread, part, attempt).await {
            return Ok(());
        }
        Err(error.unwrap_or_else(|| Error::Refused {
            target: target.to_string(),
            cause: record.cause.clone().unwrap_or_default(),
        }))
    }

    /// The lane of a target: whoever holds it sends, the others wait in order.
    fn lane(&self, target: &Target) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(target).and_then(Weak::upgrade) {
            return lane;
        }
        lanes.retain(|_, lane| lane.strong_count() > 0);
        let lane = Arc::default();
        lanes.insert(target.clone(), Arc::downgrade(&lane));
        lane
    }
}

/// Sends a part that the journal knows and notes what became of it.
async fn send_part(
    context: &Context,
    dispatch_id: &str,
    part: &NewPart,
    attempt: Attempt<'_>,
) -> Result<String, Error> {
    let target = part.target.parse()?;
    let thread = part.thread_root_id.as_deref();
    let journal = context.journal()?;
    match put(context, &target, &part.text, thread, &part.key, attempt).await {
        Ok(id) => {
            context
                .record("noting a delivery", || {
                    journal.part_delivered(dispatch_id, part.ordinal, &id)
                })
                .await?;
            Ok(id)
        }
        Err(Error::Closed) => Err(Error::Closed),
        Err(error) => {
            let cause = chain(&error);
            context.log(
                Level::Error,
                format!("part {} of the answer to {dispatch_id}: {cause}", part.ordinal),
            );
            context
                .record("noting a refusal", || {
                    journal.part_refused(dispatch_id, part.ordinal, &cause)
                })
                .await?;
            Err(error)
        }
    }
}

/// Tells people that something is missing; whether that worked.
async fn apologise(
    context: &Context,
    target: &Target,
    thread: Option<&str>,
    part: &NewPart,
    attempt: Attempt<'_>,
) -> bool {
    let key = format!("{}:missing", part.key);
    put(context, target, MISSING_PART, thread, &key, attempt).await.is_ok()
}

/// Puts text where it belongs and notes it in the status.
async fn put(
    context: &Context,
    target: &Target,
    text: &str,
    thread: Option<&str>,
    key: &str,
    attempt: Attempt<'_>,
) -> Result<String, Error> {
    let id = match target {
        Target::Chat(chat_id) => {
            let message = NewMessage {
                text: text.to_owned(),
                thread_root_id: thread.map(str::to_owned),
                idempotency_key: key.to_owned(),
                no_reply: false,
                attachment_ids: Vec::new(),
            };
            let sent = context
                .persist("sending a message", || context.server.send_message(chat_id, &message))
                .await;
            sent.map_err(|error| error.for_target(target))?.id
        }
        Target::Task(task_id) => comment(context, task_id, text, attempt)
            .await
            .map_err(|error| error.for_target(target))?,
    };
    context.status.touch(|status| &mut status.last_outbound_at);
    Ok(id)
}

/// The key under which a part is sent: the same for the same part of the same event, whatever happens in between. The
/// server keeps the prefixes `reply:` and `task_update:` for itself.
fn key(event_key: &str, ordinal: usize, text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    format!("openclaw:{event_key}:{ordinal}:{}", hex(&digest[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable_differ_by_part_and_avoid_reserved_prefixes() {
        assert_eq!(key("dsp_1", 0, "a"), key("dsp_1", 0, "a"));
        assert_ne!(key("dsp_1", 0, "a"), key("dsp_1", 1, "a"));
        assert_ne!(key("dsp_1", 0, "a"), key("dsp_1", 0, "b"));
        assert!(!key("reply:1", 0, "a").starts_with("reply:"));
    }
}
