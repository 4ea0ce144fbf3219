//! The turns that are open: the meeting point of a running turn and the replies that come back for it.
//!
//! A host may also answer by itself, without the turn's id: it takes up a turn that a crash cut off, or keeps a message for
//! later. All that is known of such a text is its chat, so it belongs to the oldest turn there that has no run of its own.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::event::Event;
use super::target::Target;
use crate::journal::OpenDispatch;

/// How long the host may add something to a turn that is over, and take up by itself what the last run left open.
const HOST_ADDS: Duration = Duration::from_secs(300);

/// Where a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The last run left it open. The host may take it up by itself until then.
    LeftOpen(Instant),
    /// The host has it.
    Running,
    /// The host is done with it.
    Returned,
    /// The host returned without a run: it may answer by itself.
    Owed,
    /// It is over. The host may add something until then.
    Over(Instant),
}

/// A turn that the host runs, or whose answer is still awaited. It stays the same from one attempt to the next.
#[derive(Debug)]
pub(super) struct OpenTurn {
    id: Mutex<Option<String>>,
    stage: Mutex<Stage>,
    /// The message or task it is about.
    pub source: Source,
    /// Where its answer goes.
    pub target: Target,
    /// The thread that its answer belongs to.
    pub thread_root_id: Option<String>,
    /// What idempotency keys start from.
    pub event_key: String,
    /// The sender asked for no answer: replies are kept to ourselves.
    pub no_reply: bool,
    /// What an earlier run of this account said.
    said_before: Vec<String>,
    /// The end of an earlier run cut its answer off.
    is_interrupted: bool,
    first_part: u32,
    parts: AtomicU32,
    closed: AtomicBool,
    delivered: AtomicU32,
    delivered_before: AtomicU32,
    finished: AtomicBool,
    cut_off: AtomicBool,
    refused: Mutex<Option<String>>,
    spoken: Mutex<String>,
    changed: Notify,
}

/// What a turn is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// `message` or `task`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl OpenTurn {
    /// A turn for an event.
    fn new(event: &Event, first_part: u32) -> Self {
        let source =
            Source { kind: event.source_kind().to_owned(), id: event.source_id().to_owned() };
        let thread = event.thread_root_id().map(str::to_owned);
        let turn = Self::empty(source, event.target(), thread, event.key(), first_part);
        Self { no_reply: event.no_reply(), ..turn }
    }

    fn empty(
        source: Source,
        target: Target,
        thread_root_id: Option<String>,
        key: &str,
        first_part: u32,
    ) -> Self {
        Self {
            id: Mutex::default(),
            stage: Mutex::new(Stage::Returned),
            source,
            target,
            thread_root_id,
            event_key: key.to_owned(),
            no_reply: false,
            said_before: Vec::new(),
            is_interrupted: false,
            first_part,
            parts: AtomicU32::new(first_part),
            closed: AtomicBool::new(false),
            delivered: AtomicU32::new(0),
            delivered_before: AtomicU32::new(0),
            finished: AtomicBool::new(false),
            cut_off: AtomicBool::new(false),
            refused: Mutex::new(None),
            spoken: Mutex::new(String::new()),
            changed: Notify::new(),
        }
    }

    /// Another attempt begins.
    pub(super) fn begin(&self, id: String) {
        *lock(&self.id) = Some(id);
        self.delivered_before.store(self.delivered.load(Ordering::Acquire), Ordering::Release);
        *lock(&self.stage) = Stage::Running;
    }

    /// The host is done with the attempt; `owes` when it returned without a run.
    pub(super) fn returned(&self, owes: bool) {
        *lock(&self.stage) = if owes { Stage::Owed } else { Stage::Returned };
    }

    /// The attempt is over and there will be another one: nothing comes for this one any more.
    pub(super) fn end_attempt(&self) {
        *lock(&self.id) = None;
    }

    /// Whether all of these parts were said before a restart; a host may say them again.
    pub(super) fn has_said(&self, parts: &[String]) -> bool {
        parts.iter().all(|part| self.said_before.contains(part))
    }

    /// The ordinal of the next part, counted from zero.
    pub(super) fn next_part(&self) -> u32 {
        self.parts.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a part of the answer has been handed over, wherever it is now.
    pub(super) fn has_begun(&self) -> bool {
        self.parts.load(Ordering::Relaxed) > self.first_part
    }

    /// No further part is taken.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether no further part is taken.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A part stands in the chat.
    pub(super) fn delivered(&self, text: &str, last: bool) {
        let mut spoken = lock(&self.spoken);
        if !spoken.is_empty() {
            spoken.push_str("\n\n");
        }
        spoken.push_str(text);
        drop(spoken);
        self.delivered.fetch_add(1, Ordering::Release);
        if last {
            self.finished.store(true, Ordering::Release);
        }
        self.changed.notify_one();
    }

    /// What has been said in this turn.
    pub(super) fn spoken(&self) -> String {
        lock(&self.spoken).clone()
    }

    /// The account stopped before a part was known to stand in the chat.
    pub(super) fn cut_off(&self) {
        self.cut_off.store(true, Ordering::Release);
    }

    /// Whether the account stopped before all parts that came were known to stand in the chat.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Acquire)
    }

    /// The server will never take a part.
    pub(super) fn refused(&self, reason: String) {
        *lock(&self.refused) = Some(reason);
    }

    /// Whether any part stands in the chat.
    pub(super) fn is_delivered(&self) -> bool {
        self.delivered.load(Ordering::Acquire) > 0
    }

    /// Whether any part stands in the chat that came during this attempt.
    pub(super) fn is_delivered_now(&self) -> bool {
        self.delivered.load(Ordering::Acquire) > self.delivered_before.load(Ordering::Acquire)
    }

    /// The host has answered by itself. What it adds belongs to a turn that is over; says whether it was so.
    pub(super) fn end_owed(&self) -> bool {
        let mut stage = lock(&self.stage);
        let owed = *stage == Stage::Owed;
        if owed {
            *stage = Stage::Over(Instant::now() + HOST_ADDS);
        }
        owed
    }

    /// Whether the host has answered by itself after it returned without a run.
    pub(super) fn is_answered_by_host(&self) -> bool {
        *lock(&self.stage) == Stage::Owed && self.is_delivered()
    }

    /// Whether the answer's last part stands in the chat.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Why the server would not take a part.
    pub(super) fn refusal(&self) -> Option<String> {
        lock(&self.refused).clone()
    }

    /// Waits until a part stands in the chat.
    pub(super) async fn wait_delivered(&self) {
        while !self.is_delivered() {
            self.changed.notified().await;
        }
    }
}

/// All open turns. There are few: one for each lane, and what the last run left.
#[derive(Debug, Default)]
pub(super) struct OpenTurns {
    turns: Mutex<Vec<Arc<OpenTurn>>>,
    recovered: watch::Sender<bool>,
}

/// Whose answer a text is that the host sends by itself.
#[derive(Debug)]
pub(super) enum Addressee {
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
    pub(super) fn open(&self, event: &Event, first_part: u32) -> OpenGuard<'_> {
        let mut turns = lock(&self.turns);
        let left = turns.iter().find(|turn| {
            turn.event_key == event.key() && matches!(*lock(&turn.stage), Stage::LeftOpen(_))
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
    pub(super) fn leave(&self, open: &OpenDispatch, over: bool) {
        let record = &open.record;
        let Some(details) = &record.details else { return };
        let Ok(target) = details.target.parse() else { return };
        let source = Source { kind: record.source_type.clone(), id: record.source_id.clone() };
        let thread = details.thread_root_id.clone();
        let mut turn = OpenTurn::empty(source, target, thread, &record.id, 0);
        turn.no_reply = details.no_reply;
        turn.said_before = open.parts.iter().map(|part| part.part.text.clone()).collect();
        turn.is_interrupted = !open.is_answered();
        let until = Instant::now() + HOST_ADDS;
        *lock(&turn.stage) = if over { Stage::Over(until) } else { Stage::LeftOpen(until) };
        lock(&self.turns).push(Arc::new(turn));
    }

    /// All that the last run left is noted.
    pub(super) fn set_recovered(&self) {
        self.recovered.send_replace(true);
    }

    /// Waits until it is known what the last run left, at most for `limit`.
    pub(super) async fn wait_recovered(&self, limit: Duration) {
        let mut recovered = self.recovered.subscribe();
        // The sender lives as long as this; after the limit nothing is known.
        let _ = tokio::time::timeout(limit, recovered.wait_for(|recovered| *recovered)).await;
    }

    /// The turn of this id.
    pub(super) fn by_id(&self, id: &str) -> Option<Arc<OpenTurn>> {
        lock(&self.turns).iter().find(|turn| lock(&turn.id).as_deref() == Some(id)).cloned()
    }

    /// Whose answer a text is that the host sends to this target by itself: of the oldest turn without a run, or else of one
    /// that is over, first of one that was cut off. While a turn runs after one that is over, nobody can tell.
    pub(super) fn addressee(&self, target: &Target) -> Addressee {
        let now = Instant::now();
        let turns = lock(&self.turns);
        let (mut running, mut past) = (None, Vec::new());
        for turn in turns.iter().filter(|turn| turn.target == *target) {
            match *lock(&turn.stage) {
                Stage::Owed => return Addressee::Owed(Arc::clone(turn)),
                Stage::LeftOpen(until) if now < until => return Addressee::Owed(Arc::clone(turn)),
                Stage::Over(until) if now < until => past.push(turn),
                Stage::Running => running = Some(turn),
                Stage::LeftOpen(_) | Stage::Over(_) | Stage::Returned => {}
            }
        }
        let past = past.into_iter().min_by_key(|turn| !turn.is_interrupted);
        match (running, past) {
            (Some(running), None) => Addressee::Running(Arc::clone(running)),
            (None, Some(past)) => Addressee::Past(Arc::clone(past)),
            (None, None) | (Some(_), Some(_)) => Addressee::Nobody,
        }
    }
}

/// Keeps a turn open.
pub(super) struct OpenGuard<'turns> {
    turns: &'turns OpenTurns,
    /// The turn.
    pub turn: Arc<OpenTurn>,
}

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        self.turn.end_owed();
        let now = Instant::now();
        lock(&self.turns.turns).retain(|turn| match *lock(&turn.stage) {
            Stage::Over(until) => now < until,
            _ => !Arc::ptr_eq(turn, &self.turn),
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::event::{Origin, Subject};

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
