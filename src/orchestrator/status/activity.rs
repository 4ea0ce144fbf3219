//! How many turns there were since the account started, and how long their events had waited.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Upper bounds of the waiting times that are told apart, in milliseconds; there is one more for all that is longer.
const BOUNDS: [i64; 7] = [1_000, 5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000];
/// How many minutes are remembered one by one.
const MINUTES: i64 = 60;
const MINUTE: i64 = 60_000;

/// Counts turns.
#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<Counts>);

/// What was counted since the account started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// Turns that began, every attempt at an event.
    pub(crate) turns: u64,
    /// Those of them that failed and are tried again.
    pub(crate) failed: u64,
    /// First turns. One that answers several events counts for the oldest of them.
    pub(crate) events: u64,
    /// How long these had waited, in all, in milliseconds.
    pub(crate) waited: i64,
    /// How many of them waited for how long.
    pub(crate) waits: Vec<Wait>,
    /// The minutes of the last hour in which a turn began, the oldest first.
    pub(crate) minutes: VecDeque<Minute>,
}

/// Events that waited for about as long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wait {
    /// At most so many milliseconds; for all longer ones nothing.
    pub(crate) most: Option<i64>,
    /// How many.
    pub(crate) events: u64,
}

/// What happened in one minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Minute {
    /// When it began, milliseconds since the epoch.
    pub(crate) at: i64,
    /// Turns that began.
    pub(crate) turns: u32,
    /// The longest time that an event of these had waited, in milliseconds.
    pub(crate) longest_wait: i64,
}

impl Activity {
    /// A turn begins for an event that was admitted at `claimed_at`; both times are milliseconds since the epoch.
    pub(crate) fn turn_began(&self, now: i64, claimed_at: i64, is_first: bool) {
        let mut counts = self.counts();
        counts.turns += 1;
        // A clock that was set back makes no time negative.
        let waited = if is_first { (now - claimed_at).max(0) } else { 0 };
        if is_first {
            counts.events += 1;
            counts.waited += waited;
            let bucket = BOUNDS.iter().position(|most| waited <= *most).unwrap_or(BOUNDS.len());
            if counts.waits.is_empty() {
                let bounds = BOUNDS.iter().copied().map(Some).chain([None]);
                counts.waits = bounds.map(|most| Wait { most, events: 0 }).collect();
            }
            counts.waits[bucket].events += 1;
        }
        let at = now - now.rem_euclid(MINUTE);
        if counts.minutes.back().is_none_or(|last| last.at != at) {
            counts.minutes.push_back(Minute { at, ..Minute::default() });
        }
        if let Some(minute) = counts.minutes.back_mut() {
            minute.turns += 1;
            minute.longest_wait = minute.longest_wait.max(waited);
        }
        counts.forget(now);
    }

    /// A turn failed and is tried again.
    pub(crate) fn turn_failed(&self) {
        self.counts().failed += 1;
    }

    /// What was counted until now.
    pub(crate) fn snapshot(&self, now: i64) -> Counts {
        let mut counts = self.counts();
        counts.forget(now);
        counts.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Minutes of more than an hour ago, and of a clock that was ahead.
    fn forget(&mut self, now: i64) {
        self.minutes.retain(|minute| (now - MINUTES * MINUTE..=now).contains(&minute.at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_counted_by_minute_for_an_hour_and_waits_by_length() {
        let activity = Activity::default();
        activity.turn_began(60_000, 59_000, true);
        activity.turn_began(61_000, 0, true);
        activity.turn_began(62_000, 0, false);
        activity.turn_began(180_500, 0, true);
        activity.turn_failed();
        let counts = activity.snapshot(181_000);
        assert_eq!((counts.turns, counts.failed, counts.events), (4, 1, 3));
        assert_eq!(counts.waited, 1_000 + 61_000 + 180_500);
        let waits: Vec<u64> = counts.waits.iter().map(|wait| wait.events).collect();
        assert_eq!(waits, [1, 0, 0, 0, 2, 0, 0, 0]);
        let minute = |at, turns, longest_wait| Minute { at, turns, longest_wait };
        assert_eq!(counts.minutes, [minute(60_000, 3, 61_000), minute(180_000, 1, 180_500)]);
        assert_eq!(activity.snapshot(60_001 + 60 * MINUTE).minutes, [minute(180_000, 1, 180_500)]);
    }

    #[test]
    fn memory_is_bounded_and_a_clock_that_jumps_does_no_harm() {
        let activity = Activity::default();
        for minute in 0..1_000 {
            activity.turn_began(minute * MINUTE, i64::from(u32::MAX), true);
        }
        assert_eq!(activity.snapshot(999 * MINUTE).minutes.len(), 61);
        assert_eq!(activity.snapshot(999 * MINUTE).waited, 0);
        assert!(activity.snapshot(5 * MINUTE).minutes.is_empty());
    }
}
