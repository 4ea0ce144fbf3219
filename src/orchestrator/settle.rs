//! What the server is told about a dispatch.

use std::sync::Arc;

use super::event::Origin;
use super::host::Level;
use super::seen::Seen;
use super::shared::{PersistError, Shared, Stopped};
use crate::error::chain;

/// Tells the server that work on a dispatch begins. Of no consequence if it fails.
pub(super) fn mark_received(shared: &Arc<Shared>, origin: &Origin) {
    let Origin::Dispatch { source_type, source_id, .. } = origin.clone() else { return };
    let task = Arc::clone(shared);
    shared.spawn(async move {
        if let Err(error) = task.server.mark_received(&source_type, &source_id).await {
            task.log(Level::Debug, format!("marking {source_id} as received: {}", chain(&error)));
        }
    });
}

/// Closes an event that needs no answer.
pub(super) async fn close(
    shared: &Arc<Shared>,
    seen: &Seen,
    key: &str,
    origin: &Origin,
    cause: &str,
) {
    shared.turns.end_left(key);
    let Ok(journal) = shared.journal() else { return };
    // Without a note in the journal it is met again at the next start.
    if shared
        .record("noting that there is no answer", || journal.no_reply(key, Some(cause)))
        .await
        .is_ok()
    {
        seen.done(key);
        acknowledge(shared, key, origin);
    }
}

/// Makes a dead letter: the server keeps it, an operator decides.
pub(super) async fn give_up(
    shared: &Shared,
    seen: &Seen,
    key: &str,
    problem: &str,
) -> Result<(), Stopped> {
    shared.turns.end_left(key);
    shared.log(Level::Error, given_up_text(key, problem));
    let journal = shared.journal()?;
    shared.record("noting a dead letter", || journal.dead_letter(key, problem)).await?;
    seen.failed(key);
    Ok(())
}

/// A dead letter in words.
pub(super) fn given_up_text(key: &str, cause: &str) -> String {
    format!("{key} could not be answered: {cause}")
}

/// Tells the server that a dispatch is done, until it knows, and then the journal. The journal must hold the whole answer,
/// delivered, or the decision that there is none.
pub(super) fn acknowledge(shared: &Arc<Shared>, key: &str, origin: &Origin) {
    let (task, origin, key) = (Arc::clone(shared), origin.clone(), key.to_owned());
    shared.spawn(async move {
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
