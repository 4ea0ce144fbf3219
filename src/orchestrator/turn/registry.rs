//! The turns that are open: the meeting point of a running turn and the replies that come back for it.
//!
//! A host may also answer by itself, without the turn's id: it takes up a turn that a crash cut off, or keeps a message for
//! later. All that is known of such a text is its chat, so it belongs to the oldest turn there that has no run of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::open_turn::{OpenTurn, Stage};
use crate::journal::OpenDispatch;
use crate::orchestrator::event::Event;
use crate::orchestrator::target::Target;

/// All open turns. There are few: one for each lane, and what the last run left.
#[derive(Debug, Default)]
pub(crate) struct OpenTurns {
    turns: Mutex<Vec<Arc<OpenTurn>>>,
    recovered: watch::Sender<bool>,
}

/// Whose answer a text is that the host sends by itself.
#[derive(Debug)]
pub(crate) enum Addressee {
    /// Of a turn that the host runs: the agent sends it.
    Running(Arc<OpenTurn>),
    /// Of a turn that the host owes an answer.
    Owed(Arc<OpenTurn>),
    /// Of a turn that is over.
    Past(Arc<OpenTurn>),
    /// Of none that could be told.
    Nobody,
}

impl OpenTurns {
    /// Opens a turn for an event; it is closed when the guard is dropped. `first_part` is the ordinal of the next part.
    pub(crate) fn open(&self, event: &Event, first_part: u32) -> OpenGuard<'_> {
        let mut turns = self.turns();
        let left = turns.iter().find(|turn| {
            turn.event_key == event.key() && matches!(turn.stage(), Stage::LeftOpen(_))
        });
        let turn = left.cloned().unwrap_or_else(|| {
            let turn = Arc::new(OpenTurn::new(event, first_part));
            turns.push(Arc::clone(&turn));
            turn
        });
        turn.returned(false);
        OpenGuard { turns: self, turn }
    }

    /// Notes a turn that the last run had begun. One that is over already gets no other answer; the host may still add to
    /// what it said.
    pub(crate) fn leave(&self, open: &OpenDispatch, over: bool) {
        let Some(turn) = OpenTurn::left(open, over) else { return };
        self.turns().push(Arc::new(turn));
    }

    /// An event is over without a turn in this run.
    pub(crate) fn end_left(&self, event_key: &str) {
        let turns = self.turns();
        turns.iter().filter(|turn| turn.event_key == event_key).for_each(|turn| turn.end_left());
    }

    /// All that the last run left is noted.
    pub(crate) fn set_recovered(&self) {
        self.recovered.send_replace(true);
    }

    /// Waits until it is known what the last run left, at most for `limit`.
    pub(crate) async fn wait_recovered(&self, limit: Duration) {
        let mut recovered = self.recovered.subscribe();
        // The sender lives as long as this; after the limit nothing is known.
        let _ = tokio::time::timeout(limit, recovered.wait_for(|recovered| *recovered)).await;
    }

    /// The turn of this id.
    pub(crate) fn by_id(&self, id: &str) -> Option<Arc<OpenTurn>> {
        self.turns().iter().find(|turn| turn.has_id(id)).cloned()
    }

    /// Whose answer a text is that the host sends to this target by itself: of the oldest turn without a run, or else of one
    /// that is over, first of one that was cut off. While a turn runs after one that is over, nobody can tell.
    pub(crate) fn addressee(&self, target: &Target) -> Addressee {
        let now = Instant::now();
        let turns = self.turns();
        let (mut running, mut past) = (None, Vec::new());
        for turn in turns.iter().filter(|turn| turn.target == *target) {
            match turn.stage() {
                Stage::Owed => return Addressee::Owed(Arc::clone(turn)),
                Stage::LeftOpen(until) if now < until => return Addressee::Owed(Arc::clone(turn)),
                Stage::Over(until) if now < until => past.push(turn),
                Stage::Running => running = Some(turn),
                Stage::LeftOpen(_) | Stage::Over(_) | Stage::Returned => {}
            }
        }
        let past = past.into_iter().min_by_key(|turn| !turn.is_interrupted());
        match (running, past) {
            (Some(running), None) => Addressee::Running(Arc::clone(running)),
            (None, Some(past)) => Addressee::Past(Arc::clone(past)),
            (None, None) | (Some(_), Some(_)) => Addressee::Nobody,
        }
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
        self.turn.end_owed();
        let now = Instant::now();
        self.turns.turns().retain(|turn| match turn.stage() {
            Stage::Over(until) => now < until,
            _ => !Arc::ptr_eq(turn, &self.turn),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::event::{Origin, Subject};
    use crate::orchestrator::turn::open_turn::HOST_ADDS;

    fn event(id: &str) -> Event {
        let text = format!(r#"{{"id": "{id}", "chat_id": "cht_1"}}"#);
        let message = serde_json::from_str(&text).unwrap();
        let chat = serde_json::from_str(r#"{"id": "cht_1"}"#).unwrap();
        let subject = Subject::Message { message, chat };
        Event { origin: Origin::Announcement, subject, missed: false }
    }

    /// Kind of addressee, and whose.
    fn addressee(turns: &OpenTurns) -> (&'static str, String) {
        let (kind, turn) = match turns.addressee(&"cht_1".parse().unwrap()) {
            Addressee::Running(turn) => ("running", turn),
            Addressee::Owed(turn) => ("owed", turn),
            Addressee::Past(turn) => ("past", turn),
            Addressee::Nobody => return ("nobody", String::new()),
        };
        (kind, turn.event_key.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_host_sends_by_itself_belongs_to_the_oldest_turn_without_a_run() {
        let turns = OpenTurns::default();
        assert_eq!(addressee(&turns).0, "nobody");
        let first = turns.open(&event("msg_1"), 0);
        first.turn.begin("turn-1".to_owned());
        assert_eq!(addressee(&turns), ("running", "msg_1".to_owned()));
        first.turn.returned(true);
        let second = turns.open(&event("msg_2"), 0);
        second.turn.begin("turn-2".to_owned());
        assert_eq!(addressee(&turns), ("owed", "msg_1".to_owned()));
        drop(first);
        assert_eq!(addressee(&turns).0, "nobody", "it may be of either");
        drop(second);
        assert_eq!(addressee(&turns), ("past", "msg_1".to_owned()));
        tokio::time::advance(HOST_ADDS).await;
        assert_eq!(addressee(&turns).0, "nobody");
    }
}
