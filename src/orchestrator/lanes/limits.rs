//! How much one sender may ask for.

use std::collections::VecDeque;
use std::time::Duration;

use hashlink::LinkedHashMap;
use tokio::time::Instant;

use crate::orchestrator::batch::CollectLimits;

/// Most forks at once, unless configured otherwise.
pub const DEFAULT_MAX_FORKS: usize = 4;
/// Turns that one sender may cause in an hour, unless configured otherwise: about one every four seconds, which is more than people write.
pub const DEFAULT_SENDER_TURNS: usize = 1_000;
/// Events of one sender that may wait at once, unless configured otherwise: a fifth of what may wait in all.
pub const DEFAULT_SENDER_WAITING: usize = 2_000;
/// The time over which turns are counted.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
/// Most senders whose turns are remembered. The one that has had none for the longest time is forgotten first.
const MOST_SENDERS: usize = 10_000;

/// What the account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most forks at once.
    pub(crate) max_forks: usize,
    /// Turns that one sender may cause in an hour; the rest of its events wait.
    pub(crate) sender_turns: usize,
    /// Events of one sender that may wait; more are refused.
    pub(crate) sender_waiting: usize,
    /// How much one turn may collect.
    pub(crate) collect: CollectLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_forks: DEFAULT_MAX_FORKS,
            sender_turns: DEFAULT_SENDER_TURNS,
            sender_waiting: DEFAULT_SENDER_WAITING,
            collect: CollectLimits::default(),
        }
    }
}

/// The turns of the last hour, by sender. A sender that the server does not name is never limited: that would stop everybody
/// whom it does not name.
#[derive(Debug)]
pub(crate) struct HourlyTurns {
    most: usize,
    /// Never empty, and the sender with the newest turn last.
    turns: LinkedHashMap<String, VecDeque<Instant>>,
}

impl HourlyTurns {
    /// No turn yet; later at most so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { most: most.max(1), turns: LinkedHashMap::new() }
    }

    /// A turn for a sender begins.
    pub(crate) fn count(&mut self, sender: &str, now: Instant) {
        if sender.is_empty() {
            return;
        }
        let mut turns = self.turns.remove(sender).unwrap_or_default();
        turns.push_back(now);
        forget_old(&mut turns, now);
        if turns.len() > self.most {
            turns.pop_front();
        }
        self.turns.insert(sender.to_owned(), turns);
        while self.turns.len() > MOST_SENDERS || self.has_old(now) {
            self.turns.pop_front();
        }
    }

    /// Whether the sender that has had no turn for the longest time has had none for an hour.
    fn has_old(&self, now: Instant) -> bool {
        self.turns
            .front()
            .and_then(|(_, turns)| turns.back())
            .is_some_and(|last| is_old(*last, now))
    }

    /// The newest turn of a sender did not take place.
    pub(crate) fn uncount(&mut self, sender: &str) {
        let Some(turns) = self.turns.get_mut(sender) else { return };
        turns.pop_back();
        if turns.is_empty() {
            self.turns.remove(sender);
        }
    }

    /// When a sender that has had its turns may have the next one; nothing if it may now.
    pub(crate) fn limited_until(&self, sender: &str, now: Instant) -> Option<Instant> {
        let turns = self.turns.get(sender).filter(|turns| turns.len() >= self.most)?;
        let free_at = *turns.front()? + HOUR;
        (free_at > now).then_some(free_at)
    }
}

fn is_old(turn: Instant, now: Instant) -> bool {
    now.saturating_duration_since(turn) >= HOUR
}

/// Drops what counts no more, and the room that it took.
fn forget_old(turns: &mut VecDeque<Instant>, now: Instant) {
    while turns.front().is_some_and(|turn| is_old(*turn, now)) {
        turns.pop_front();
    }
    if turns.len() < turns.capacity() / 4 {
        turns.shrink_to(2 * turns.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_counted_over_a_sliding_hour_and_for_each_sender_alone() {
        let start = Instant::now();
        let mut turns = HourlyTurns::new(2);
        turns.count("ada", start);
        assert_eq!(turns.limited_until("ada", start), None);
        turns.count("ada", start + HOUR / 2);
        assert_eq!(turns.limited_until("ada", start + HOUR / 2), Some(start + HOUR));
        assert_eq!(turns.limited_until("ben", start + HOUR / 2), None);
        assert_eq!(turns.limited_until("ada", start + HOUR), None);
        turns.count("ada", start + HOUR);
        assert_eq!(turns.limited_until("ada", start + HOUR), Some(start + HOUR + HOUR / 2));
        turns.uncount("ada");
        assert_eq!(turns.limited_until("ada", start + HOUR), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_limited_for_want_of_a_name_and_memory_is_bounded() {
        let now = Instant::now();
        let mut turns = HourlyTurns::new(1);
        turns.count("", now);
        assert_eq!(turns.limited_until("", now), None);
        for number in 0..MOST_SENDERS {
            turns.count(&number.to_string(), now);
        }
        turns.count("one more", now);
        assert_eq!(turns.turns.len(), MOST_SENDERS);
        assert_eq!(turns.limited_until("0", now), None);
        assert!(turns.limited_until("1", now).is_some());
        turns.count("an hour later", now + HOUR);
        assert_eq!(turns.turns.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_an_hour_takes_no_room() {
        let start = Instant::now();
        let mut turns = HourlyTurns::new(1_000);
        for number in 0..1_000 {
            turns.count("ada", start + Duration::from_millis(number));
        }
        let later = start + HOUR + Duration::from_secs(1);
        turns.count("ben", start + HOUR / 2);
        turns.count("ada", later);
        assert_eq!(turns.turns["ada"].len(), 1);
        assert!(turns.turns["ada"].capacity() < 16);
        turns.uncount("ada");
        assert!(!turns.turns.contains_key("ada"));
    }
}
