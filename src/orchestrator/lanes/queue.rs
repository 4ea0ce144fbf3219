//! The events that wait for main.

use std::collections::{HashMap, VecDeque};

use crate::orchestrator::event::Event;
use crate::orchestrator::target::Target;

/// A queue that knows, without looking through it, how many of its events are of one chat or task.
#[derive(Default)]
pub(crate) struct Waiting {
    events: VecDeque<Event>,
    counts: HashMap<Target, usize>,
}

impl Waiting {
    /// Appends an event.
    pub(crate) fn push(&mut self, event: Event) {
        *self.counts.entry(event.target()).or_default() += 1;
        self.events.push_back(event);
    }

    /// Takes the oldest event.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        let target = event.target();
        if let Some(count) = self.counts.get_mut(&target) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&target);
            }
        }
        Some(event)
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// How many of them are of a chat or task.
    pub(crate) fn of(&self, target: &Target) -> usize {
        self.counts.get(target).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orchestrator::event::{Origin, Subject};

    fn event(task: &str) -> Event {
        let task = serde_json::from_str(&format!(r#"{{"id":"tsk_{task}"}}"#)).unwrap();
        Event { origin: Origin::Announcement, subject: Subject::Task(task), missed: false }
    }

    #[test]
    fn counts_follow_the_queue_and_nothing_is_kept_of_what_has_left() {
        let mut waiting = Waiting::default();
        for task in ["a", "b", "a"] {
            waiting.push(event(task));
        }
        let counts = |waiting: &Waiting| ["a", "b"].map(|task| waiting.of(&event(task).target()));
        assert_eq!((waiting.len(), counts(&waiting)), (3, [2, 1]));
        assert_eq!(waiting.pop().unwrap().source_id(), "tsk_a");
        assert_eq!((waiting.len(), counts(&waiting)), (2, [1, 1]));
        assert_eq!(waiting.pop().unwrap().source_id(), "tsk_b");
        assert_eq!(waiting.pop().unwrap().source_id(), "tsk_a");
        assert!(waiting.pop().is_none() && waiting.counts.is_empty());
    }
}
