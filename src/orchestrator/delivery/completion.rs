//! How an event ends: answered, without an answer, or as a dead letter; and what the server is told of it.

use std::sync::Arc;

use crate::error::chain;
use crate::orchestrator::context::{Context, PersistError, Stopped};
use crate::orchestrator::event::Origin;
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::turn::registry::OpenTurns;

/// Ends events.
pub(crate) struct Completion {
    /// The account.
    pub context: Arc<Context>,
    /// What this process has taken on.
    pub in_flight: Arc<InFlight>,
    /// Turns whose replies are awaited.
    pub turns: Arc<OpenTurns>,
}

impl Completion {
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
    pub(crate) fn answered(&self, key: &str, origin: &Origin) {
        self.in_flight.done(key);
        self.acknowledge(key, origin);
    }

    /// Ends an event that needs no answer.
    pub(crate) async fn close(&self, key: &str, origin: &Origin, cause: &str) {
        self.turns.end_interrupted(key);
        let Ok(journal) = self.context.journal() else { return };
        // Without a note in the journal it is met again at the next start.
        let what = "noting that there is no answer";
        if self.context.record(what, || journal.no_reply(key, Some(cause))).await.is_ok() {
            self.answered(key, origin);
        }
    }

    /// Makes a dead letter: the server keeps it, an operator decides.
    pub(crate) async fn give_up(&self, key: &str, problem: &str) -> Result<(), Stopped> {
        self.turns.end_interrupted(key);
        self.context.log(Level::Error, given_up_text(key, problem));
        let journal = self.context.journal()?;
        self.context.record("noting a dead letter", || journal.dead_letter(key, problem)).await?;
        self.in_flight.failed(key);
        Ok(())
    }

    /// Tells the server that a dispatch is done, until it knows, and then the journal. The journal must hold the whole answer,
    /// delivered, or the decision that there is none.
    pub(crate) fn acknowledge(&self, key: &str, origin: &Origin) {
        let (task, origin, key) = (Arc::clone(&self.context), origin.clone(), key.to_owned());
        self.context.spawn(async move {
            if let Origin::Dispatch { id, .. } = &origin {
                match task.persist("acknowledging", || task.server.acknowledge(id)).await {
                    Ok(()) => {}
                    Err(PersistError::Closed) => return,
                    Err(PersistError::Refused(error)) => {
                        task.log(Level::Error, format!("acknowledging {id}: {}", chain(&error)));
                        return;
                    }
                }
            }
            let Ok(journal) = task.journal() else { return };
            // When the journal cannot take it, the next start acknowledges again, which does no harm.
            let _ = task.record("noting an acknowledgement", || journal.acknowledged(&key)).await;
        });
    }
}

/// A dead letter in words.
pub(crate) fn given_up_text(key: &str, cause: &str) -> String {
    format!("{key} could not be answered: {cause}")
}
