//! What this process has already taken on, so that a dispatch that comes by list and by frame is one turn.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// How many finished keys are remembered.
const FINISHED_LIMIT: usize = 20_000;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Never met: now taken on.
    New,
    /// Queued or running.
    Running,
    /// Answered.
    Done,
    /// Given up until the next start.
    Failed,
}

/// Remembers keys of events.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Keys>);

#[derive(Debug, Default)]
struct Keys {
    states: HashMap<String, Known>,
    finished: VecDeque<String>,
}

impl Seen {
    /// Takes a key on if it is new.
    pub(super) fn claim(&self, key: &str) -> Known {
        let mut keys = self.lock();
        if let Some(known) = keys.states.get(key) {
            return *known;
        }
        keys.states.insert(key.to_owned(), Known::Running);
        Known::New
    }

    /// How many events are queued or running.
    pub(super) fn running(&self) -> usize {
        let keys = self.lock();
        keys.states.len().saturating_sub(keys.finished.len())
    }

    /// The event is answered.
    pub(super) fn done(&self, key: &str) {
        self.finish(key, Known::Done);
    }

    /// The event is given up.
    pub(super) fn failed(&self, key: &str) {
        self.finish(key, Known::Failed);
    }

    /// The event is to be met as new again.
    pub(super) fn release(&self, key: &str) {
        self.lock().states.remove(key);
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
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_new_once_and_keeps_its_fate() {
        let seen = Seen::default();
        assert_eq!(seen.claim("a"), Known::New);
        assert_eq!(seen.claim("a"), Known::Running);
        seen.done("a");
        assert_eq!(seen.claim("a"), Known::Done);
        assert_eq!(seen.claim("b"), Known::New);
        seen.release("b");
        assert_eq!(seen.claim("b"), Known::New);
        seen.failed("b");
        assert_eq!(seen.claim("b"), Known::Failed);
    }

    #[test]
    fn memory_is_bounded() {
        let seen = Seen::default();
        for number in 0..FINISHED_LIMIT + 5 {
            seen.claim(&number.to_string());
            seen.done(&number.to_string());
        }
        assert_eq!(seen.lock().states.len(), FINISHED_LIMIT);
        assert_eq!(seen.claim("0"), Known::New);
    }
}
