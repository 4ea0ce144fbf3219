//! Who people are and who agents are, looked up where an event does not say it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::api::{Class, Error, Sender};
use crate::orchestrator::context::Context;
use crate::orchestrator::event::{Event, Subject};
use crate::orchestrator::persist::PersistError;

/// How long one look-up may hold up its chat or task.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer is believed, also that the server knows no such member.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How many are remembered.
const MOST_SENDERS: usize = 1_000;

/// What a sender is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SenderKind {
    /// A person.
    Human,
    /// An agent, or one of whom the server does not say it.
    Agent,
}

/// Senders of events.
pub(crate) struct Senders {
    context: Arc<Context>,
    known: Mutex<HashMap<String, (SenderKind, Instant)>>,
    asking: tokio::sync::Mutex<()>,
}

impl Senders {
    /// The senders of an account; none is known yet.
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// Asks who caused an event, if the event does not say it and it is not known. Comes back soon also when the server does
    /// not answer.
    pub(crate) async fn learn(&self, event: &Event) {
        let id = event.sender();
        if id.is_empty() || stated(event).is_some() {
            return;
        }
        // Whoever is not known by then counts as an agent.
        let _ = tokio::time::timeout(LOOKUP_LIMIT, self.look_up(id)).await;
    }

    async fn look_up(&self, id: &str) {
        let _one_at_a_time = self.asking.lock().await;
        if self.known(id).is_some() {
            return;
        }
        let member = || self.context.server.member(id);
        let member =
            match self.context.persist_for(LOOKUP_LIMIT, "asking who a sender is", member).await {
                Ok(member) => kind_of(&member),
                Err(PersistError::Refused(error)) if is_final(&error) => None,
                // The next event asks again.
                Err(_) => return,
            };
        let mut known = self.lock();
        if known.len() >= MOST_SENDERS {
            known.clear();
        }
        known.insert(id.to_owned(), (member.unwrap_or(SenderKind::Agent), Instant::now()));
    }

    /// What the sender of an event is, by what is known now.
    pub(crate) fn kind(&self, event: &Event) -> SenderKind {
        stated(event).or_else(|| self.known(event.sender())).unwrap_or(SenderKind::Agent)
    }

    fn known(&self, id: &str) -> Option<SenderKind> {
        let known = self.lock();
        let (kind, _) = known.get(id).filter(|(_, at)| at.elapsed() < LIFETIME)?;
        Some(*kind)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (SenderKind, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the event itself says.
fn stated(event: &Event) -> Option<SenderKind> {
    match &event.subject {
        Subject::Message { message, .. } => message.sender.as_ref().and_then(kind_of),
        Subject::Task(_) => None,
    }
}

/// Whether the server has said that it will not tell.
fn is_final(error: &Error) -> bool {
    error.class().is_refusal() || error.class() == Class::Malformed
}

fn kind_of(sender: &Sender) -> Option<SenderKind> {
    match sender.kind.as_deref() {
        Some("human") => Some(SenderKind::Human),
        Some("agent") => Some(SenderKind::Agent),
        _ => None,
    }
}
