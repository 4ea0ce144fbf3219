//! Keeps the status true to the journal, and does what an operator has decided meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::Origin;
use super::host::Level;
use super::loader::Reference;
use super::recovery::reference;
use super::seen::{Known, Seen};
use super::settle::acknowledge;
use super::shared::Shared;
use crate::error::chain;
use crate::journal::{Error, Journal};

/// How often the journal is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often old entries are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3_600);

/// Looks at the journal until the account stops.
pub(super) async fn watch(
    shared: Arc<Shared>,
    seen: Arc<Seen>,
    references: mpsc::UnboundedSender<Reference>,
) {
    let Ok(journal) = shared.journal() else { return };
    let mut prune_at = Instant::now();
    loop {
        let looked = look(&shared, &seen, journal, &references).await;
        let pruned = if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNE_INTERVAL;
            journal.prune().await.map(drop)
        } else {
            Ok(())
        };
        if let Err(error) = looked.and(pruned) {
            shared.log(Level::Debug, format!("looking at the journal: {}", chain(&error)));
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            () = shared.work.cancelled() => return,
        }
    }
}

async fn look(
    shared: &Arc<Shared>,
    seen: &Seen,
    journal: &Journal,
    references: &mpsc::UnboundedSender<Reference>,
) -> Result<(), Error> {
    let counters = journal.counters().await?;
    shared.status.update(|status| {
        status.oldest_pending_at = counters.oldest_pending_at;
        status.dead_letters = counters.dead;
        status.journal_bytes = counters.bytes;
    });
    // Only an operator makes a given-up event due or over; everything else is in somebody's hands here. One that was given
    // up before this process started may not have been met here.
    let given_up = |id: &str| matches!(seen.state(id), None | Some(Known::Failed));
    for record in journal.due().await?.iter().filter(|record| given_up(&record.id)) {
        seen.release(&record.id);
        // The list may bring it in this moment, too.
        if seen.claim(&record.id) == Known::New {
            // The receiver lives as long as the account.
            let _ = references.send(reference(record));
        }
    }
    for record in journal.finished().await?.iter().filter(|record| given_up(&record.id)) {
        seen.done(&record.id);
        acknowledge(shared, &record.id, &Origin::from(record));
    }
    Ok(())
}
