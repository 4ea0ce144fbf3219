//! Opening the journal of an account, as soon as no other gateway serves it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::options::AccountOptions;
use crate::api::retry::{Mendable, Policy, retry_noting};
use crate::error::chain;
use crate::journal::{self, Condition, Holder, Journal, Lease, Opened, system_clock};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::host::Level;
use crate::orchestrator::status::trouble::Trouble;

/// Opening the journal again: whatever is wrong, somebody may put it right.
const OPEN: Policy = Policy::steady(Duration::from_secs(10));

/// Opens the journal as soon as no other gateway serves the account. Without it the account can do nothing: the status says
/// so until it is there.
pub(crate) async fn open_journal(
    context: &Context,
    options: &AccountOptions,
) -> Result<(), Stopped> {
    let trouble = Mutex::new(context.status.trouble());
    let note = |Mendable(error): &Mendable<_>, pause| {
        let text = format!("cannot start: {}", chain(error));
        context.note_failure(&mut locked(&trouble), Level::Error, text, true, pause);
    };
    let open = || async { try_open_journal(context, options, &trouble).await.map_err(Mendable) };
    let opened = context.work.run_until_cancelled(retry_noting(OPEN, &context.work, note, open));
    let journal = opened.await.ok_or(Stopped)?.map_err(|_| Stopped)?;
    // Only this function sets it.
    let _ = context.journal.set(journal);
    Ok(())
}

fn locked<'guard, 'board>(
    trouble: &'guard Mutex<Trouble<'board>>,
) -> MutexGuard<'guard, Trouble<'board>> {
    trouble.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn try_open_journal(
    context: &Context,
    options: &AccountOptions,
    trouble: &Mutex<Trouble<'_>>,
) -> Result<Journal, journal::Error> {
    let Some(folder) = &options.state_folder else { return Journal::in_memory(system_clock()) };
    let held = |holder: Option<&Holder>| {
        let who = holder.map_or_else(
            || "another process".to_owned(),
            |holder| format!("process {} on {}", holder.pid, holder.host),
        );
        let text = format!("waiting: {who} serves this account already");
        context.log(Level::Warn, text.clone());
        locked(trouble).failed(text, false);
    };
    let lease = Lease::acquire(folder, &options.account_id, held).await?;
    // Opening only fails to return when the runtime ends.
    let opened = tokio::task::spawn_blocking(move || Journal::open(lease, system_clock()));
    let Opened { journal, condition } = opened.await.map_err(|_| journal::Error::Closed)??;
    if let Condition::Rebuilt { set_aside, cause } = condition {
        let text = format!(
            "the journal was damaged ({cause}) and is kept as {}; what the server still lists comes again",
            set_aside.display()
        );
        context.log(Level::Error, text.clone());
        context.status.update(|status| status.journal_rebuilt = Some(text));
    }
    Ok(journal)
}
