//! Several events in one turn.

use parall::journal::{DispatchRecord, PartRecord};
use parall::orchestrator::Turn;

use super::checks::journaled;
use super::parall_state::Posted;
use super::plan::{LetterKind, Plan};
use super::world::State;

/// The sources of the events that a turn is about, in its order.
pub(crate) fn members(turn: &Turn) -> Vec<String> {
    let messages = turn.text.lines().filter_map(|line| line.strip_prefix("[Message: "));
    let members: Vec<String> =
        messages.filter_map(|line| line.strip_suffix(']')).map(str::to_owned).collect();
    if members.is_empty() { vec![turn.message_id.clone()] } else { members }
}

/// What is wrong with a turn on several events, if anything.
pub(crate) fn check_together(state: &State, plan: &Plan, members: &[String]) -> Option<String> {
    let posted =
        |source: &String| state.parall.posted.iter().find(|posted| posted.source_id == *source);
    let of: Vec<&Posted> = members.iter().filter_map(posted).collect();
    let is_one_matter = of.windows(2).all(|pair| {
        let is_hint = |posted: &Posted| posted.kind == LetterKind::Hint;
        let [first, second] = pair else { return true };
        first.target == second.target
            && first.thread == second.thread
            && first.source_type == "message"
            && is_hint(first) == is_hint(second)
    });
    if of.len() != members.len() || of.len() > plan.collect_events() || !is_one_matter {
        return Some(format!("{members:?} are no matter for one turn"));
    }
    // Whoever was in a turn before is in the same one again, or alone because it failed.
    let before = state
        .ledger
        .runs
        .iter()
        .rev()
        .find(|run| members.iter().any(|member| run.is_about(member)));
    before
        .filter(|run| members.len() > 1 && run.members != members)
        .map(|run| format!("{members:?} share a turn although {:?} had one", run.members))
}

/// The answer to a dispatch that shared its turn: the parts are those of the first event.
pub(crate) fn shared_parts(state: &State, record: &DispatchRecord) -> Vec<PartRecord> {
    let found = state.parall.posted.iter().filter_map(|posted| journaled(&state.disk, posted));
    found
        .filter(|other| record.turn_id.is_some() && other.record.turn_id == record.turn_id)
        .flat_map(|other| other.parts)
        .collect()
}

impl Plan {
    /// How many events share a turn at most.
    pub(crate) fn collect_events(&self) -> usize {
        [1, 20, 20, 3][usize::try_from(self.seed % 4).unwrap()]
    }
}
