//! Keeps the status true to the journal, and does what an operator has decided meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::error::chain;
use crate::journal::{Error, Journal};
use crate::memory;
use crate::orchestrator::delivery::completion::{Completion, given_up_text};
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::EventState;
use crate::orchestrator::intake::references::{Reference, recorded};
use crate::orchestrator::status::problems::About;

/// How often the journal is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often old entries are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3_600);
/// The memory in use is published in steps of this many bytes, so that the status does not change every second.
const MEMORY_STEP: usize = 1024 * 1024;

/// Looks at the journal until the account stops.
pub(crate) async fn watch(
    completion: Arc<Completion>,
    references: mpsc::UnboundedSender<Reference>,
) {
    let context = &completion.context;
    let Ok(journal) = context.journal() else { return };
    let mut prune_at = Instant::now();
    loop {
        let looked = look(&completion, journal, &references).await;
        let pruned = if Instant::now() >= prune_at {
            prune_at = Instant::now() + PRUNE_INTERVAL;
            journal.prune().await.map(drop)
        } else {
            Ok(())
        };
        match looked.and(pruned) {
            Ok(()) => context.status.solve(About::Journal),
            Err(error) => {
                let text = format!("looking at the journal: {}", chain(&error));
                context.log(Level::Debug, text.clone());
                context.status.raise(About::Journal, text, false);
            }
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
            () = context.work.cancelled() => return,
        }
    }
}

async fn look(
    completion: &Arc<Completion>,
    journal: &Journal,
    references: &mpsc::UnboundedSender<Reference>,
) -> Result<(), Error> {
    let (context, in_flight) = (&completion.context, &completion.in_flight);
    let counters = journal.counters().await?;
    let dead_letter = match counters.dead {
        0 => None,
        _ => journal.newest_dead_letter().await?.map(|record| {
            given_up_text(&record.id, record.cause.as_deref().unwrap_or("nobody knows why"))
        }),
    };
    context.status.update(|status| {
        status.oldest_pending_at = counters.oldest_pending_at;
        status.dead_letters = counters.dead;
        status.last_dead_letter.clone_from(&dead_letter);
        status.journal_bytes = counters.bytes;
        status.native_memory_bytes = memory::in_use().next_multiple_of(MEMORY_STEP);
    });
    match dead_letter {
        Some(text) => context.status.raise(About::DeadLetters, text, false),
        None => context.status.solve(About::DeadLetters),
    }
    // Only an operator makes a given-up event due or over; everything else is in somebody's hands here. One that was given
    // up before this process started may not have been met here.
    let is_given_up = |reference: &Reference| {
        matches!(in_flight.known(&reference.identity()), None | Some(EventState::Failed))
    };
    for reference in journal.due().await?.iter().map(recorded).filter(is_given_up) {
        in_flight.release(&reference.key);
        // The list may bring it in this moment, too.
        if in_flight.claim(&reference.identity()) == EventState::New {
            // The receiver lives as long as the account.
            let _ = references.send(reference);
        }
    }
    for reference in journal.finished().await?.iter().map(recorded).filter(is_given_up) {
        completion.answered(&reference.key, &reference.origin);
    }
    Ok(())
}
