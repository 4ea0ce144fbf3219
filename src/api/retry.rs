//! When to try again.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::{Class, Error};

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

/// How often and how patiently [`retry`] repeats.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Shortest pause.
    pub shortest: Duration,
    /// Longest pause; a server that asks for more gets its error passed on, with the time it asks for.
    pub longest: Duration,
}

impl Default for Policy {
    /// Four attempts, pauses of 0.5 to 10 s.
    fn default() -> Self {
        Self { attempts: 4, shortest: Duration::from_millis(500), longest: Duration::from_secs(10) }
    }
}

/// Repeats an idempotent call while its errors may pass by themselves, obeying the server's `Retry-After`.
///
/// # Errors
/// The last error, or [`Error::Stopped`] as soon as `shutdown` is cancelled.
pub async fn retry<T, F, R>(
    policy: Policy,
    shutdown: &CancellationToken,
    mut call: F,
) -> Result<T, Error>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T, Error>>,
{
    let mut backoff = Backoff::new(policy.shortest, policy.longest, Duration::MAX);
    loop {
        let result = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Error::Stopped),
            result = call() => result,
        };
        let error = match result {
            Err(error) if may_pass(&error) && backoff.attempt() < policy.attempts => error,
            result => return result,
        };
        let asked = error.retry_after().unwrap_or_default();
        if asked > policy.longest {
            return Err(error);
        }
        let pause = backoff.next_pause(fastrand::f64()).max(asked);
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Err(Error::Stopped),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn may_pass(error: &Error) -> bool {
    matches!(error.class(), Class::Transient | Class::RateLimited | Class::UnknownOutcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use proptest::prelude::*;
    use tokio::time::Instant;

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

    fn status(status: u16, retry_after: Option<Duration>) -> Error {
        Error::Status {
            method: Method::GET,
            path: "/x",
            status,
            error_code: None,
            message: String::new(),
            retry_after,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_may_pass_is_repeated_until_it_does() {
        let mut answers =
            vec![Ok(7), Err(status(503, None)), Err(status(429, Some(Duration::from_secs(9))))];
        let start = Instant::now();
        let result = retry(Policy::default(), &CancellationToken::new(), || {
            let answer = answers.pop().unwrap();
            async move { answer }
        })
        .await;
        assert_eq!(result.unwrap(), 7);
        assert!(start.elapsed() >= Duration::from_secs(9));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_that_stays_is_passed_on_at_once() {
        for number in [400, 401, 403, 404, 409, 422] {
            let mut calls = 0;
            let result: Result<(), _> = retry(Policy::default(), &CancellationToken::new(), || {
                calls += 1;
                async move { Err(status(number, None)) }
            })
            .await;
            assert_eq!((result.unwrap_err().status(), calls), (Some(number), 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_counted_and_long_waits_are_left_to_the_caller() {
        for (error, expected) in [(None, 4), (Some(Duration::from_secs(11)), 1)] {
            let mut calls = 0;
            let result: Result<(), _> = retry(Policy::default(), &CancellationToken::new(), || {
                calls += 1;
                async move { Err(status(503, error)) }
            })
            .await;
            assert_eq!((result.unwrap_err().retry_after(), calls), (error, expected));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_call_and_the_pause() {
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            stop.cancel();
        });
        let never = retry(Policy::default(), &shutdown, std::future::pending::<Result<(), Error>>);
        assert!(matches!(never.await, Err(Error::Stopped)));
        let start = Instant::now();
        let pausing: Result<(), _> =
            retry(Policy::default(), &shutdown, || async { Err(status(503, None)) }).await;
        assert!(matches!(pausing, Err(Error::Stopped)));
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
