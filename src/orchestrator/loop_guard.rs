//! The loop budget of a running account: intake asks it, delivery tells it what goes where, and a task keeps it on disk.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::context::{Context, Stopped};
use super::loop_budget::{BudgetLimits, Incoming, LoopBudget, Verdict};
use super::target::Target;

/// Name of the journal's note that keeps the loop budget.
const LOOP_BUDGET_NOTE: &str = "loop_budget";

/// The loop budget of an account.
#[derive(Debug)]
pub(crate) struct LoopGuard {
    limits: BudgetLimits,
    budget: Mutex<LoopBudget>,
    changed: Notify,
}

impl LoopGuard {
    /// A budget of which nothing is used; `turns` are the turns that agents may cause in an hour.
    pub(crate) fn new(turns: usize) -> Self {
        let limits = BudgetLimits { turns, ..BudgetLimits::default() };
        let budget = Mutex::new(LoopBudget::restore(None, limits));
        Self { limits, budget, changed: Notify::new() }
    }

    /// Takes over what the last start of the account left in the journal.
    pub(crate) async fn restore(&self, context: &Context) -> Result<(), Stopped> {
        let journal = context.journal()?;
        let saved =
            context.record("reading the loop budget", || journal.note(LOOP_BUDGET_NOTE)).await?;
        *self.budget() = LoopBudget::restore(saved.as_deref(), self.limits);
        Ok(())
    }

    /// Decides about an event, and counts it if it gets a turn.
    pub(crate) fn consider(&self, incoming: &Incoming<'_>, now: i64) -> Verdict {
        let verdict = self.budget().consider(incoming, now);
        self.changed.notify_one();
        verdict
    }

    /// A turn about `from` sends something to `to`. Call it before that is there: an agent may answer at once.
    pub(crate) fn spoke(&self, from: &Target, to: &Target, now: i64) {
        if from == to {
            return;
        }
        self.budget().spoke(&from.to_string(), &to.to_string(), now);
        self.changed.notify_one();
    }

    /// Keeps the budget in the journal until the account stops. The journal writes its newest state with whatever it writes next.
    pub(crate) async fn keep(&self, context: &Context) -> Result<(), Stopped> {
        let journal = context.journal()?;
        loop {
            let changed = self.changed.notified();
            let is_last = context.work.run_until_cancelled(changed).await.is_none();
            let saved = self.budget().save();
            journal.set_note(LOOP_BUDGET_NOTE, saved);
            if is_last {
                // The journal writes it before it closes.
                return Ok(());
            }
        }
    }

    fn budget(&self) -> MutexGuard<'_, LoopBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
