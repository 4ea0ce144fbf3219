//! What this process has already taken on, so that a dispatch that comes by list and by frame is one turn.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// How many finished keys are remembered.
const FINISHED_LIMIT: usize = 20_000;
/// How many events may be queued or running unless an account says otherwise.
pub const DEFAULT_MAX_WAITING: usize = 10_000;
/// How many bytes these may have: some events are large.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Never met: now taken on.
    New,
    /// Queued or running.
    Running,
    /// Answered.
    Done,
    /// Given up until the next start.
    Failed,
}

/// How much is queued or running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    events: usize,
    bytes: usize,
    /// Those of the bytes that are loaded, and so go on by themselves.
    loaded: usize,
}

/// The bytes of an event that is queued or running.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    bytes: usize,
    is_loaded: bool,
}

/// Remembers keys of events, and knows how much there is to do.
#[derive(Debug)]
pub(crate) struct InFlight {
    keys: Mutex<Keys>,
    load: watch::Sender<Load>,
    most_events: usize,
}

#[derive(Debug, Default)]
struct Keys {
    states: HashMap<String, Known>,
    finished: VecDeque<String>,
    /// Bytes of the events that are queued or running, where they are known.
    weights: HashMap<String, Weight>,
}

impl Weight {
    fn loaded(self) -> usize {
        if self.is_loaded { self.bytes } else { 0 }
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_WAITING)
    }
}

impl InFlight {
    /// Nothing was in_flight; at most so many events are to be queued or running.
    pub(crate) fn new(most: usize) -> Self {
        Self { keys: Mutex::default(), load: watch::Sender::default(), most_events: most.max(1) }
    }

    /// Takes a key on if it is new.
    pub(crate) fn claim(&self, key: &str) -> Known {
        let mut keys = self.lock();
        if let Some(known) = keys.states.get(key) {
            return *known;
        }
        keys.states.insert(key.to_owned(), Known::Running);
        self.report(&keys, Weight::default(), Weight::default());
        Known::New
    }

    /// The event of a key has so many bytes in memory as long as it is queued or running.
    pub(crate) fn weigh(&self, key: &str, bytes: usize) {
        self.change_weight(key, Weight { bytes, is_loaded: false });
    }

    /// The same for an event that is loaded.
    pub(crate) fn loaded(&self, key: &str, bytes: usize) {
        self.change_weight(key, Weight { bytes, is_loaded: true });
    }

    fn change_weight(&self, key: &str, weight: Weight) {
        let mut keys = self.lock();
        if keys.states.get(key) == Some(&Known::Running) {
            let before = keys.weights.insert(key.to_owned(), weight).unwrap_or_default();
            self.report(&keys, weight, before);
        }
    }

    /// What is known of a key.
    pub(crate) fn state(&self, key: &str) -> Option<Known> {
        self.lock().states.get(key).copied()
    }

    /// Nothing more may be taken on.
    pub(crate) fn is_full(&self) -> bool {
        let load = *self.load.borrow();
        load.events >= self.most_events || load.bytes >= MOST_BYTES
    }

    /// Nothing more may be loaded. What is in memory and not loaded does not count: it would wait for itself.
    pub(crate) fn is_heavy(&self) -> bool {
        self.load.borrow().loaded >= MOST_BYTES
    }

    /// Comes back as soon as something may be taken on.
    pub(crate) async fn room(&self) {
        self.wait(|load| load.events < self.most_events && load.bytes < MOST_BYTES).await;
    }

    /// Comes back as soon as at most half of what may be queued or running is.
    pub(crate) async fn half_empty(&self) {
        let half =
            |load: &Load| load.events <= self.most_events / 2 && load.bytes <= MOST_BYTES / 2;
        self.wait(half).await;
    }

    /// Comes back as soon as something may be loaded.
    pub(crate) async fn lighter(&self) {
        self.wait(|load| load.loaded < MOST_BYTES).await;
    }

    /// The event is answered.
    pub(crate) fn done(&self, key: &str) {
        self.finish(key, Known::Done);
    }

    /// The event is given up.
    pub(crate) fn failed(&self, key: &str) {
        self.finish(key, Known::Failed);
    }

    /// The event is to be met as new again.
    pub(crate) fn release(&self, key: &str) {
        let mut keys = self.lock();
        keys.states.remove(key);
        let weight = keys.weights.remove(key).unwrap_or_default();
        self.report(&keys, Weight::default(), weight);
    }

    fn finish(&self, key: &str, known: Known) {
        let mut keys = self.lock();
        keys.states.insert(key.to_owned(), known);
        keys.finished.push_back(key.to_owned());
        if keys.finished.len() > FINISHED_LIMIT
            && let Some(oldest) = keys.finished.pop_front()
        {
            keys.states.remove(&oldest);
        }
        let weight = keys.weights.remove(key).unwrap_or_default();
        self.report(&keys, Weight::default(), weight);
    }

    async fn wait(&self, condition: impl Fn(&Load) -> bool) {
        // The sender lives as long as this.
        let _ = self.load.subscribe().wait_for(condition).await;
    }

    fn report(&self, keys: &Keys, more: Weight, less: Weight) {
        self.load.send_modify(|load| {
            load.events = keys.states.len().saturating_sub(keys.finished.len());
            load.bytes = (load.bytes + more.bytes).saturating_sub(less.bytes);
            load.loaded = (load.loaded + more.loaded()).saturating_sub(less.loaded());
        });
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_new_once_and_keeps_its_fate() {
        let in_flight = InFlight::default();
        assert_eq!(in_flight.claim("a"), Known::New);
        assert_eq!(in_flight.claim("a"), Known::Running);
        in_flight.done("a");
        assert_eq!(in_flight.claim("a"), Known::Done);
        assert_eq!(in_flight.claim("b"), Known::New);
        in_flight.release("b");
        assert_eq!(in_flight.claim("b"), Known::New);
        in_flight.failed("b");
        assert_eq!(in_flight.claim("b"), Known::Failed);
    }

    #[tokio::test]
    async fn there_is_room_until_events_or_bytes_are_too_many() {
        let in_flight = InFlight::new(2);
        in_flight.claim("a");
        in_flight.weigh("a", MOST_BYTES);
        assert!(in_flight.is_full() && !in_flight.is_heavy(), "it would wait for itself");
        in_flight.loaded("a", MOST_BYTES);
        assert!(in_flight.is_full() && in_flight.is_heavy());
        in_flight.loaded("a", 1);
        assert!(!in_flight.is_full() && !in_flight.is_heavy());
        in_flight.claim("b");
        assert!(in_flight.is_full() && !in_flight.is_heavy());
        in_flight.done("a");
        in_flight.room().await;
        in_flight.half_empty().await;
        in_flight.release("b");
        assert_eq!(*in_flight.load.borrow(), Load::default());
    }

    #[test]
    fn memory_is_bounded() {
        let in_flight = InFlight::default();
        for number in 0..FINISHED_LIMIT + 5 {
            in_flight.claim(&number.to_string());
            in_flight.done(&number.to_string());
        }
        assert_eq!(in_flight.lock().states.len(), FINISHED_LIMIT);
        assert_eq!(in_flight.claim("0"), Known::New);
    }
}
