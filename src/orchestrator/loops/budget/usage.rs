//! How much of the budget is used, for an operator.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::LoopBudget;

/// Most agents, and most chats and tasks, that are named.
const MOST_NAMED: usize = 20;

/// What agents caused within the window, the most first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    /// Turns by agent.
    pub(crate) agents: Vec<Used>,
    /// Agents that are not named.
    pub(crate) more_agents: usize,
    /// Turns by chat or task.
    pub(crate) chats: Vec<Used>,
    /// Chats and tasks that are not named.
    pub(crate) more_chats: usize,
}

/// The turns of one agent, chat or task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Used {
    /// `usr_...`, `cht_...` or `tsk_...`.
    pub(crate) id: String,
    /// How many.
    pub(crate) turns: usize,
    /// When the oldest of them counts no more, milliseconds since the epoch.
    pub(crate) frees_at: i64,
}

impl LoopBudget {
    /// What is used at a time, in milliseconds since the epoch. Forgets nothing.
    pub(crate) fn usage(&self, now: i64) -> Usage {
        let counted = self.turns.iter().filter(|turn| turn.at > now - self.limits.window);
        let (mut agents, mut chats) = (BTreeMap::new(), BTreeMap::new());
        for turn in counted {
            let frees_at = turn.at + self.limits.window;
            count(&mut chats, &turn.chat, frees_at);
            turn.sender.iter().for_each(|sender| count(&mut agents, sender, frees_at));
        }
        let (agents, more_agents) = most_used(agents);
        let (chats, more_chats) = most_used(chats);
        Usage { agents, more_agents, chats, more_chats }
    }
}

/// Turns are counted in the order in which they took place, so the first one frees first.
fn count<'a>(counts: &mut BTreeMap<&'a str, (usize, i64)>, id: &'a str, frees_at: i64) {
    counts.entry(id).or_insert((0, frees_at)).0 += 1;
}

fn most_used(counts: BTreeMap<&str, (usize, i64)>) -> (Vec<Used>, usize) {
    let used = |(id, (turns, frees_at)): (&str, _)| Used { id: id.to_owned(), turns, frees_at };
    let mut all: Vec<Used> = counts.into_iter().map(used).collect();
    all.sort_by_key(|used| Reverse(used.turns));
    let more = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    (all, more)
}

#[cfg(test)]
mod tests {
    use super::super::{BudgetLimits, Cause, Incoming};
    use super::*;

    fn hears(budget: &mut LoopBudget, key: &str, chat: &str, agent: &str, now: i64) {
        let incoming = Incoming { key, chat, cause: Cause::Agent(agent), no_reply: false };
        budget.consider(&incoming, now);
    }

    #[test]
    fn turns_are_counted_by_agent_and_chat_as_long_as_they_count() {
        let mut budget = LoopBudget::restore(None, BudgetLimits { turns: 8, window: 100 });
        hears(&mut budget, "1", "cht_a", "usr_x", 10);
        hears(&mut budget, "2", "cht_b", "usr_x", 20);
        hears(&mut budget, "3", "cht_b", "usr_y", 30);
        let used = |id: &str, turns, frees_at| Used { id: id.to_owned(), turns, frees_at };
        let usage = budget.usage(40);
        assert_eq!(usage.agents, [used("usr_x", 2, 110), used("usr_y", 1, 130)]);
        assert_eq!(usage.chats, [used("cht_b", 2, 120), used("cht_a", 1, 110)]);
        assert_eq!(budget.usage(115).agents, [used("usr_x", 1, 120), used("usr_y", 1, 130)]);
        assert_eq!(budget.usage(130), Usage::default());
    }

    #[test]
    fn of_many_the_most_used_are_named_and_the_rest_is_counted() {
        let mut budget = LoopBudget::restore(None, BudgetLimits { turns: 1_000, window: 100 });
        for number in 0..50 {
            hears(&mut budget, &number.to_string(), &format!("cht_{number}"), "usr_x", 1);
        }
        hears(&mut budget, "again", "cht_49", "usr_x", 1);
        let usage = budget.usage(1);
        assert_eq!((usage.chats.len(), usage.more_chats), (MOST_NAMED, 30));
        assert_eq!((usage.chats[0].id.as_str(), usage.chats[0].turns), ("cht_49", 2));
        assert_eq!((usage.agents.len(), usage.more_agents), (1, 0));
    }
}
