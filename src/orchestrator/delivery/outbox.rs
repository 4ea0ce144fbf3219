//! From a reply of the agent to text that is in the chat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::comment::Attempt;
use super::files::{pieces, refuse, sorted, upload, with_lines};
use super::host_text::{Content, is_notice, keep_back, sendable, visible};
use super::part_key::{completes, part_key};
use super::send::{apologise, post, put, send_part};
use super::split::{PART_LIMIT, split};
use crate::api::NewMessage;
use crate::error::chain;
use crate::journal::{Intent, NewPart, PartRecord, PartState, Uploaded};
use crate::orchestrator::context::Context;
use crate::orchestrator::error::Error;
use crate::orchestrator::host::{Outgoing, ReplyPart};
use crate::orchestrator::loops::guard::LoopGuard;
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::attribution::{Attribution, Evidence};
use crate::orchestrator::turn::open_turn::{Fixed, OpenTurn};
use crate::orchestrator::turn::registry::OpenTurns;

/// Which answers go out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replies {
    /// A turn's answer goes to the chat and thread that caused it.
    #[default]
    Auto,
    /// Nothing goes out unless the agent sends it by a tool or command.
    Explicit,
}

/// The right to send to a target.
pub(crate) type Order = OwnedMutexGuard<()>;

/// What became of a part of an answer.
#[derive(Debug)]
enum Sent {
    /// All of it is in the chat; the id of its last message or comment.
    Delivered(String),
    /// The account stopped first. It is in the journal, and the next start sends it.
    Journaled,
    /// The answer takes no further part.
    TooLate,
}

/// Sends text, one part after the other for each target.
pub(crate) struct Outbox {
    context: Arc<Context>,
    turns: Arc<OpenTurns>,
    loops: Arc<LoopGuard>,
    replies: Replies,
    send_locks: Mutex<HashMap<Target, Weak<tokio::sync::Mutex<()>>>>,
}

impl Outbox {
    /// The way to the chats for the turns of an account.
    pub(crate) fn new(
        context: Arc<Context>,
        turns: Arc<OpenTurns>,
        loops: Arc<LoopGuard>,
        replies: Replies,
    ) -> Self {
        Self { context, turns, loops, replies, send_locks: Mutex::default() }
    }

    /// Delivers a part of a turn's answer. Comes back when it is in the chat, when the next start is certain to send it, or when
    /// there is nothing to send.
    ///
    /// # Errors
    /// [`Error::Closed`] when the account stops and nothing is noted of the part: it may be delivered again.
    pub(crate) async fn deliver(&self, turn_id: &str, part: ReplyPart) -> Result<(), Error> {
        let evidence = Evidence::Reply { turn: turn_id, is_final: part.kind == "final" };
        let attribution = self.turns.attribute(evidence, None);
        let is_stopping = self.context.work.is_cancelled();
        let Attribution::Answer { turn, completes } = attribution else {
            return Err(if is_stopping {
                Error::Closed
            } else {
                Error::UnknownTurn { turn_id: turn_id.to_owned() }
            });
        };
        if is_stopping {
            turn.cut_off();
            return Err(Error::Closed);
        }
        turn.reply();
        // Output of tools is for the agent alone.
        let text = part.text.as_deref().unwrap_or_default();
        let content = (part.kind != "tool").then(|| visible(text, &part.media)).flatten();
        let Some(content) = content else { return Ok(()) };
        if turn.fixed.no_reply || self.replies == Replies::Explicit {
            keep_back(&self.context, &turn);
            return Ok(());
        }
        let content = checked(content, &part.folders, &turn.fixed.target).await;
        let thread = turn.fixed.thread_root_id.as_deref();
        match self.answer(&turn, &content, thread, completes).await? {
            Sent::Delivered(_) | Sent::Journaled => Ok(()),
            Sent::TooLate => Err(Error::UnknownTurn { turn_id: turn_id.to_owned() }),
        }
    }

    /// Sends text to a target, on behalf of the turn that it belongs to, if there is one; `run` is the turn from whose run it
    /// was sent. Returns the id of the last message or comment, or that of the message it is about when there is nothing to
    /// send.
    pub(crate) async fn send(
        &self,
        target: &Target,
        outgoing: &Outgoing,
        thread: Option<&str>,
        run: Option<&str>,
    ) -> Result<String, Error> {
        let text = outgoing.text.as_str();
        let Some(content) = sendable(text, &outgoing.media) else {
            return Err(Error::Empty { target: target.to_string() });
        };
        let evidence = match run {
            Some(turn) => Evidence::Run { turn },
            None => Evidence::Unnamed { is_notice: is_notice(text) },
        };
        let nonce = match self.turns.attribute(evidence, Some(target)) {
            Attribution::Answer { turn, completes } => {
                let id = turn.fixed.source.id.clone();
                if turn.fixed.no_reply {
                    keep_back(&self.context, &turn);
                    return Ok(id);
                }
                let thread = thread.or(turn.fixed.thread_root_id.as_deref());
                let answer = checked(content.clone(), &outgoing.folders, target).await;
                match self.answer(&turn, &answer, thread, completes).await? {
                    Sent::Delivered(id) => return Ok(id),
                    Sent::Journaled => return Ok(id),
                    Sent::TooLate => random_nonce(),
                }
            }
            Attribution::Addition { turn } => {
                if turn.fixed.no_reply {
                    keep_back(&self.context, &turn);
                    return Ok(turn.fixed.source.id.clone());
                }
                if content.files.is_empty() && turn.has_said(&split(text, PART_LIMIT)) {
                    return Ok(turn.fixed.source.id.clone());
                }
                // The host may repeat itself after another crash.
                format!("outbound:{}", turn.fixed.event_key)
            }
            Attribution::Note | Attribution::Refused => random_nonce(),
        };
        if let Some(from) = run.and_then(|run| self.turns.target_of(run))
            && let Ok(journal) = self.context.journal()
        {
            self.loops.spoke(&from, target, journal);
        }
        self.note(target, content, &outgoing.folders, thread, &nonce).await
    }

    /// Sends what answers nobody: all of it, or nothing when a file of it cannot be sent.
    async fn note(
        &self,
        target: &Target,
        content: Content,
        folders: &[String],
        thread: Option<&str>,
        nonce: &str,
    ) -> Result<String, Error> {
        let (files, unsent) = sorted(content.files, folders, target).await;
        refuse(unsent)?;
        let _order = self.order(target).await;
        if self.context.work.is_cancelled() {
            return Err(Error::Closed);
        }
        let (ids, unsent) = upload(&self.context, &files).await?;
        refuse(unsent)?;
        let mut id = String::new();
        for (ordinal, (text, attachment_ids)) in (0..).zip(pieces(&content.text, &ids)) {
            let key = part_key(nonce, ordinal, &text, &attachment_ids, true);
            let ready = Uploaded { text, attachment_ids };
            id = put(&self.context, target, &ready, thread, &key, Attempt::First).await?;
        }
        Ok(id)
    }

    /// Sends a message that is no part of an answer, after what is on its way to the same chat, and returns its id.
    pub(crate) async fn send_message(
        &self,
        target: &Target,
        message: &NewMessage,
    ) -> Result<String, Error> {
        let _order = self.order(target).await;
        post(&self.context, target, message).await
    }

    /// Closes a turn for replies, after those that are on their way, for which it waits at most for `limit`.
    pub(crate) async fn settle(&self, turn: &OpenTurn, limit: Duration) {
        let order = tokio::time::timeout(limit, self.order(&turn.fixed.target)).await;
        turn.close();
        drop(order);
    }

    /// Sends a part of a turn's answer; the answer is complete with it, or not.
    async fn answer(
        &self,
        turn: &OpenTurn,
        content: &Content,
        thread: Option<&str>,
        completes_answer: bool,
    ) -> Result<Sent, Error> {
        let Fixed { target, event_key, .. } = &turn.fixed;
        let _order = self.order(target).await;
        let pieces = pieces(&content.text, &content.files);
        let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let Some(first) = turn.next_parts(count) else {
            if !self.context.work.is_cancelled() {
                return Ok(Sent::TooLate);
            }
            turn.cut_off();
            return Err(Error::Closed);
        };
        let parts: Vec<NewPart> = (first..)
            .zip(pieces)
            .map(|(ordinal, (text, files))| NewPart {
                ordinal,
                key: part_key(event_key, ordinal, &text, &files, completes_answer),
                target: target.to_string(),
                thread_root_id: thread.map(str::to_owned),
                text,
                files,
            })
            .collect();
        let journal = self.context.journal()?;
        let intents = self
            .context
            .record("noting an answer", || journal.intend(event_key, parts.clone()))
            .await
            .inspect_err(|_| turn.cut_off())?;
        let mut sent = Ok(Sent::TooLate);
        for (part, intent) in parts.iter().zip(intents) {
            if intent != Intent::Send {
                continue;
            }
            match send_part(&self.context, event_key, part, None, Attempt::First).await {
                Ok(id) => {
                    turn.delivered(&part.text);
                    sent = sent.map(|_| Sent::Delivered(id));
                }
                Err(Error::Closed) => {
                    turn.cut_off();
                    return Ok(Sent::Journaled);
                }
                Err(error) => {
                    turn.refused(chain(&error));
                    if apologise(&self.context, target, thread, part, Attempt::First).await {
                        turn.delivered("");
                    }
                    sent = sent.and(Err(error));
                }
            }
        }
        if completes_answer && turn.has_answer() {
            turn.complete();
        }
        sent
    }

    /// Sends what the last process wrote down, after `since` by the server's clock, and did not get confirmed. Where the server
    /// will never take it, people read that something is missing, if nothing else comes; an error means that not even that was
    /// possible. The caller holds the order of the target if anything is to be sent.
    pub(crate) async fn resume(
        &self,
        dispatch_id: &str,
        record: &PartRecord,
        since: Option<&str>,
        _order: Option<&Order>,
    ) -> Result<(), Error> {
        let attempt = Attempt::Repeated { since };
        let part = &record.part;
        let target: Target = part.target.parse()?;
        let error = match record.state {
            PartState::Delivered => return Ok(()),
            PartState::Refused => None,
            PartState::Intended => {
                let uploaded = record.uploaded.as_ref();
                match send_part(&self.context, dispatch_id, part, uploaded, attempt).await {
                    Ok(_) => return Ok(()),
                    Err(Error::Closed) => return Err(Error::Closed),
                    Err(error) => Some(error),
                }
            }
        };
        let thread = part.thread_root_id.as_deref();
        if completes(&part.key) && apologise(&self.context, &target, thread, part, attempt).await {
            return Ok(());
        }
        Err(error.unwrap_or_else(|| Error::Refused {
            target: target.to_string(),
            cause: record.cause.clone().unwrap_or_default(),
        }))
    }

    /// Waits for the right to send to a target: whoever has it sends, the others wait in order.
    pub(crate) async fn order(&self, target: &Target) -> Order {
        self.send_lock(target).lock_owned().await
    }

    fn send_lock(&self, target: &Target) -> Arc<tokio::sync::Mutex<()>> {
        let mut send_locks = self.send_locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = send_locks.get(target).and_then(Weak::upgrade) {
            return lock;
        }
        send_locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::default();
        send_locks.insert(target.clone(), Arc::downgrade(&lock));
        lock
    }
}

/// A part of an answer with those files alone that may be sent, and a line for each other.
async fn checked(content: Content, folders: &[String], target: &Target) -> Content {
    let Content { text, files } = content;
    let (files, unsent) = sorted(files, folders, target).await;
    Content { text: with_lines(&text, &unsent), files }
}

/// Makes every note another one for the server.
fn random_nonce() -> String {
    format!("outbound:{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}
