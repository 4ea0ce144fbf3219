//! Keeps the status true to the journal, and does what an operator has decided meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::Origin;
use super::host::Level;
use super::loader::Reference;
use super::problems::About;
use super::recovery::reference;
use super::seen::{Known, Seen};
use super::settle::{acknowledge, given_up_text};
use super::shared::Shared;
use crate::error::chain;
use crate::journal::{Error, Journal};
use crate::memory;

/// How often the journal is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often old entries are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3_600);
/// The memory in use is told in steps of this many bytes, so that it is not news every second.
const MEMORY_STEP: usize = 1024 * 1024;

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
        match looked.and(pruned) {
            Ok(()) => shared.status.solve(About::Journal),
            Err(error) => {
                let text = format!("looking at the journal: {}", chain(&error));
                shared.log(Level::Debug, text.clone());
                shared.status.raise(About::Journal, text, false);
            }
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
    let dead_letter = match counters.dead {
        0 => None,
        _ => journal.newest_dead_letter().await?.map(|record| {
            given_up_text(&record.id, record.cause.as_deref().unwrap_or("nobody knows why"))
        }),
    };
    shared.status.update(|status| {
        status.oldest_pending_at = counters.oldest_pending_at;
        status.dead_letters = counters.dead;
        status.last_dead_letter.clone_from(&dead_letter);
        status.journal_bytes = counters.bytes;
        status.native_memory_bytes = memory::in_use().next_multiple_of(MEMORY_STEP);
    });
    match dead_letter {
        Some(text) => shared.status.raise(About::DeadLetters, text, false),
        None => shared.status.solve(About::DeadLetters),
    }
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
