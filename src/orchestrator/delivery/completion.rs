//! What the server is told about a dispatch.

use std::sync::Arc;

use crate::error::chain;
use crate::orchestrator::context::{Context, PersistError, Stopped};
use crate::orchestrator::event::Origin;
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::InFlight;

/// Tells the server that work on a dispatch begins. Of no consequence if it fails.
pub(crate) fn mark_received(context: &Arc<Context>, origin: &Origin) {
    let Origin::Dispatch { source_type, source_id, .. } = origin.clone() else { return };
    let task = Arc::clone(context);
    context.spawn(async move {
        if let Err(error) = task.server.mark_received(&source_type, &source_id).await {
            task.log(Level::Debug, format!("marking {source_id} as received: {}", chain(&error)));
        }
    });
}

/// Closes an event that needs no answer.
pub(crate) async fn close(
    context: &Arc<Context>,
    in_flight: &InFlight,
    key: &str,
    origin: &Origin,
    cause: &str,
) {
    context.turns.end_left(key);
    let Ok(journal) = context.journal() else { return };
    // Without a note in the journal it is met again at the next start.
    if context
        .record("noting that there is no answer", || journal.no_reply(key, Some(cause)))
        .await
        .is_ok()
    {
        in_flight.done(key);
        acknowledge(context, key, origin);
    }
}

/// Makes a dead letter: the server keeps it, an operator decides.
pub(crate) async fn give_up(
    context: &Context,
    in_flight: &InFlight,
    key: &str,
    problem: &str,
) -> Result<(), Stopped> {
    context.turns.end_left(key);
    context.log(Level::Error, given_up_text(key, problem));
    let journal = context.journal()?;
    context.record("noting a dead letter", || journal.dead_letter(key, problem)).await?;
    in_flight.failed(key);
    Ok(())
}

/// A dead letter in words.
pub(crate) fn given_up_text(key: &str, cause: &str) -> String {
    format!("{key} could not be answered: {cause}")
}

/// Tells the server that a dispatch is done, until it knows, and then the journal. The journal must hold the whole answer,
/// delivered, or the decision that there is none.
pub(crate) fn acknowledge(context: &Arc<Context>, key: &str, origin: &Origin) {
    let (task, origin, key) = (Arc::clone(context), origin.clone(), key.to_owned());
    context.spawn(async move {
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
