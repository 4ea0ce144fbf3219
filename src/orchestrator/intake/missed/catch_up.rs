//! What came in while nobody listened, on a server without dispatch inbox: read from the chats themselves.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::history::{History, Mark, Place};
use crate::api::retry::{Policy, retry};
use crate::api::wire::announced;
use crate::api::{Agent, Chat, Class, Error, Message};
use crate::error::chain;
use crate::orchestrator::context::Context;
use crate::orchestrator::event::{MESSAGE, TASK};
use crate::orchestrator::host::Level;
use crate::orchestrator::intake::references::{Reference, missed};

/// Most messages of one chat, and of all, that are answered late. The newest count.
const MOST_OF_A_CHAT: usize = 500;
const MOST_OF_ALL: usize = 5_000;
/// Messages of the first page of a chat, which mostly is the only one, and of those after it.
const FIRST_PAGE: usize = 50;
const PAGE: usize = 200;
/// Messages of one chat that are read at most, whoever they are for.
const MOST_READ: usize = 8_000;
/// Chats that are read at once.
const AT_ONCE: usize = 4;

/// How a single call is repeated.
const CALL: Policy = Policy::limited(3, Duration::from_millis(250), Duration::from_secs(5));

/// Finds what was missed.
pub(crate) struct CatchUp {
    /// The account.
    pub context: Arc<Context>,
    /// Who is addressed.
    pub agent: Agent,
    /// How far it was read before.
    pub history: Arc<History>,
}

/// What one look at all chats and tasks found.
#[derive(Default)]
pub(crate) struct Found {
    /// What is to be admitted, in the order in which it was written.
    pub references: Vec<Reference>,
    /// How many messages are too many; at least, when `uncounted`.
    pub left_out: usize,
    /// There are more of which nobody knows the number.
    pub uncounted: bool,
    /// What could not be read and is to be read again.
    pub failures: Vec<String>,
    /// When the server wants to be asked again at the earliest.
    pub retry_after: Option<Duration>,
}

impl Found {
    /// A sentence for people.
    pub(crate) fn summary(&self) -> String {
        let mut text = format!("{} events came in while nobody listened", self.references.len());
        if self.left_out > 0 || self.uncounted {
            let least = if self.uncounted { "at least " } else { "" };
            let left_out = self.left_out;
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                "; {least}{left_out} older ones are left out, because at most {MOST_OF_A_CHAT} of a chat and {MOST_OF_ALL} in all are answered late"
            );
        }
        text
    }
}

/// What is new in one chat.
#[derive(Default)]
struct News {
    newest: Option<Mark>,
    /// What addresses the agent, newest first.
    addressed: Vec<(String, Mark)>,
    left_out: usize,
    uncounted: bool,
}

impl CatchUp {
    /// Looks at all chats and tasks once. The first look ever finds nothing: it is where the account begins.
    ///
    /// # Errors
    /// The list of chats cannot be read, or the key is refused.
    pub(crate) async fn look(&self) -> Result<Found, Error> {
        let server = &self.context.server;
        let chats = self.patiently(|| server.chats(&self.agent.id)).await?;
        if self.history.has_begun() {
            self.look_for_news(chats).await
        } else {
            self.begin(chats).await
        }
    }

    /// A call that is repeated a little, so that one stumble does not cost a whole look.
    async fn patiently<T, R>(&self, call: impl FnMut() -> R) -> Result<T, Error>
    where
        R: Future<Output = Result<T, Error>>,
    {
        retry(CALL, &self.context.work, call).await
    }

    async fn begin(&self, chats: Vec<Chat>) -> Result<Found, Error> {
        let newest = stream::iter(chats).map(|chat| async move {
            let server = &self.context.server;
            let page = match self.patiently(|| server.messages(&chat.id, None, 1)).await {
                Err(error) if is_lasting(&error) => return Ok((chat.id, Mark::default())),
                page => page?,
            };
            Ok::<_, Error>((chat.id, page.messages.first().map(Mark::of).unwrap_or_default()))
        });
        let marks: BTreeMap<String, Mark> = newest.buffered(AT_ONCE).try_collect().await?;
        let tasks = self.tasks().await?.unwrap_or_default();
        // Without a journal the account stops.
        let _ = self.history.begin(&self.context, marks, tasks).await;
        Ok(Found::default())
    }

    async fn look_for_news(&self, chats: Vec<Chat>) -> Result<Found, Error> {
        let Ok(journal) = self.context.journal() else { return Ok(Found::default()) };
        let mut found = Found::default();
        let mut listed = BTreeSet::new();
        // Noted together: one note holds the places of all chats.
        let mut passed = Vec::new();
        let mut messages: Vec<(String, Reference)> = Vec::new();
        let mut newest = String::new();
        let mut read = stream::iter(chats)
            .map(|chat| async move {
                let news = self.read(&chat).await;
                (chat.id, news)
            })
            .buffered(AT_ONCE);
        while let Some((chat, news)) = read.next().await {
            listed.insert(chat.clone());
            match news {
                Ok(news) => {
                    found.left_out += news.left_out;
                    found.uncounted |= news.uncounted;
                    newest = newest.max(news.newest.as_ref().map_or("", Mark::at).to_owned());
                    if news.addressed.is_empty() {
                        passed.extend(news.newest.map(|mark| (chat, mark)));
                    } else {
                        messages.extend(news.references(&chat));
                    }
                }
                Err(error) => self.note_failure(&mut found, &chat, error)?,
            }
        }
        self.history.pass(journal, passed);
        let tasks = match self.tasks().await {
            Ok(tasks) => tasks,
            Err(error) => {
                self.note_failure(&mut found, "the tasks", error)?;
                None
            }
        };
        if found.failures.is_empty() {
            self.history.complete(journal, &listed, tasks.as_ref(), &newest);
        }
        // Those of one chat keep their order: their times never fall.
        messages.sort_by(|(one, _), (other, _)| one.cmp(other));
        let surplus = messages.len().saturating_sub(MOST_OF_ALL);
        found.left_out += surplus;
        found.references = messages.into_iter().skip(surplus).map(|(_, one)| one).collect();
        let tasks = tasks.into_iter().flatten().filter(|id| !self.history.knows_task(id));
        found.references.extend(tasks.map(|id| missed(TASK, id.clone(), Place::Task(id))));
        let keys = found.references.iter().map(|reference| reference.key.clone());
        if !found.references.is_empty() {
            self.history.note_missed(journal, keys);
        }
        Ok(found)
    }

    /// Notes what could not be read. A refused key is an error, and what is refused for good is left alone.
    fn note_failure(&self, found: &mut Found, what: &str, error: Error) -> Result<(), Error> {
        if error.class() == Class::Unauthorized {
            return Err(error);
        }
        if is_lasting(&error) {
            let text = format!("{what} cannot be looked at for what was missed: {}", chain(&error));
            self.context.log(Level::Warn, text);
            return Ok(());
        }
        found.retry_after = found.retry_after.max(error.retry_after());
        found.failures.push(format!("{what}: {}", chain(&error)));
        Ok(())
    }

    /// What was written in a chat since the account last knew it.
    async fn read(&self, chat: &Chat) -> Result<News, Error> {
        let mut news = News::default();
        let server = &self.context.server;
        let mark = self.history.mark(&chat.id);
        let mut met = HashSet::new();
        let (mut before, mut size) = (None::<String>, FIRST_PAGE);
        while met.len() < MOST_READ {
            let place = before.as_deref();
            let page = self.patiently(|| server.messages(&chat.id, place, size)).await?;
            let (new, reached) = mark.divide(&page.messages);
            let count = met.len();
            for message in page.messages.into_iter().take(new) {
                if met.insert(message.id.clone()) {
                    self.add(&mut news, chat, &message);
                }
            }
            // A page without anything new would come for ever.
            if reached || page.next.is_none() || met.len() == count {
                return Ok(news);
            }
            // Where fewer had to be asked for because messages are large, the next ones mostly are, too.
            (before, size) = (page.next, (page.asked * 2).min(PAGE));
        }
        news.uncounted = true;
        Ok(news)
    }

    fn add(&self, news: &mut News, chat: &Chat, message: &Message) {
        let mark = Mark::of(message);
        news.newest.get_or_insert_with(|| mark.clone());
        let own = !message.sender_id.is_empty() && message.sender_id == self.agent.id;
        if own || !announced::addresses(message, chat, &self.agent) {
            return;
        }
        if news.addressed.len() < MOST_OF_A_CHAT {
            news.addressed.push((message.id.clone(), mark));
        } else {
            news.left_out += 1;
        }
    }

    /// Tasks that wait for the agent; nothing where the server does not tell.
    async fn tasks(&self) -> Result<Option<BTreeSet<String>>, Error> {
        let server = &self.context.server;
        match self.patiently(|| server.pending_tasks(&self.agent.id)).await {
            Ok(tasks) => Ok(Some(tasks.into_iter().map(|task| task.id).collect())),
            Err(error) if is_lasting(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl News {
    /// References in the order of the chat, with times that never fall. The last one carries the chat's place to its end.
    fn references(self, chat: &str) -> Vec<(String, Reference)> {
        let mut references = Vec::new();
        let mut time = String::new();
        for (id, mark) in self.addressed.into_iter().rev() {
            time = time.max(mark.at().to_owned());
            let place = Place::Chat(chat.to_owned(), mark);
            references.push((time.clone(), missed(MESSAGE, id, place)));
        }
        if let (Some((_, last)), Some(newest)) = (references.last_mut(), self.newest) {
            last.place = Some(Place::Chat(chat.to_owned(), newest));
        }
        references
    }
}

/// Whether asking again would not help.
pub(crate) fn is_lasting(error: &Error) -> bool {
    error.class().is_refusal()
}
