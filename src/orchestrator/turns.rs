//! The turns that are open: the meeting point of a running turn and the replies that come back for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::event::Event;
use super::target::Target;

/// A turn that the host runs, or whose answer is still awaited.
#[derive(Debug)]
pub(super) struct OpenTurn {
    /// Turn id.
    pub id: String,
    /// Where its answer goes.
    pub target: Target,
    /// The thread that its answer belongs to.
    pub thread_root_id: Option<String>,
    /// What idempotency keys start from.
    pub event_key: String,
    /// The sender asked for no answer: replies are kept to ourselves.
    pub no_reply: bool,
    first_part: u32,
    parts: AtomicU32,
    closed: AtomicBool,
    delivered: AtomicU32,
    finished: AtomicBool,
    cut_off: AtomicBool,
    refused: Mutex<Option<String>>,
    spoken: Mutex<String>,
    changed: Notify,
}

impl OpenTurn {
    /// Opens a turn for an event.
    pub(super) fn new(id: String, event: &Event, first_part: u32) -> Self {
        Self {
            id,
            target: event.target(),
            thread_root_id: event.thread_root_id().map(str::to_owned),
            event_key: event.key().to_owned(),
            no_reply: event.no_reply(),
            first_part,
            parts: AtomicU32::new(first_part),
            closed: AtomicBool::new(false),
            delivered: AtomicU32::new(0),
            finished: AtomicBool::new(false),
            cut_off: AtomicBool::new(false),
            refused: Mutex::new(None),
            spoken: Mutex::new(String::new()),
            changed: Notify::new(),
        }
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
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Whether any part stands in the chat.
    pub(super) fn is_delivered(&self) -> bool {
        self.delivered.load(Ordering::Acquire) > 0
    }

    /// Whether the answer's last part stands in the chat.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Why the server would not take a part.
    pub(super) fn refusal(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a part stands in the chat.
    pub(super) async fn wait_delivered(&self) {
        while !self.is_delivered() {
            self.changed.notified().await;
        }
    }
}

/// All open turns. There are few: one for each lane.
#[derive(Debug, Default)]
pub(super) struct OpenTurns(Mutex<Vec<Arc<OpenTurn>>>);

impl OpenTurns {
    /// Opens a turn; it is closed when the guard is dropped.
    pub(super) fn open(&self, turn: OpenTurn) -> OpenGuard<'_> {
        let turn = Arc::new(turn);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&turn));
        OpenGuard { turns: self, turn }
    }

    /// The turn of this id.
    pub(super) fn by_id(&self, id: &str) -> Option<Arc<OpenTurn>> {
        self.find(|turn| turn.id == id)
    }

    /// The turn whose answer goes to this target.
    pub(super) fn by_target(&self, target: &Target) -> Option<Arc<OpenTurn>> {
        self.find(|turn| turn.target == *target)
    }

    fn find(&self, matches: impl Fn(&OpenTurn) -> bool) -> Option<Arc<OpenTurn>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|turn| matches(turn))
            .cloned()
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
        let mut turns = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|turn| !Arc::ptr_eq(turn, &self.turn));
    }
}
