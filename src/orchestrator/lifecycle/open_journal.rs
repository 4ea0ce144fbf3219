//! Opening the journal of an account, as soon as no other gateway serves it.

use std::time::Duration;

use super::options::AccountOptions;
use crate::error::chain;
use crate::journal::{self, Condition, Holder, Journal, Lease, Opened, system_clock};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::host::Level;
use crate::orchestrator::status::trouble::Trouble;

/// How long to wait before trying again to open the journal.
const OPEN_PAUSE: Duration = Duration::from_secs(10);

/// Opens the journal as soon as no other gateway serves the account. Without it the account can do nothing: the status says
/// so until it is there.
pub(crate) async fn open_journal(
    context: &Context,
    options: &AccountOptions,
) -> Result<(), Stopped> {
    let mut trouble = context.status.trouble();
    loop {
        let opened = tokio::select! {
            biased;
            opened = try_open_journal(context, options, &mut trouble) => opened,
            () = context.work.cancelled() => return Err(Stopped),
        };
        let text = match opened {
            Ok(journal) => {
                // Only this function sets it.
                let _ = context.journal.set(journal);
                return Ok(());
            }
            Err(error) => format!("cannot start: {}", chain(&error)),
        };
        context.pause(&mut trouble, Level::Error, text, true, OPEN_PAUSE).await?;
    }
}

async fn try_open_journal(
    context: &Context,
    options: &AccountOptions,
    trouble: &mut Trouble<'_>,
) -> Result<Journal, journal::Error> {
    let Some(folder) = &options.state_folder else { return Journal::in_memory(system_clock()) };
    let held = |holder: Option<&Holder>| {
        let who = holder.map_or_else(
            || "another process".to_owned(),
            |holder| format!("process {} on {}", holder.pid, holder.host),
        );
        let text = format!("waiting: {who} serves this account already");
        context.log(Level::Warn, text.clone());
        trouble.failed(text, false);
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
