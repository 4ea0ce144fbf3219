//! The turns that are open: the meeting point of a running turn and the texts that come back for it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::SetOnce;

use super::attribution::{Attribution, Evidence, Phase, attribute};
use super::earlier::EarlierRun;
use super::open_turn::OpenTurn;
use crate::orchestrator::batch::Batch;
use crate::orchestrator::host::TurnOutcome;
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::left_turn::LeftTurn;

/// How many turns that an operator has ended are remembered: they end within moments.
const MOST_STOPPED: usize = 1_000;

/// All open turns, oldest first. There are few: one for each lane, and what the last process left.
#[derive(Debug, Default)]
pub(crate) struct OpenTurns {
    turns: Mutex<Vec<Arc<OpenTurn>>>,
    /// Ids of those that an operator has ended.
    stopped: Mutex<HashSet<String>>,
    recovered: SetOnce<()>,
}

impl OpenTurns {
    /// Opens a turn for a batch; it is closed when the guard is dropped. `first_part` is the ordinal of the next part.
    pub(crate) fn open(&self, batch: &Batch, first_part: u32) -> OpenGuard<'_> {
        let turn = Arc::new(OpenTurn::new(batch, first_part));
        self.turns().push(Arc::clone(&turn));
        OpenGuard { turns: self, turn }
    }

    /// Opens the turn for an event that is here already: the last process left it, or an earlier start of the account began
    /// its run. Several events may have been in it: its answer and its run, as long as that goes on, are for all of them, but only the
    /// first one has its next turn in it.
    pub(crate) fn reopen(&self, event_key: &str) -> Option<OpenGuard<'_>> {
        let turns = self.turns();
        let turn = turns
            .iter()
            .find(|turn| turn.answers(event_key) && turn.candidate().phase != Phase::Over)?;
        let is_first = turn.fixed.event_key == event_key;
        if !is_first && !turn.is_complete() && turn.fixed.earlier_run.is_none() {
            turn.leave(event_key);
            return None;
        }
        Some(OpenGuard { turns: self, turn: Arc::clone(turn) })
    }

    /// Notes a turn that the last process had begun. One that is over already gets no other answer; the host may still add to
    /// what it said.
    pub(crate) fn leave(&self, left: &LeftTurn) {
        let Some(turn) = OpenTurn::left(left) else { return };
        self.turns().push(Arc::new(turn));
    }

    /// Notes a turn whose run continues; says whether it could.
    pub(crate) fn take_over(&self, left: &LeftTurn, run: EarlierRun) -> bool {
        let Some(turn) = OpenTurn::taken_over(left, run) else { return false };
        self.turns().push(Arc::new(turn));
        true
    }

    /// An event is over without a turn in this process.
    pub(crate) fn end_interrupted(&self, event_key: &str) {
        let turns = self.turns();
        let of_event = turns.iter().filter(|turn| turn.answers(event_key));
        of_event.for_each(|turn| turn.end_interrupted());
    }

    /// A part that the last process wrote down is in the chat, as far as a run that continues is concerned.
    pub(crate) fn delivered_late(&self, event_key: &str, text: &str) {
        if let Some(turn) = self.followed(event_key) {
            turn.delivered(text);
        }
    }

    /// The server will never take such a part.
    pub(crate) fn refused_late(&self, event_key: &str, cause: &str) {
        if let Some(turn) = self.followed(event_key) {
            turn.refused(cause.to_owned());
        }
    }

    /// The host is done with a run that continues from an earlier start. Says whether the agent ran.
    pub(crate) fn returned(&self, event_key: &str, outcome: &TurnOutcome) -> bool {
        self.followed(event_key).map_or(outcome.started, |turn| turn.returned(outcome))
    }

    /// Whether an event is in a run of several that continues. That ends it, whatever becomes of its source meanwhile: the
    /// others wait for the answer.
    pub(crate) fn runs_with_others(&self, event_key: &str) -> bool {
        let turns = self.turns();
        let mut followed = turns.iter().filter(|turn| turn.fixed.earlier_run.is_some());
        followed.any(|turn| turn.answers(event_key) && turn.members().len() > 1)
    }

    /// Whether a run of an earlier start of the account goes on for this event.
    pub(crate) fn continues(&self, event_key: &str) -> bool {
        self.followed(event_key).is_some_and(|turn| turn.candidate().phase != Phase::Over)
    }

    fn followed(&self, event_key: &str) -> Option<Arc<OpenTurn>> {
        let turns = self.turns();
        let turn = turns
            .iter()
            .find(|turn| turn.fixed.event_key == event_key && turn.fixed.earlier_run.is_some());
        turn.cloned()
    }

    /// An operator ends the turn that runs for an event: gives its id, or nothing when none runs.
    pub(crate) fn stop(&self, event_key: &str) -> Option<String> {
        let turns = self.turns();
        let mut candidates = turns
            .iter()
            .filter(|turn| turn.answers(event_key))
            .map(|turn| turn.candidate())
            .filter(|candidate| candidate.phase == Phase::Running);
        let id = candidates.find_map(|candidate| candidate.id)?;
        let mut stopped = self.stopped();
        if stopped.len() >= MOST_STOPPED {
            stopped.clear();
        }
        stopped.insert(id.clone());
        Some(id)
    }

    /// Whether an operator has ended a turn. Everybody who follows its run asks.
    pub(crate) fn is_stopped(&self, id: &str) -> bool {
        self.stopped().contains(id)
    }

    fn stopped(&self) -> MutexGuard<'_, HashSet<String>> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that the last process left is noted.
    pub(crate) fn set_recovered(&self) {
        // A second call changes nothing.
        let _ = self.recovered.set(());
    }

    /// Waits until it is known what the last process left, at most for `limit`; says whether it is. Those that wait continue in the
    /// order in which they came, so the parts of an answer keep theirs.
    pub(crate) async fn wait_recovered(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.recovered.wait()).await.is_ok()
    }

    /// To which turn a text for `target` belongs; the target of a reply is that of its turn.
    pub(crate) fn attribute(
        &self,
        evidence: Evidence<'_>,
        target: Option<&Target>,
    ) -> Attribution<Arc<OpenTurn>> {
        let turns = self.turns();
        let candidates: Vec<_> = turns.iter().map(|turn| turn.candidate()).collect();
        attribute(evidence, target, &candidates).map(|turn| Arc::clone(&turns[turn]))
    }

    /// Where the answer goes of the turn that runs under this id.
    pub(crate) fn target_of(&self, id: &str) -> Option<Target> {
        let turns = self.turns();
        let turn = turns.iter().find(|turn| turn.candidate().id.as_deref() == Some(id))?;
        Some(turn.fixed.target.clone())
    }

    fn turns(&self) -> MutexGuard<'_, Vec<Arc<OpenTurn>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a turn open.
pub(crate) struct OpenGuard<'turns> {
    turns: &'turns OpenTurns,
    /// The turn.
    pub turn: Arc<OpenTurn>,
}

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        self.turn.end_unrun();
        let mut turns = self.turns.turns();
        turns.retain(|turn| {
            if Arc::ptr_eq(turn, &self.turn) { turn.may_be_added_to() } else { !turn.is_stale() }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Details, Journal, NewDispatch, system_clock};

    /// A lane has taken the event, and the host is not asked yet.
    #[tokio::test]
    async fn a_host_may_answer_by_itself_until_it_is_asked_to_run_what_was_left() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        journal.claim(NewDispatch::message("dsp_1", "msg_1")).await.unwrap();
        let details = Details { target: "cht_1".into(), ..Details::default() };
        journal.describe("dsp_1", details).await.unwrap();
        journal.adopt(["dsp_1"], "turn-1", "main").await.unwrap();
        let left = LeftTurn::group(journal.recover().await.unwrap().dispatches);
        let turns = OpenTurns::default();
        turns.leave(&left[0]);
        let open = turns.reopen("dsp_1").unwrap();
        let chat = "cht_1".parse().unwrap();
        let host = || turns.attribute(Evidence::Unnamed { is_notice: false }, Some(&chat));
        assert!(matches!(host(), Attribution::Answer { completes: true, .. }));
        open.turn.complete();
        assert!(!open.turn.begin("turn-2"), "it is answered");

        let turns = OpenTurns::default();
        turns.leave(&left[0]);
        let open = turns.reopen("dsp_1").unwrap();
        assert!(open.turn.begin("turn-2"));
        let text = turns.attribute(Evidence::Unnamed { is_notice: false }, Some(&chat));
        assert!(matches!(text, Attribution::Note));
    }

    #[tokio::test(start_paused = true)]
    async fn texts_that_come_before_the_recovery_go_on_in_the_order_in_which_they_came() {
        let turns = Arc::new(OpenTurns::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..20)
            .map(|number| {
                let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
                tokio::spawn(async move {
                    assert!(turns.wait_recovered(Duration::from_secs(60)).await);
                    order.lock().unwrap().push(number);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        turns.set_recovered();
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_recovery_that_does_not_come_is_not_waited_for_for_ever() {
        assert!(!OpenTurns::default().wait_recovered(Duration::from_secs(60)).await);
    }
}
