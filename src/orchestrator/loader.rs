//! From a reference ("look at this source") to an event with everything a turn needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::unfold;
use tokio::sync::mpsc;

use super::event::{Event, Origin, Subject};
use super::host::Level;
use super::lane::acknowledge;
use super::seen::Seen;
use super::shared::{PersistError, Shared};
use crate::api::{Agent, Chat, Dispatch, Message, Task, announced};
use crate::error::chain;

/// How many events are loaded at once. Their order is kept.
const AT_ONCE: usize = 8;
/// How long a chat's name and kind are believed.
const CHAT_LIFETIME: Duration = Duration::from_secs(300);
/// How many chats are remembered.
const MOST_CHATS: usize = 1_000;

/// Something to look at.
#[derive(Debug)]
pub(super) enum Reference {
    /// From the dispatch inbox.
    Dispatch(Dispatch),
    /// A message that an older server announced.
    Message(Box<Message>),
    /// A task that an older server announced.
    Task(Box<Task>),
}

impl Reference {
    /// What tells it from all others.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Dispatch(dispatch) => &dispatch.id,
            Self::Message(message) => &message.id,
            Self::Task(task) => &task.id,
        }
    }
}

/// Loads what references point to.
pub(super) struct Loader {
    /// The account.
    pub shared: Arc<Shared>,
    /// What was handled already.
    pub seen: Arc<Seen>,
    /// This agent.
    pub agent: Agent,
}

type Chats = Mutex<HashMap<String, (Chat, Instant)>>;

impl Loader {
    /// Loads references in order and hands the events on until the account stops.
    pub(super) async fn run(
        self,
        references: mpsc::UnboundedReceiver<Reference>,
        lane: mpsc::UnboundedSender<Event>,
    ) {
        let chats = Chats::default();
        let stream = unfold(references, |mut references| async {
            references.recv().await.map(|next| (next, references))
        });
        let mut events =
            std::pin::pin!(stream.map(|reference| self.load(reference, &chats)).buffered(AT_ONCE));
        loop {
            let event = tokio::select! {
                event = events.next() => event,
                () = self.shared.work.cancelled() => return,
            };
            match event {
                Some(Some(event)) => {
                    if lane.send(event).is_err() {
                        return;
                    }
                }
                Some(None) => {}
                None => return,
            }
        }
    }

    /// The event, or nothing when there is nothing to answer or the account stops.
    async fn load(&self, reference: Reference, chats: &Chats) -> Option<Event> {
        let key = reference.key().to_owned();
        match self.event(reference, chats).await {
            Ok(Some(event)) if self.wants_answer(&event) => Some(event),
            Ok(Some(event)) => {
                self.seen.done(&key);
                acknowledge(&self.shared, &event.origin);
                None
            }
            Ok(None) => None,
            Err(PersistError::Closed) => {
                self.seen.release(&key);
                None
            }
            Err(PersistError::Refused(error)) => {
                let text = format!("{key} cannot be loaded: {}", chain(&error));
                self.shared.log(Level::Error, text.clone());
                self.shared.status.update(|status| status.last_error = Some(text));
                self.seen.failed(&key);
                None
            }
        }
    }

    async fn event(
        &self,
        reference: Reference,
        chats: &Chats,
    ) -> Result<Option<Event>, PersistError> {
        let (origin, subject) = match reference {
            Reference::Message(message) => {
                (Origin::Announcement, self.message(*message, chats).await?)
            }
            Reference::Task(task) => (Origin::Announcement, Subject::Task(*task)),
            Reference::Dispatch(dispatch) => {
                let origin = Origin::from(&dispatch);
                let Origin::Dispatch { source_type, source_id, .. } = &origin else {
                    return Ok(None);
                };
                let server = &self.shared.server;
                let loaded = match source_type.as_str() {
                    "message" => match self
                        .shared
                        .persist("loading a message", || server.message(source_id))
                        .await
                    {
                        Ok(message) => Ok(self.message(message, chats).await?),
                        Err(error) => Err(error),
                    },
                    "task" => self
                        .shared
                        .persist("loading a task", || server.task(source_id))
                        .await
                        .map(Subject::Task),
                    other => {
                        self.shared.log(
                            Level::Warn,
                            format!(
                                "{}: {other} is not something this version handles",
                                dispatch.id
                            ),
                        );
                        self.seen.failed(&dispatch.id);
                        return Ok(None);
                    }
                };
                match loaded {
                    Ok(subject) => (origin, subject),
                    // Deleted, or hidden from this agent by now: nobody waits for an answer.
                    Err(PersistError::Refused(error)) if error.status() == Some(404) => {
                        self.shared
                            .log(Level::Info, format!("{}: {source_id} is gone", dispatch.id));
                        self.seen.done(&dispatch.id);
                        acknowledge(&self.shared, &origin);
                        return Ok(None);
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(Some(Event { origin, subject }))
    }

    async fn message(&self, message: Message, chats: &Chats) -> Result<Subject, PersistError> {
        let chat = self.chat(&message.chat_id, chats).await?;
        Ok(Subject::Message { message, chat })
    }

    async fn chat(&self, id: &str, chats: &Chats) -> Result<Chat, PersistError> {
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
            Err(PersistError::Closed) => return Err(PersistError::Closed),
        };
        let mut chats = chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.len() >= MOST_CHATS {
            chats.clear();
        }
        chats.insert(id.to_owned(), (chat.clone(), Instant::now()));
        Ok(chat)
    }

    /// Whether the agent has to look at it: its own messages and empty ones need no turn, nor does what an older server
    /// announces but nobody said to this agent.
    fn wants_answer(&self, event: &Event) -> bool {
        let Subject::Message { message, chat } = &event.subject else {
            return match &event.subject {
                Subject::Task(task) => {
                    event.origin != Origin::Announcement
                        || task.assignee_id.as_deref() == Some(&self.agent.id)
                }
                Subject::Message { .. } => false,
            };
        };
        let own = !message.sender_id.is_empty() && message.sender_id == self.agent.id;
        let empty = message.content.text.trim().is_empty() && message.attachments.is_empty();
        let addressed = event.origin != Origin::Announcement
            || announced::addresses(message, chat, &self.agent);
        !own && !empty && addressed
    }
}
