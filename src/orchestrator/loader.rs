//! From a reference ("look at this source") to a claimed event with everything a turn needs.
//!
//! Claims are journaled in the order of arrival, and a later one never without those before it: after a crash the journal's
//! order is all that is left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use futures_util::stream::unfold;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::{Event, Origin, Subject};
use super::gate::Gate;
use super::history::{History, Place};
use super::host::Level;
use super::lanes::Lanes;
use super::seen::Seen;
use super::settle::{acknowledge, close};
use super::shared::{PersistError, Shared, Stopped};
use crate::api::{Chat, Message, Task};
use crate::error::chain;
use crate::journal::{Claim, NewDispatch, Origin as JournalOrigin};

/// How many events that wait are claimed together.
const CLAIMED_AT_ONCE: usize = 64;
/// How many events are loaded at once. Their order is kept.
const AT_ONCE: usize = 32;
/// Bytes of an attachment's description in memory, roughly.
const ATTACHMENT_SIZE: usize = 256;
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
    /// What is known up to it, once it is claimed.
    pub place: Option<Place>,
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

impl Source {
    /// Bytes in memory, roughly.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Named(..) => 0,
            Self::Message(message) => message_size(message),
            Self::Task(task) => task_size(task),
        }
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
pub(super) struct Loader {
    /// The account.
    pub shared: Arc<Shared>,
    /// What this process has taken on.
    pub seen: Arc<Seen>,
    /// What needs no turn.
    pub gate: Gate,
    /// How far chats were read.
    pub history: Arc<History>,
    /// Chats that were loaded, and when.
    pub chats: Chats,
}

/// A reference that is claimed, or why it need not be.
struct Claimed {
    key: String,
    origin: Origin,
    seq: Option<u64>,
    alone: bool,
    place: Option<Place>,
    source: Result<Sought, Nothing>,
}

/// What has to be loaded yet.
enum Sought {
    /// Everything.
    Named(String, String),
    /// Nothing.
    Found(Box<Event>),
}

/// Chats, and when they were loaded.
pub(super) type Chats = Mutex<HashMap<String, (Chat, Instant)>>;

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
    /// Claims references and hands what they point to to the lanes, in order, until the account stops.
    pub(super) async fn run(
        self,
        references: mpsc::UnboundedReceiver<Reference>,
        lanes: Arc<Lanes>,
    ) {
        let (sender, claimed) = mpsc::channel(CLAIMED_AT_ONCE);
        tokio::select! {
            biased;
            () = self.shared.work.cancelled() => {}
            () = join(self.claim_all(references, sender), self.load_all(claimed, lanes)).map(drop) => {}
        }
    }

    /// Takes events on that are for this agent, those that wait in one step.
    async fn claim_all(
        &self,
        mut references: mpsc::UnboundedReceiver<Reference>,
        sender: mpsc::Sender<Claimed>,
    ) {
        let mut waiting = Vec::new();
        while references.recv_many(&mut waiting, CLAIMED_AT_ONCE).await > 0 {
            for claimed in self.claim(std::mem::take(&mut waiting)).await {
                // The receiver lives as long as this does.
                let _ = sender.send(claimed).await;
            }
        }
    }

    /// Loads what is claimed, several at once.
    async fn load_all(&self, claimed: mpsc::Receiver<Claimed>, lanes: Arc<Lanes>) {
        let stream = unfold(claimed, |mut claimed| async {
            claimed.recv().await.map(|next| (next, claimed))
        });
        let mut events = std::pin::pin!(stream.map(|claimed| self.load(claimed)).buffered(AT_ONCE));
        while let Some(Loaded { event, seq, alone }) = events.next().await {
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

    /// Takes events on that are for this agent, in one step, so that their order is kept.
    async fn claim(&self, references: Vec<Reference>) -> Vec<Claimed> {
        let mut claimed = Vec::new();
        let mut wanted = Vec::new();
        for reference in references {
            let Reference { key, origin, source, seq, alone, place } = reference;
            let source = self.addressed(&key, &origin, source).await;
            if let Ok(source) = &source {
                wanted.push(new_dispatch(&key, &origin, source));
            }
            claimed.push(Claimed { key, origin, seq, alone, place, source });
        }
        let claims = self.record_claims(wanted).await;
        if let (Ok(_), Ok(journal)) = (&claims, self.shared.journal()) {
            for claimed in &mut claimed {
                if !matches!(claimed.source, Err(Nothing::Stopped))
                    && let Some(place) = claimed.place.take()
                {
                    self.history.claimed(journal, place);
                }
            }
        }
        let mut claims = claims.into_iter().flatten();
        for claimed in &mut claimed {
            if claimed.source.is_ok()
                && let Err(nothing) = match claims.next() {
                    Some(claim) => self.heed(claim, &claimed.key, &claimed.origin),
                    None => Err(Nothing::Stopped),
                }
            {
                claimed.source = Err(nothing);
            }
        }
        claimed
    }

    async fn record_claims(&self, wanted: Vec<NewDispatch>) -> Result<Vec<Claim>, Stopped> {
        let journal = self.shared.journal()?;
        self.shared.record("taking on events", || journal.claim_all(wanted.clone())).await
    }

    /// The source with what has to be known before it is claimed: an announced one may be for somebody else.
    async fn addressed(
        &self,
        key: &str,
        origin: &Origin,
        source: Source,
    ) -> Result<Sought, Nothing> {
        let subject = match source {
            Source::Named(kind, id) => return Ok(Sought::Named(kind, id)),
            Source::Message(message) => self.message(*message).await?,
            Source::Task(task) => Subject::Task(*task),
        };
        let event = Event { origin: origin.clone(), subject, missed: false };
        if self.gate.is_addressed(&event) {
            Ok(Sought::Found(Box::new(event)))
        } else {
            self.seen.done(key);
            Err(Nothing::Over)
        }
    }

    /// The event, or nothing when there is nothing to answer or the account stops; with the position up to which everything
    /// is claimed.
    async fn load(&self, claimed: Claimed) -> Loaded {
        let Claimed { key, origin, seq, alone, source, .. } = claimed;
        let event = match source {
            Ok(Sought::Found(event)) => Ok(*event),
            Ok(Sought::Named(kind, id)) => self.event(&key, &origin, &kind, &id).await,
            Err(nothing) => Err(nothing),
        };
        let (event, seq) = match event {
            Ok(event) => {
                self.describe(&event);
                (Some(event), seq)
            }
            Err(Nothing::Over) => (None, seq),
            Err(Nothing::Stopped) => {
                self.seen.release(&key);
                (None, None)
            }
            Err(Nothing::Refused(cause)) => {
                self.refused(&key, &origin, &cause).await;
                (None, seq)
            }
        };
        Loaded { event, seq, alone }
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
        self.shared.log(Level::Info, format!("{key}: {id} is gone"));
        close(&self.shared, &self.seen, key, origin, "its source is gone").await;
        Err(Nothing::Over)
    }

    /// What an earlier life of this process knows of the event counts.
    fn heed(&self, claim: Claim, key: &str, origin: &Origin) -> Result<(), Nothing> {
        match claim {
            Claim::New => {
                self.shared.status.update(|status| status.admitted += 1);
                Ok(())
            }
            Claim::Running(_) => Ok(()),
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
        self.shared.log(Level::Error, format!("{key} cannot be loaded: {cause}"));
        self.seen.failed(key);
        if let (Origin::Dispatch { .. }, Ok(journal)) = (origin, self.shared.journal()) {
            let _ = self
                .shared
                .record("noting a dead letter", || journal.dead_letter(key, cause))
                .await;
        }
    }

    /// The source; nothing when it is gone.
    async fn subject(&self, kind: &str, id: &str) -> Result<Option<Subject>, Nothing> {
        let server = &self.shared.server;
        let loaded = match kind {
            "message" => {
                match self.shared.persist("loading a message", || server.message(id)).await {
                    Ok(message) => return self.message(message).await.map(Some),
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

    async fn message(&self, message: Message) -> Result<Subject, Nothing> {
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
        let chat = match self.shared.persist("loading a chat", || self.shared.server.chat(id)).await
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

/// What the journal takes on.
fn new_dispatch(key: &str, origin: &Origin, source: &Sought) -> NewDispatch {
    let (source_type, source_id) = match source {
        Sought::Named(kind, id) => (kind.as_str(), id.as_str()),
        Sought::Found(event) => {
            let task = matches!(event.subject, Subject::Task(_));
            (if task { "task" } else { "message" }, event.source_id())
        }
    };
    NewDispatch {
        id: key.to_owned(),
        origin: match origin {
            Origin::Dispatch { .. } => JournalOrigin::Inbox,
            Origin::Announcement => JournalOrigin::Announcement,
        },
        source_type: source_type.to_owned(),
        source_id: source_id.to_owned(),
        details: None,
    }
}
