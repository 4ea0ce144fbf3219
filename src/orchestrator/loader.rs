//! From a reference ("look at this source") to a claimed event with everything a turn needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::unfold;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::{Event, Origin, Subject};
use super::gate::Gate;
use super::host::Level;
use super::lanes::Lanes;
use super::seen::Seen;
use super::settle::{acknowledge, close};
use super::shared::{PersistError, Shared, Stopped};
use crate::api::{Chat, Message, Task};
use crate::error::chain;
use crate::journal::{Claim, NewDispatch, Origin as JournalOrigin};

/// How many events are loaded at once. Their order is kept.
const AT_ONCE: usize = 32;
/// How long a chat's name and kind are believed.
const CHAT_LIFETIME: Duration = Duration::from_secs(300);
/// How many chats are remembered.
const MOST_CHATS: usize = 1_000;

/// Something to look at.
#[derive(Debug)]
pub(super) struct Reference {
    /// What tells it from all others.
    pub key: String,
    /// How it came.
    pub origin: Origin,
    /// What it is, as far as it is known.
    pub source: Source,
    /// Position of the frame that brought it.
    pub seq: Option<u64>,
    /// It may be what ended the process the last times, and so runs with nothing beside it.
    pub alone: bool,
}

/// The source of an event.
#[derive(Debug)]
pub(super) enum Source {
    /// To be loaded: its kind (`message`, `task`) and its id.
    Named(String, String),
    /// A message that came with its announcement.
    Message(Box<Message>),
    /// A task that came with its announcement.
    Task(Box<Task>),
}

/// Loads what references point to.
pub(super) struct Loader {
    /// The account.
    pub shared: Arc<Shared>,
    /// What this process has taken on.
    pub seen: Arc<Seen>,
    /// What needs no turn.
    pub gate: Gate,
}

type Chats = Mutex<HashMap<String, (Chat, Instant)>>;

/// What has become of a reference.
struct Loaded {
    /// The event, unless there is nothing to answer or the account stops.
    event: Option<Event>,
    seq: Option<u64>,
    alone: bool,
}

/// Why there is no event to hand on.
enum Nothing {
    /// It is over, one way or another.
    Over,
    /// The account stops, or the journal cannot take it.
    Stopped,
    /// The server refuses to show it.
    Refused(String),
}

impl From<Stopped> for Nothing {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl Loader {
    /// Loads references in order and hands the events to the lanes until the account stops.
    pub(super) async fn run(
        self,
        references: mpsc::UnboundedReceiver<Reference>,
        lanes: Arc<Lanes>,
    ) {
        let chats = Chats::default();
        let stream = unfold(references, |mut references| async {
            references.recv().await.map(|next| (next, references))
        });
        let mut events =
            std::pin::pin!(stream.map(|reference| self.load(reference, &chats)).buffered(AT_ONCE));
        loop {
            let Loaded { event, seq, alone } = tokio::select! {
                biased;
                () = self.shared.work.cancelled() => return,
                loaded = events.next() => match loaded {
                    Some(loaded) => loaded,
                    None => return,
                },
            };
            if let Some(seq) = seq
                && let Ok(journal) = self.shared.journal()
            {
                journal.set_cursor(seq);
                self.shared.status.update(|status| status.event_cursor = Some(seq));
            }
            if let Some(event) = event
                && self.gate.admits(&self.shared, &self.seen, &event).await
            {
                if alone {
                    lanes.accept_alone(event).await;
                } else {
                    lanes.accept(event);
                }
            }
        }
    }

    async fn load(&self, reference: Reference, chats: &Chats) -> Loaded {
        let (key, origin) = (reference.key.clone(), reference.origin.clone());
        let Reference { seq, alone, .. } = reference;
        let event = match self.event(reference, chats).await {
            Ok(event) => Some(event),
            Err(Nothing::Over) => None,
            Err(Nothing::Stopped) => {
                self.seen.release(&key);
                None
            }
            Err(Nothing::Refused(cause)) => {
                self.refused(&key, &origin, &cause).await;
                None
            }
        };
        Loaded { event, seq, alone }
    }

    async fn event(&self, reference: Reference, chats: &Chats) -> Result<Event, Nothing> {
        let Reference { key, origin, source, .. } = reference;
        let event = match source {
            Source::Named(kind, id) => {
                let (claimed, subject) =
                    join(self.claim(&key, &origin, &kind, &id), self.subject(&kind, &id, chats))
                        .await;
                self.heed(claimed?, &key, &origin)?;
                let Some(subject) = subject? else {
                    // Deleted, or hidden from this agent by now: nobody waits for an answer.
                    self.shared.log(Level::Info, format!("{key}: {id} is gone"));
                    close(&self.shared, &self.seen, &key, &origin, "its source is gone").await;
                    return Err(Nothing::Over);
                };
                Event { origin, subject }
            }
            Source::Message(message) => {
                let event = Event { origin, subject: self.message(*message, chats).await? };
                self.claim_announced(event, "message").await?
            }
            Source::Task(task) => {
                self.claim_announced(Event { origin, subject: Subject::Task(*task) }, "task")
                    .await?
            }
        };
        self.describe(&event);
        Ok(event)
    }

    /// Takes an announced event on, if it is for this agent at all.
    async fn claim_announced(&self, event: Event, kind: &str) -> Result<Event, Nothing> {
        if !self.gate.is_addressed(&event) {
            self.seen.done(event.key());
            return Err(Nothing::Over);
        }
        let claim = self.claim(event.key(), &event.origin, kind, event.source_id()).await?;
        self.heed(claim, event.key(), &event.origin)?;
        Ok(event)
    }

    async fn claim(
        &self,
        key: &str,
        origin: &Origin,
        kind: &str,
        id: &str,
    ) -> Result<Claim, Stopped> {
        let dispatch = NewDispatch {
            id: key.to_owned(),
            origin: match origin {
                Origin::Dispatch { .. } => JournalOrigin::Inbox,
                Origin::Announcement => JournalOrigin::Announcement,
            },
            source_type: kind.to_owned(),
            source_id: id.to_owned(),
            details: None,
        };
        let journal = self.shared.journal()?;
        self.shared.record("taking on an event", || journal.claim(dispatch.clone())).await
    }

    /// What an earlier life of this process knows of the event counts.
    fn heed(&self, claim: Claim, key: &str, origin: &Origin) -> Result<(), Nothing> {
        match claim {
            Claim::New | Claim::Running(_) => Ok(()),
            Claim::Done => {
                self.seen.done(key);
                acknowledge(&self.shared, key, origin);
                Err(Nothing::Over)
            }
            Claim::Dead { .. } => {
                self.seen.failed(key);
                Err(Nothing::Over)
            }
        }
    }

    /// Adds what is known now to the journal, for the operator's eyes.
    fn describe(&self, event: &Event) {
        let (task, key, details) =
            (Arc::clone(&self.shared), event.key().to_owned(), event.details());
        self.shared.tasks.spawn(async move {
            if let Ok(journal) = task.journal() {
                let _ = task
                    .record("describing an event", || journal.describe(&key, details.clone()))
                    .await;
            }
        });
    }

    async fn refused(&self, key: &str, origin: &Origin, cause: &str) {
        let text = format!("{key} cannot be loaded: {cause}");
        self.shared.log(Level::Error, text.clone());
        self.shared.status.update(|status| status.last_error = Some(text));
        self.seen.failed(key);
        if let (Origin::Dispatch { .. }, Ok(journal)) = (origin, self.shared.journal()) {
            let _ = self
                .shared
                .record("noting a dead letter", || journal.dead_letter(key, cause))
                .await;
        }
    }

    /// The source; nothing when it is gone.
    async fn subject(
        &self,
        kind: &str,
        id: &str,
        chats: &Chats,
    ) -> Result<Option<Subject>, Nothing> {
        let server = &self.shared.server;
        let loaded = match kind {
            "message" => {
                match self.shared.persist("loading a message", || server.message(id)).await {
                    Ok(message) => return self.message(message, chats).await.map(Some),
                    Err(error) => Err(error),
                }
            }
            "task" => {
                self.shared.persist("loading a task", || server.task(id)).await.map(Subject::Task)
            }
            other => {
                return Err(Nothing::Refused(format!(
                    "this version does not handle sources of kind {other}"
                )));
            }
        };
        match loaded {
            Ok(subject) => Ok(Some(subject)),
            Err(PersistError::Closed) => Err(Nothing::Stopped),
            Err(PersistError::Refused(error)) if error.status() == Some(404) => Ok(None),
            Err(PersistError::Refused(error)) => Err(Nothing::Refused(chain(&error))),
        }
    }

    async fn message(&self, message: Message, chats: &Chats) -> Result<Subject, Nothing> {
        let chat = self.chat(&message.chat_id, chats).await?;
        Ok(Subject::Message { message, chat })
    }

    async fn chat(&self, id: &str, chats: &Chats) -> Result<Chat, Nothing> {
        let known = chats.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((chat, since)) = known
            && since.elapsed() < CHAT_LIFETIME
        {
            return Ok(chat);
        }
        let chat = match self.shared.persist("loading a chat", || self.shared.server.chat(id)).await
        {
            Ok(chat) => chat,
            // The message is readable, so it can be answered without the chat's name.
            Err(PersistError::Refused(_)) => Chat { id: id.to_owned(), kind: None, name: None },
            Err(PersistError::Closed) => return Err(Nothing::Stopped),
        };
        let mut chats = chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.len() >= MOST_CHATS {
            chats.clear();
        }
        chats.insert(id.to_owned(), (chat.clone(), Instant::now()));
        Ok(chat)
    }
}
