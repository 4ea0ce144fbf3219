//! From a claimed reference to an event with everything a turn needs.
//!
//! Order matters within a chat or task alone, so one that is slow to load holds up nobody else.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::claims::{Claimed, Skipped, Sought};
use super::order::{Aimed, Ordered};
use super::senders::Senders;
use super::sources::{Sources, Unloaded};
use crate::orchestrator::context::Context;
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::event::{Company, Event, Origin, Subject};
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::intake::missed::history::History;
use crate::orchestrator::intake::references::{message_size, task_size};
use crate::orchestrator::target::Target;

/// How many events are on their way from the server at once; those are not counted that take long.
const AT_ONCE: usize = 256;
/// How many of these may belong to one chat.
const OF_A_CHAT: usize = 16;

/// Loads what references point to.
pub(crate) struct Loader {
    /// The account.
    pub context: Arc<Context>,
    /// What this process has met.
    pub in_flight: Arc<InFlight>,
    /// How events end.
    pub completion: Arc<Completion>,
    /// How far chats were read.
    pub history: Arc<History>,
    /// What events are about.
    pub sources: Arc<Sources>,
    /// Who causes them.
    pub senders: Arc<Senders>,
}

/// What has become of a reference.
pub(crate) struct Loaded {
    /// The event, unless there is nothing to answer or the account stops.
    pub event: Option<Event>,
    /// It runs with nothing beside it.
    pub alone: bool,
    /// With which others it may share a turn.
    pub company: Company,
}

impl Aimed for Loaded {
    fn target(&self) -> Option<Target> {
        self.event.as_ref().map(Event::target)
    }
}

impl Loader {
    /// Loads what is claimed, several at once, and hands it over in order. What is handed over is bounded by what may be in
    /// memory.
    pub(crate) async fn run(
        self,
        mut claimed: mpsc::Receiver<Claimed>,
        loaded: mpsc::UnboundedSender<Loaded>,
    ) {
        let mut loading = Ordered::new(AT_ONCE, OF_A_CHAT);
        loop {
            tokio::select! {
                biased;
                next = loading.next(|| !self.in_flight.is_heavy(), self.in_flight.lighter()) => {
                    if let Some(next) = next {
                        // The receiver lives as long as the account.
                        let _ = loaded.send(next);
                    }
                }
                next = claimed.recv() => match next {
                    Some(claimed) => loading.push(claimed.target.clone(), self.load(claimed)),
                    None => return,
                },
            }
        }
    }

    /// The event, or nothing when there is nothing to answer or the account stops.
    async fn load(&self, claimed: Claimed) -> Loaded {
        let Claimed { key, origin, alone, company, source, .. } = claimed;
        let mut event = match source {
            Ok(Sought::Found(event)) => Some(*event),
            Ok(Sought::Named(kind, id)) => self.event(&key, &origin, &kind, &id).await,
            Ok(Sought::Unreadable { cause, .. }) => {
                self.refused(&key, &cause).await;
                None
            }
            Err(Skipped::Over) => None,
            Err(Skipped::Stopped) => {
                self.in_flight.release(&key);
                None
            }
        };
        if let Some(event) = &mut event {
            event.company = company.clone();
            self.senders.learn(event).await;
            self.in_flight.loaded(&key, size(event));
            self.describe(event);
        }
        Loaded { event, alone, company }
    }

    async fn event(&self, key: &str, origin: &Origin, kind: &str, id: &str) -> Option<Event> {
        let unloaded = match self.sources.subject(kind, id).await {
            Ok(subject) => {
                let missed = *origin == Origin::Announcement && self.history.was_missed(key);
                return Some(Event { missed, ..Event::new(origin.clone(), subject) });
            }
            Err(unloaded) => unloaded,
        };
        if self.completion.turns.runs_with_others(key) {
            return None;
        }
        match (unloaded, origin) {
            (Unloaded::Stopped, _) => self.in_flight.release(key),
            // What nobody knows must not be lost because it cannot be shown.
            (Unloaded::Gone, Origin::Dispatch { event_type: Some(event_type), .. }) => {
                let cause =
                    format!("its source is gone, and {event_type} is no kind that is known");
                self.refused(key, &cause).await;
            }
            (Unloaded::Gone, _) => {
                // Deleted, or hidden from this agent by now: nobody waits for an answer.
                self.context.log(Level::Info, format!("{key}: {id} is gone"));
                self.completion.close(key, origin, "its source is gone").await;
            }
            (Unloaded::Refused(cause), _) => self.refused(key, &cause).await,
        }
        None
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

    /// Makes a dead letter of what cannot be loaded.
    async fn refused(&self, key: &str, cause: &str) {
        // When the journal cannot take it, the next start tries again.
        let _ = self.completion.give_up(key, &format!("it cannot be loaded: {cause}")).await;
    }
}

/// Bytes of an event in memory, roughly.
fn size(event: &Event) -> usize {
    match &event.subject {
        Subject::Message { message, .. } => message_size(message),
        Subject::Task(task) => task_size(task),
    }
}
