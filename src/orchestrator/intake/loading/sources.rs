//! Messages, chats and tasks of the server, loaded with a bound on how long one of them is tried.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::api::{Chat, Class, Error, Message};
use crate::error::chain;
use crate::orchestrator::context::Context;
use crate::orchestrator::event::{MESSAGE, Subject, TASK};
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::server::Answer;

/// How many requests are made at once.
const CALLS_AT_ONCE: usize = 32;
/// How long one source is tried while the server shows others; after that it is the source that is broken.
const LOAD_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long it is tried while nothing else shows whether it is the source that is broken or the server.
const LONGEST_LOAD: Duration = Duration::from_secs(30 * 60);
/// How long a chat is tried before its message is answered without its name.
const CHAT_LIMIT: Duration = Duration::from_secs(60);
/// How long a chat's name and kind are believed.
const CHAT_LIFETIME: Duration = Duration::from_secs(300);
/// How many chats are remembered.
const MOST_CHATS: usize = 1_000;

/// Loads what events are about.
pub(crate) struct Sources {
    context: Arc<Context>,
    calls: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Chats that were asked for, and when.
    chats: HashMap<String, (CachedChat, Instant)>,
    /// When a source was loaded last.
    loaded_at: Option<Instant>,
}

/// What is known of a chat.
#[derive(Clone)]
enum CachedChat {
    Chat(Chat),
    /// The server could not show it.
    Unreadable,
}

/// Why there is no source.
#[derive(Debug)]
pub(crate) enum Unloaded {
    /// The account stops.
    Stopped,
    /// It was deleted, or is hidden from this agent by now.
    Gone,
    /// The server refuses to show it, or cannot.
    Refused(String),
}

impl From<PersistError> for Unloaded {
    fn from(error: PersistError) -> Self {
        match error {
            PersistError::Closed => Self::Stopped,
            PersistError::Refused(error) if error.status() == Some(404) => Self::Gone,
            PersistError::Refused(error) => Self::Refused(chain(&error)),
        }
    }
}

impl Sources {
    /// The sources of an account; none is loaded yet.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, calls: Semaphore::new(CALLS_AT_ONCE), state: Mutex::default() }
    }

    /// The source of this kind and id.
    pub(crate) async fn subject(&self, kind: &str, id: &str) -> Result<Subject, Unloaded> {
        let server = &self.context.server;
        match kind {
            MESSAGE => {
                let message = self.load("loading a message", || server.message(id)).await?;
                // The message is readable, so it can be answered without the chat's name.
                let chat = match self.known_chat(&message.chat_id) {
                    Some(CachedChat::Chat(chat)) => Some(chat),
                    Some(CachedChat::Unreadable) => None,
                    None => self.chat(&message.chat_id, CHAT_LIMIT).await?.ok(),
                };
                let chat = chat.unwrap_or_else(|| nameless(&message.chat_id));
                Ok(Subject::Message { message, chat })
            }
            TASK => {
                let task = self.load("loading a task", || server.task(id)).await?;
                Ok(Subject::Task(task))
            }
            other => {
                let text = format!("this version does not handle sources of kind {other}");
                Err(Unloaded::Refused(text))
            }
        }
    }

    /// An announced message with its chat. Whether it is for this agent depends on the chat, so one that cannot be shown is
    /// an error unless the server hides it.
    pub(crate) async fn announced(&self, message: Message) -> Result<Subject, Unloaded> {
        let chat = match self.known_chat(&message.chat_id) {
            Some(CachedChat::Chat(chat)) => Ok(chat),
            _ => self.chat(&message.chat_id, LOAD_LIMIT).await?,
        };
        let chat = match chat {
            Ok(chat) => chat,
            Err(error) if matches!(error.class(), Class::Forbidden | Class::Missing) => {
                nameless(&message.chat_id)
            }
            Err(error) => return Err(Unloaded::Refused(chain(&error))),
        };
        Ok(Subject::Message { message, chat })
    }

    /// A call that is made again until it works or it is certain enough that it never will.
    async fn load<'call, T>(
        &self,
        what: &str,
        call: impl Fn() -> Answer<'call, T>,
    ) -> Result<T, Unloaded> {
        let started = Instant::now();
        loop {
            let loaded =
                self.context.persist_for(LOAD_LIMIT, what, || self.with_room(call())).await;
            match loaded {
                Ok(loaded) => {
                    self.state().loaded_at = Some(Instant::now());
                    return Ok(loaded);
                }
                Err(PersistError::Refused(error)) if self.may_recover(&error, started) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether it may be the server that is broken: it has shown nothing since, either.
    fn may_recover(&self, error: &Error, since: Instant) -> bool {
        let passes = error.class().may_pass();
        let shows_others = self.state().loaded_at.is_some_and(|at| at >= since);
        passes && !shows_others && since.elapsed() < LONGEST_LOAD
    }

    fn known_chat(&self, id: &str) -> Option<CachedChat> {
        let state = self.state();
        let (chat, _) = state.chats.get(id).filter(|(_, at)| at.elapsed() < CHAT_LIFETIME)?;
        Some(chat.clone())
    }

    async fn chat(&self, id: &str, limit: Duration) -> Result<Result<Chat, Error>, Unloaded> {
        let server = &self.context.server;
        let load = || self.with_room(server.chat(id));
        let chat = match self.context.persist_for(limit, "loading a chat", load).await {
            Ok(chat) => Ok(chat),
            Err(PersistError::Refused(error)) => Err(error),
            Err(PersistError::Closed) => return Err(Unloaded::Stopped),
        };
        let mut state = self.state();
        if state.chats.len() >= MOST_CHATS {
            state.chats.clear();
        }
        let known =
            chat.as_ref().map_or(CachedChat::Unreadable, |chat| CachedChat::Chat(chat.clone()));
        state.chats.insert(id.to_owned(), (known, Instant::now()));
        Ok(chat)
    }

    /// One request, as soon as there is room for it.
    async fn with_room<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        // Nobody closes it.
        let _room = self.calls.acquire().await;
        answer.await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A chat of which only the id is known.
fn nameless(id: &str) -> Chat {
    Chat { id: id.to_owned(), kind: None, name: None }
}
