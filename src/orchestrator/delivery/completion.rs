//! How an event ends: answered, without an answer, or as a dead letter; and what is acknowledged to the server.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::Class;
use crate::error::chain;
use crate::orchestrator::batch::Member;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::event::Origin;
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::turn::registry::OpenTurns;

/// Ends events.
pub(crate) struct Completion {
    /// The account.
    pub context: Arc<Context>,
    /// What this process has admitted.
    pub in_flight: Arc<InFlight>,
    /// Turns whose replies are awaited.
    pub turns: Arc<OpenTurns>,
    /// Dispatches whose acknowledgement is on its way, and whether the server has asked for it again meanwhile.
    acknowledging: Mutex<HashMap<String, bool>>,
}

impl Completion {
    /// Ends the events of an account.
    pub(crate) fn new(
        context: Arc<Context>,
        in_flight: Arc<InFlight>,
        turns: Arc<OpenTurns>,
    ) -> Arc<Self> {
        Arc::new(Self { context, in_flight, turns, acknowledging: Mutex::default() })
    }

    /// Tells the server that work on a dispatch begins. Of no consequence if it fails.
    pub(crate) fn mark_received(&self, origin: &Origin) {
        let Origin::Dispatch { source_type, source_id, .. } = origin.clone() else { return };
        let task = Arc::clone(&self.context);
        self.context.spawn(async move {
            if let Err(error) = task.server.mark_received(&source_type, &source_id).await {
                let text = format!("marking {source_id} as received: {}", chain(&error));
                task.log(Level::Debug, text);
            }
        });
    }

    /// Ends an event whose whole answer is delivered and journaled.
    pub(crate) fn answered(self: &Arc<Self>, key: &str, origin: &Origin) {
        self.in_flight.done(key);
        self.acknowledge(key, origin);
    }

    /// Ends an event that needs no answer.
    pub(crate) async fn close(self: &Arc<Self>, key: &str, origin: &Origin, cause: &str) {
        self.close_all(&[Member { key: key.to_owned(), origin: origin.clone() }], cause).await;
    }

    /// Ends the events of a turn, none of which needs an answer.
    pub(crate) async fn close_all(self: &Arc<Self>, members: &[Member], cause: &str) {
        // The turn that it was in may have answered it before it was loaded again.
        let open: Vec<&Member> =
            members.iter().filter(|member| !self.in_flight.is_done(&member.key)).collect();
        if open.is_empty() {
            return;
        }
        for member in &open {
            self.turns.end_interrupted(&member.key);
        }
        let Ok(journal) = self.context.journal() else { return };
        let keys = || open.iter().map(|member| member.key.as_str());
        // Without a note in the journal it is met again at the next start.
        let what = "noting that there is no answer";
        if self.context.record(what, || journal.no_reply(keys(), Some(cause))).await.is_ok() {
            for member in &open {
                self.answered(&member.key, &member.origin);
            }
        }
    }

    /// Makes a dead letter: the server keeps it, an operator decides.
    pub(crate) async fn give_up(&self, key: &str, problem: &str) -> Result<(), Stopped> {
        if self.in_flight.is_over(key) {
            return Ok(());
        }
        self.turns.end_interrupted(key);
        self.context.log(Level::Error, given_up_text(key, problem));
        let journal = self.context.journal()?;
        self.context.record("noting a dead letter", || journal.dead_letter(key, problem)).await?;
        self.in_flight.failed(key);
        Ok(())
    }

    /// Tells the server that a dispatch is done, until it knows, and then the journal. The journal must hold the whole answer,
    /// delivered, or the decision that there is none. While one acknowledgement of a dispatch is on its way there is no other.
    pub(crate) fn acknowledge(self: &Arc<Self>, key: &str, origin: &Origin) {
        let dispatch = match origin {
            Origin::Dispatch { id, .. } => Some(id.clone()),
            Origin::Announcement => None,
        };
        if let Some(id) = &dispatch {
            match self.acknowledging().entry(id.clone()) {
                Entry::Occupied(mut again) => {
                    again.insert(true);
                    return;
                }
                Entry::Vacant(first) => {
                    first.insert(false);
                }
            }
        }
        let (this, key) = (Arc::clone(self), key.to_owned());
        self.context.spawn(async move {
            let acknowledged = match &dispatch {
                Some(id) => this.tell_server(id).await,
                None => true,
            };
            if acknowledged && let Ok(journal) = this.context.journal() {
                // When the journal cannot take it, the next start acknowledges again, which does no harm.
                let what = "noting an acknowledgement";
                let _ = this.context.record(what, || journal.acknowledged(&key)).await;
            }
        });
    }

    /// Whether the server knows by now that a dispatch is done. A server that shows it as open once more after it has
    /// answered is acknowledged once more.
    async fn tell_server(&self, id: &str) -> bool {
        loop {
            let acknowledged = self.tell_server_once(id).await;
            let mut acknowledging = self.acknowledging();
            match acknowledging.get_mut(id) {
                Some(again) if acknowledged && *again => *again = false,
                _ => {
                    acknowledging.remove(id);
                    return acknowledged;
                }
            }
        }
    }

    async fn tell_server_once(&self, id: &str) -> bool {
        let context = &self.context;
        match context.persist("acknowledging", || context.server.acknowledge(id)).await {
            Ok(()) => true,
            Err(PersistError::Closed) => false,
            // The server does not know it any more. Should it list it again, it is acknowledged again.
            Err(PersistError::Refused(error)) if error.class() == Class::Missing => true,
            Err(PersistError::Refused(error)) => {
                context.log(Level::Error, format!("acknowledging {id}: {}", chain(&error)));
                false
            }
        }
    }

    fn acknowledging(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.acknowledging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A dead letter in words.
pub(crate) fn given_up_text(key: &str, cause: &str) -> String {
    format!("{key} could not be answered: {cause}")
}
