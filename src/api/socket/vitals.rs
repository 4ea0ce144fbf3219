//! When to beat and when to doubt a connection. Pure: the caller brings both clocks.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::api::http::network::Limits;

/// How far the wall clock may run from the monotonic one between two looks before the machine counts as having slept.
const SLEEP_SIGN: Duration = Duration::from_secs(3);

/// The signs of life of one connection.
#[derive(Debug)]
pub(super) struct Vitals {
    limits: Limits,
    heartbeat: Duration,
    greeted: bool,
    deadline: Instant,
    wall: SystemTime,
    monotonic: Instant,
}

impl Vitals {
    /// A connection that has just opened.
    pub(super) fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            heartbeat: limits.longest_heartbeat,
            greeted: false,
            deadline: now + limits.hello,
            wall: (limits.wall_clock)(),
            monotonic: now,
        }
    }

    /// The server said hello and wants a heartbeat every so many seconds. Returns whether it was the first hello.
    pub(super) fn greeted(&mut self, seconds: Option<f64>, now: Instant) -> bool {
        let asked = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        self.heartbeat = asked
            .unwrap_or(self.limits.longest_heartbeat)
            .clamp(self.limits.shortest_heartbeat, self.limits.longest_heartbeat);
        let first = !std::mem::replace(&mut self.greeted, true);
        self.heard(now);
        first
    }

    /// Anything at all came from the server. Before its hello that does not count: it has to greet in time.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.greeted {
            self.deadline = now + self.longest_silence();
        }
    }

    /// Time between two heartbeats.
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// When the connection counts as dead unless something is heard before.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What was missed when the deadline passed.
    pub(super) fn missed(&self) -> String {
        if self.greeted {
            "nothing was heard from the server; it is dead or unreachable".to_owned()
        } else {
            format!("the server did not say hello within {} s", self.limits.hello.as_secs_f32())
        }
    }

    /// Compares the clocks, and the time with the deadline; `true` when the machine slept or the process stood still, so
    /// that the connection has to prove itself. Its deadline is then near.
    pub(super) fn woke(&mut self, now: Instant) -> bool {
        let wall = (self.limits.wall_clock)();
        let monotonic_step = now.saturating_duration_since(self.monotonic);
        let wall_step = wall.duration_since(self.wall);
        (self.wall, self.monotonic) = (wall, now);
        let jumped = match wall_step {
            Ok(step) => step.abs_diff(monotonic_step) > SLEEP_SIGN,
            Err(_) => true,
        };
        let stood_still = monotonic_step > SLEEP_SIGN;
        if !self.greeted || !(jumped || stood_still) {
            return false;
        }
        self.deadline = now + self.limits.wake_answer;
        true
    }

    fn longest_silence(&self) -> Duration {
        self.heartbeat + self.heartbeat / 2
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn the_heartbeat_stays_within_its_bounds() {
        let table = [
            (None, 30),
            (Some(1.0), 5),
            (Some(0.0), 5),
            (Some(-4.0), 30),
            (Some(f64::NAN), 30),
            (Some(1e300), 30),
            (Some(12.0), 12),
            (Some(600.0), 30),
        ];
        for (asked, expected) in table {
            let now = Instant::now();
            let mut vitals = Vitals::new(Limits::default(), now);
            assert!(vitals.greeted(asked, now));
            assert_eq!(vitals.heartbeat(), seconds(expected), "{asked:?}");
            assert_eq!(vitals.deadline(), now + seconds(expected) * 3 / 2);
        }
    }

    #[test]
    fn before_the_hello_only_the_hello_counts() {
        let start = Instant::now();
        let mut vitals = Vitals::new(Limits::default(), start);
        vitals.heard(start + seconds(9));
        assert_eq!(vitals.deadline(), start + seconds(15));
        assert!(vitals.missed().contains("hello"));
        assert!(vitals.greeted(None, start + seconds(10)));
        assert!(!vitals.greeted(None, start + seconds(11)));
        vitals.heard(start + seconds(20));
        assert_eq!(vitals.deadline(), start + seconds(65));
    }

    static WALL_OFFSET: AtomicI64 = AtomicI64::new(1_000_000);

    fn wall_clock() -> SystemTime {
        SystemTime::UNIX_EPOCH
            + Duration::from_secs(WALL_OFFSET.load(Ordering::SeqCst).unsigned_abs())
    }

    #[test]
    fn a_jump_of_either_clock_asks_for_a_proof_of_life() {
        let start = Instant::now();
        let mut vitals = Vitals::new(Limits { wall_clock, ..Limits::default() }, start);
        vitals.greeted(None, start);
        let mut step = |wall: i64, monotonic: u64| {
            WALL_OFFSET.fetch_add(wall, Ordering::SeqCst);
            let now = vitals.monotonic + seconds(monotonic);
            let woke = vitals.woke(now);
            (woke, vitals.deadline() == now + seconds(5))
        };
        assert_eq!(step(1, 1), (false, false));
        assert_eq!(step(3600, 1), (true, true));
        assert_eq!(step(1, 1), (false, false));
        assert_eq!(step(-86_400, 1), (true, true));
        assert_eq!(step(10, 10), (true, true));
    }
}
