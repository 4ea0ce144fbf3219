//! How long to wait between attempts.

use std::time::Duration;

/// Pauses between attempts: full jitter below a ceiling that doubles, forgotten only after a long stable time.
///
/// Pure: the caller brings the dice and measures the time.
#[derive(Debug, Clone)]
pub struct Backoff {
    shortest: Duration,
    longest: Duration,
    stable: Duration,
    failures: u32,
    quick: bool,
}

impl Backoff {
    /// Pauses from `shortest` to `longest`; a connection that lasts `stable` starts them afresh.
    pub fn new(shortest: Duration, longest: Duration, stable: Duration) -> Self {
        Self { shortest, longest, stable, failures: 0, quick: false }
    }

    /// Number of the attempt that comes next, from 1.
    pub fn attempt(&self) -> u32 {
        self.failures.saturating_add(1)
    }

    /// Tells how long the connection that just ended had lasted.
    pub fn connection_lasted(&mut self, time: Duration) {
        if time >= self.stable {
            self.failures = 0;
            self.quick = true;
        }
    }

    /// The pause before the next attempt, with real dice, and not shorter than the server `asked` for.
    pub fn pause_of(&mut self, asked: Option<Duration>) -> Duration {
        self.next_pause(fastrand::f64()).max(asked.unwrap_or_default())
    }

    /// It worked: the next failure is the first one.
    pub fn reset(&mut self) {
        self.failures = 0;
        self.quick = false;
    }

    /// The pause before the next attempt. `dice` is a random number from 0 (included) to 1 (excluded).
    ///
    /// After a stable connection the first pause is below the shortest one: a single restart of the server should cost
    /// little, and the jitter still keeps a thousand clients apart.
    pub fn next_pause(&mut self, dice: f64) -> Duration {
        if std::mem::take(&mut self.quick) {
            return self.shortest.mul_f64(dice);
        }
        self.failures = self.failures.saturating_add(1);
        let doubled = self.shortest.saturating_mul(2_u32.saturating_pow(self.failures));
        let ceiling = doubled.min(self.longest).max(self.shortest);
        self.shortest + ceiling.saturating_sub(self.shortest).mul_f64(dice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    fn backoff() -> Backoff {
        Backoff::new(SHORTEST, LONGEST, Duration::from_secs(60))
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_longest_pause() {
        let mut backoff = backoff();
        for ceiling in [2, 4, 8, 16, 32, 60, 60, 60] {
            let pause = backoff.next_pause(0.999_999_999);
            assert!(
                pause.abs_diff(Duration::from_secs(ceiling)) < Duration::from_millis(1),
                "{pause:?}"
            );
        }
    }

    #[test]
    fn only_a_stable_connection_starts_afresh_and_then_quickly() {
        let mut backoff = backoff();
        for _ in 0..10 {
            backoff.next_pause(0.5);
        }
        backoff.connection_lasted(Duration::from_millis(59_999));
        assert_eq!(backoff.attempt(), 11);
        assert!(backoff.next_pause(0.5) > Duration::from_secs(30));
        backoff.connection_lasted(Duration::from_secs(60));
        assert_eq!(backoff.attempt(), 1);
        assert_eq!(backoff.next_pause(0.5), Duration::from_millis(500));
        assert_eq!(backoff.attempt(), 1);
        assert_eq!(backoff.next_pause(0.0), SHORTEST);
        assert_eq!(backoff.attempt(), 2);
    }

    #[test]
    fn many_clients_spread_evenly() {
        let mut tenths = [0_u32; 10];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            let mut backoff = backoff();
            for _ in 0..6 {
                backoff.next_pause(0.5);
            }
            let pause = backoff.next_pause(random.f64());
            let tenth = (pause.as_millis() - 1_000) * 10 / 59_000;
            tenths[usize::try_from(tenth).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1_100).contains(count)), "{tenths:?}");
    }

    proptest! {
        #[test]
        fn pauses_never_leave_their_bounds(dice in proptest::collection::vec(0.0..1.0_f64, 1..200)) {
            let mut backoff = backoff();
            for dice in dice {
                let pause = backoff.next_pause(dice);
                prop_assert!((SHORTEST..=LONGEST).contains(&pause), "{pause:?}");
            }
        }
    }
}
