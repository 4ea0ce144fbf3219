//! The loop budget of a running account: intake asks it, delivery tells it what goes where, and the journal keeps it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::budget::usage::Usage;
use super::budget::{BudgetLimits, Decision, Incoming, LoopBudget};
use crate::journal::{self, Journal};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::target::Target;

/// Name of the journal's note that keeps the loop budget.
const LOOP_BUDGET_NOTE: &str = "loop_budget";

/// The loop budget of an account.
#[derive(Debug)]
pub(crate) struct LoopGuard {
    limits: BudgetLimits,
    budget: Mutex<LoopBudget>,
}

impl LoopGuard {
    /// A budget of which nothing is used; `turns` are the turns that agents may cause in an hour.
    pub(crate) fn new(turns: usize) -> Self {
        let limits = BudgetLimits { turns, ..BudgetLimits::default() };
        let budget = Mutex::new(LoopBudget::restore(None, limits));
        Self { limits, budget }
    }

    /// Takes over what the last start of the account left in the journal.
    pub(crate) async fn restore(&self, context: &Context) -> Result<(), Stopped> {
        let journal = context.journal()?;
        let saved =
            context.record("reading the loop budget", || journal.note(LOOP_BUDGET_NOTE)).await?;
        *self.budget() = LoopBudget::restore(saved.as_deref(), self.limits);
        Ok(())
    }

    /// Decides about an event, and counts it if it gets a turn. The journal writes the count before the turn is noted, so
    /// that a crash forgets no turn.
    pub(crate) fn consider(&self, incoming: &Incoming<'_>, journal: &Journal) -> Decision {
        let mut budget = self.budget();
        let verdict = budget.consider(incoming, journal.now());
        save(&mut budget, journal);
        verdict
    }

    /// A turn about `from` sends something to `to`. Call it before that is there: an agent may answer at once.
    pub(crate) fn spoke(&self, from: &Target, to: &Target, journal: &Journal) {
        if from == to {
            return;
        }
        let mut budget = self.budget();
        budget.spoke(&from.to_string(), &to.to_string(), journal.now());
        save(&mut budget, journal);
    }

    /// How many turns each agent, chat and chain may have in an hour.
    pub(crate) fn most_turns(&self) -> usize {
        self.limits.turns
    }

    /// What the last transaction of a journal knows of the budget.
    pub(crate) async fn usage_in(journal: &Journal) -> Result<Usage, journal::Error> {
        let saved = journal.note(LOOP_BUDGET_NOTE).await?;
        Ok(LoopBudget::restore(saved.as_deref(), BudgetLimits::default()).usage(journal.now()))
    }

    fn budget(&self) -> MutexGuard<'_, LoopBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes what changed. Most events change nothing, and all of it may be a megabyte.
fn save(budget: &mut LoopBudget, journal: &Journal) {
    if budget.take_changed() {
        journal.set_note(LOOP_BUDGET_NOTE, budget.save());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::system_clock;
    use crate::orchestrator::loops::budget::Cause;

    #[tokio::test]
    async fn what_changes_the_budget_is_written_and_nothing_else() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let guard = LoopGuard::new(8);
        let chats = [Target::Chat("cht_1".into()), Target::Chat("cht_2".into())];
        let hears = |key, cause| {
            let chat = chats[0].to_string();
            guard.consider(&Incoming { key, chat: &chat, cause, no_reply: false }, &journal)
        };
        hears("msg_1", Cause::Person);
        guard.spoke(&chats[0], &chats[1], &journal);
        assert_eq!(journal.note(LOOP_BUDGET_NOTE).await.unwrap(), None);
        let mut before = None;
        for change in 0..3 {
            match change {
                0 => drop(hears("msg_2", Cause::Agent("usr_bot"))),
                1 => guard.spoke(&chats[0], &chats[1], &journal),
                _ => drop(hears("msg_3", Cause::Person)),
            }
            let note = journal.note(LOOP_BUDGET_NOTE).await.unwrap();
            assert_ne!(note, before);
            before = note;
        }
    }
}
