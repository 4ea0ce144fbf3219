//! From a reference ("look at this source") to a claimed event with everything a turn needs.
//!
//! Order matters within a chat or task alone, so one that is slow to load holds up nobody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::admission::Gate;
use super::history::{History, Place};
use super::order::{Aimed, Ordered};
use crate::api::{Chat, Error, Message, Task};
use crate::error::chain;
use crate::orchestrator::context::{Context, PersistError, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::event::{Event, Origin, Subject};
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::lanes::scheduler::Lanes;
use crate::orchestrator::server::Answer;
use crate::orchestrator::target::Target;

/// How many events that wait are claimed together.
pub(crate) const CLAIMED_AT_ONCE: usize = 64;
/// How many events are on their way from the server at once, those counted that wait before they are tried again.
pub(crate) const AT_ONCE: usize = 256;
/// How many of these may belong to one chat.
const OF_A_CHAT: usize = 16;
/// How many requests these make at once.
pub(crate) const CALLS_AT_ONCE: usize = 32;
/// Bytes of an attachment's description in memory, roughly.
const ATTACHMENT_SIZE: usize = 256;
/// How long a chat's name and kind are believed.
const CHAT_LIFETIME: Duration = Duration::from_secs(300);
/// How many chats are remembered.
const MOST_CHATS: usize = 1_000;

/// Something to look at.
#[derive(Debug)]
pub(crate) struct Reference {
    /// What tells it from all others.
    pub key: String,
    /// How it came.
    pub origin: Origin,
    /// What it is, as far as it is known.
    pub source: Source,
    /// Position of the frame that brought it.
    pub seq: Option<u64>,
    /// The chat of a message that is only named, where somebody has told.
    pub chat: Option<String>,
    /// It may be what ended the process the last times, and so runs with nothing beside it.
    pub alone: bool,
    /// What is known up to it, once it is claimed.
    pub place: Option<Place>,
}

/// The source of an event.
#[derive(Debug)]
pub(crate) enum Source {
    /// To be loaded: its kind (`message`, `task`) and its id.
    Named(String, String),
    /// A message that came with its announcement.
    Message(Box<Message>),
    /// A task that came with its announcement.
    Task(Box<Task>),
}

impl Reference {
    /// Where it belongs, as far as it is known before it is loaded.
    pub(crate) fn target(&self) -> Option<Target> {
        match &self.source {
            Source::Message(message) => Some(Target::Chat(message.chat_id.clone())),
            Source::Task(task) => Some(Target::Task(task.id.clone())),
            Source::Named(kind, id) if kind == "task" => Some(Target::Task(id.clone())),
            Source::Named(..) => self.chat.clone().map(Target::Chat),
        }
    }
}

impl Source {
    /// Bytes in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Named(..) => 0,
            Self::Message(message) => message_size(message),
            Self::Task(task) => task_size(task),
        }
    }
}

/// Bytes of an event in memory, roughly.
fn size(event: &Event) -> usize {
    match &event.subject {
        Subject::Message { message, .. } => message_size(message),
        Subject::Task(task) => task_size(task),
    }
}

/// Bytes of a message in memory, roughly.
fn message_size(message: &Message) -> usize {
    message.content.text.len() + message.attachments.len() * ATTACHMENT_SIZE
}

/// Bytes of a task in memory, roughly.
fn task_size(task: &Task) -> usize {
    task.title.len() + task.description.as_ref().map_or(0, String::len)
}

/// Loads what references point to.
pub(crate) struct Loader {
    /// The account.
    pub context: Arc<Context>,
    /// What this process has taken on.
    pub in_flight: Arc<InFlight>,
    /// How events end.
    pub completion: Arc<Completion>,
    /// What needs no turn.
    pub gate: Gate,
    /// How far chats were read.
    pub history: Arc<History>,
    /// Chats that were loaded, and when.
    pub chats: Chats,
    /// Room for requests.
    pub calls: Semaphore,
}

/// A reference that is claimed, or why it need not be.
pub(crate) struct Claimed {
    pub key: String,
    pub origin: Origin,
    pub alone: bool,
    pub target: Option<Target>,
    pub source: Result<Sought, Nothing>,
}

/// What has to be loaded yet.
pub(crate) enum Sought {
    /// Everything.
    Named(String, String),
    /// Nothing.
    Found(Box<Event>),
}

/// Chats, and when they were loaded.
pub(crate) type Chats = Mutex<HashMap<String, (Chat, Instant)>>;

/// What has become of a reference.
struct Loaded {
    /// The event, unless there is nothing to answer or the account stops.
    event: Option<Event>,
    alone: bool,
}

impl Aimed for Loaded {
    fn target(&self) -> Option<Target> {
        self.event.as_ref().map(Event::target)
    }
}

/// Why there is no event to hand on.
pub(crate) enum Nothing {
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
    /// Claims references and hands what they point to to the lanes, in order, until the account stops.
    pub(crate) async fn run(
        self,
        references: mpsc::UnboundedReceiver<Reference>,
        lanes: Arc<Lanes>,
    ) {
        let (sender, claimed) = mpsc::channel(CLAIMED_AT_ONCE);
        tokio::select! {
            biased;
            () = self.context.work.cancelled() => {}
            () = join(self.claim_all(references, sender), self.load_all(claimed, lanes)).map(drop) => {}
        }
    }

    /// Loads what is claimed, several at once.
    async fn load_all(&self, mut claimed: mpsc::Receiver<Claimed>, lanes: Arc<Lanes>) {
        let mut loading = Ordered::new(AT_ONCE, OF_A_CHAT);
        loop {
            let loaded = tokio::select! {
                biased;
                loaded = loading.next(|| !self.in_flight.is_heavy(), self.in_flight.lighter()) => loaded,
                next = claimed.recv() => match next {
                    Some(claimed) => {
                        loading.push(claimed.target.clone(), self.load(claimed));
                        None
                    }
                    None => return,
                },
            };
            if let Some(Loaded { event: Some(event), alone }) = loaded
                && self.gate.admits(&self.completion, &event).await
            {
                if alone {
                    lanes.accept_alone(event).await;
                } else {
                    lanes.accept(event);
                }
            }
        }
    }

    /// The event, or nothing when there is nothing to answer or the account stops.
    async fn load(&self, claimed: Claimed) -> Loaded {
        let Claimed { key, origin, alone, source, .. } = claimed;
        let event = match source {
            Ok(Sought::Found(event)) => Ok(*event),
            Ok(Sought::Named(kind, id)) => self.event(&key, &origin, &kind, &id).await,
            Err(nothing) => Err(nothing),
        };
        match &event {
            Ok(event) => {
                self.in_flight.loaded(&key, size(event));
                self.describe(event);
            }
            Err(Nothing::Over) => {}
            Err(Nothing::Stopped) => self.in_flight.release(&key),
            Err(Nothing::Refused(cause)) => self.refused(&key, &origin, cause).await,
        }
        Loaded { event: event.ok(), alone }
    }

    async fn event(
        &self,
        key: &str,
        origin: &Origin,
        kind: &str,
        id: &str,
    ) -> Result<Event, Nothing> {
        if let Some(subject) = self.subject(kind, id).await? {
            let missed = *origin == Origin::Announcement && self.history.was_missed(key);
            return Ok(Event { origin: origin.clone(), subject, missed });
        }
        // Deleted, or hidden from this agent by now: nobody waits for an answer.
        self.context.log(Level::Info, format!("{key}: {id} is gone"));
        self.completion.close(key, origin, "its source is gone").await;
        Err(Nothing::Over)
    }

    /// Adds what is known now to the journal, for the operator's eyes.
    fn describe(&self, event: &Event) {
        let (task, key, details) =
            (Arc::clone(&self.context), event.key().to_owned(), event.details());
        self.context.spawn(async move {
            if let Ok(journal) = task.journal() {
                let _ = task
                    .record("describing an event", || journal.describe(&key, details.clone()))
                    .await;
            }
        });
    }

    async fn refused(&self, key: &str, origin: &Origin, cause: &str) {
        self.completion.turns.end_interrupted(key);
        self.context.log(Level::Error, format!("{key} cannot be loaded: {cause}"));
        self.in_flight.failed(key);
        if let (Origin::Dispatch { .. }, Ok(journal)) = (origin, self.context.journal()) {
            let _ = self
                .context
                .record("noting a dead letter", || journal.dead_letter(key, cause))
                .await;
        }
    }

    /// The source; nothing when it is gone.
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, Nothing> {
        let server = &self.context.server;
        let loaded = match kind {
            "message" => {
                match self
                    .context
                    .persist("loading a message", || self.call(server.message(id)))
                    .await
                {
                    Ok(message) => return self.message(message).await.map(Some),
                    Err(error) => Err(error),
                }
            }
            "task" => self
                .context
                .persist("loading a task", || self.call(server.task(id)))
                .await
                .map(Subject::Task),
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

    /// One request, as soon as there is room for it.
    async fn call<T>(&self, answer: Answer<'_, T>) -> Result<T, Error> {
        // Nobody closes it.
        let _room = self.calls.acquire().await;
        answer.await
    }

    /// A message with its chat.
    pub(crate) async fn message(&self, message: Message) -> Result<Subject, Nothing> {
        let chat = self.chat(&message.chat_id).await?;
        Ok(Subject::Message { message, chat })
    }

    async fn chat(&self, id: &str) -> Result<Chat, Nothing> {
        let known = self.chats.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((chat, since)) = known
            && since.elapsed() < CHAT_LIFETIME
        {
            return Ok(chat);
        }
        let chat = match self
            .context
            .persist("loading a chat", || self.call(self.context.server.chat(id)))
            .await
        {
            Ok(chat) => chat,
            // The message is readable, so it can be answered without the chat's name.
            Err(PersistError::Refused(_)) => Chat { id: id.to_owned(), kind: None, name: None },
            Err(PersistError::Closed) => return Err(Nothing::Stopped),
        };
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.len() >= MOST_CHATS {
            chats.clear();
        }
        chats.insert(id.to_owned(), (chat.clone(), Instant::now()));
        Ok(chat)
    }
}
