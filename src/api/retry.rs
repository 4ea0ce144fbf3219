//! Whether and when to try again. Everything that waits for Parall, or for the disk, waits by these rules.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::error::{Class, Error};

/// How often and how patiently a call is made again.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// After this time there is no further attempt.
    pub time: Duration,
    /// Shortest pause.
    pub shortest: Duration,
    /// Longest pause. A server that asks for more is obeyed, unless the number of attempts is limited: then somebody waits, and the
    /// error is passed on with the time it asks for.
    pub longest: Duration,
    /// Attempts in all as long as the answer cannot be read: a proxy's page may go away, a wrong address will not.
    pub malformed: u32,
    /// Attempts in all as long as the key is refused. More than one are of use only if the key is confirmed in between.
    pub unauthorized: u32,
}

impl Default for Policy {
    /// Four attempts, pauses of 0.5 to 10 s.
    fn default() -> Self {
        Self::limited(4, Duration::from_millis(500), Duration::from_secs(10))
    }
}

impl Policy {
    /// For a call whose answer somebody waits for: three attempts, pauses of 0.2 to 2 s.
    pub const INTERACTIVE: Self =
        Self::limited(3, Duration::from_millis(200), Duration::from_secs(2));

    /// At most so many attempts.
    pub const fn limited(attempts: u32, shortest: Duration, longest: Duration) -> Self {
        Self { attempts, ..Self::endless(shortest, longest) }
    }

    /// Until the call works, its error is permanent, or the caller stops.
    pub const fn endless(shortest: Duration, longest: Duration) -> Self {
        Self {
            attempts: u32::MAX,
            time: Duration::MAX,
            shortest,
            longest,
            malformed: 1,
            unauthorized: 1,
        }
    }

    /// Until the call works, its error is permanent, or the caller stops; with pauses that do not grow.
    pub const fn steady(pause: Duration) -> Self {
        Self::endless(pause, pause)
    }
}

/// What can be said of a failure when it is to be decided whether the call is made again.
pub trait Failure {
    /// What it means.
    fn class(&self) -> Class;

    /// How long to wait at least.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

impl Failure for Error {
    fn class(&self) -> Class {
        Self::class(self)
    }

    fn retry_after(&self) -> Option<Duration> {
        Self::retry_after(self)
    }
}

/// A failure that somebody may put right at any time, whatever it says.
#[derive(Debug)]
pub struct Mendable<E>(pub E);

impl<E> Failure for Mendable<E> {
    fn class(&self) -> Class {
        Class::Transient
    }
}

/// Why a call is not made again.
#[derive(Debug, PartialEq, Eq)]
pub enum GaveUp<E> {
    /// The caller stops.
    Stopped,
    /// This is the last error.
    Failed(E),
}

/// Decides after each failure of one call whether and when there is another attempt.
struct Attempts {
    policy: Policy,
    backoff: Backoff,
    began: Instant,
    unauthorized: u32,
}

impl Attempts {
    fn new(policy: Policy) -> Self {
        let backoff = Backoff::new(policy.shortest, policy.longest, Duration::MAX);
        Self { policy, backoff, began: Instant::now(), unauthorized: 0 }
    }

    /// The pause before the next attempt; nothing if there is none.
    fn pause_after(&mut self, failure: &impl Failure) -> Option<Duration> {
        let Policy { attempts, time, longest, malformed, unauthorized, .. } = self.policy;
        let is_limited = attempts < u32::MAX;
        let asks_for_more = failure.retry_after().is_some_and(|asked| asked > longest);
        let again = match failure.class() {
            Class::Malformed => self.backoff.attempt() < malformed,
            Class::Unauthorized => {
                self.unauthorized += 1;
                self.unauthorized < unauthorized
            }
            class => class.may_pass() && self.began.elapsed() < time,
        };
        let again = again && self.backoff.attempt() < attempts && !(is_limited && asks_for_more);
        again.then(|| self.backoff.pause_of(failure.retry_after()))
    }
}

/// Makes a call at least once, and again until it works, as far as `policy` goes. `note` hears of each failure that is not the last one,
/// and of the pause that follows. Once `stop` is cancelled there is no further attempt; a call under way is not cut short, because
/// what it did must be known.
///
/// # Errors
/// The last error, or [`GaveUp::Stopped`] once `stop` is cancelled.
pub async fn retry_noting<T, E, R>(
    policy: Policy,
    stop: &CancellationToken,
    mut note: impl FnMut(&E, Duration),
    mut call: impl FnMut() -> R,
) -> Result<T, GaveUp<E>>
where
    E: Failure,
    R: Future<Output = Result<T, E>>,
{
    let mut attempts = Attempts::new(policy);
    loop {
        let error = match call().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(pause) = attempts.pause_after(&error) else { return Err(GaveUp::Failed(error)) };
        note(&error, pause);
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return Err(GaveUp::Stopped);
        }
    }
}

/// Repeats an idempotent call. `shutdown` also cuts short a call under way.
///
/// # Errors
/// The last error, or [`Error::Stopped`] as soon as `shutdown` is cancelled.
pub async fn retry<T, R>(
    policy: Policy,
    shutdown: &CancellationToken,
    mut call: impl FnMut() -> R,
) -> Result<T, Error>
where
    R: Future<Output = Result<T, Error>>,
{
    let call = || {
        let call = call();
        async { shutdown.run_until_cancelled(call).await.unwrap_or(Err(Error::Stopped)) }
    };
    match retry_noting(policy, shutdown, |_, _| {}, call).await {
        Ok(value) => Ok(value),
        Err(GaveUp::Failed(error)) => Err(error),
        Err(GaveUp::Stopped) => Err(Error::Stopped),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    const SHORTEST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

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

    /// Calls with an endless policy until it gives up; says how often.
    async fn calls(policy: Policy, error: impl Fn() -> Error) -> (GaveUp<Error>, u32, u32) {
        let (mut made, mut noted) = (0, 0);
        let result: Result<(), _> = retry_noting(
            policy,
            &CancellationToken::new(),
            |_, _| noted += 1,
            || {
                made += 1;
                let error = error();
                async move { Err(error) }
            },
        )
        .await;
        (result.unwrap_err(), made, noted)
    }

    #[tokio::test(start_paused = true)]
    async fn time_ends_what_the_number_of_attempts_does_not() {
        let policy =
            Policy { time: Duration::from_secs(600), ..Policy::endless(SHORTEST, LONGEST) };
        let start = Instant::now();
        let (error, made, noted) = calls(policy, || status(503, None)).await;
        assert!(matches!(error, GaveUp::Failed(error) if error.status() == Some(503)));
        assert!(start.elapsed() >= policy.time && start.elapsed() < policy.time + LONGEST);
        assert!(made > 10 && noted == made - 1, "{made} {noted}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_a_server_that_asks_for_more_is_obeyed() {
        let policy = Policy { time: Duration::from_secs(1), ..Policy::steady(SHORTEST) };
        let start = Instant::now();
        let (_, made, _) = calls(policy, || status(429, Some(LONGEST))).await;
        assert_eq!((made, start.elapsed()), (2, LONGEST));
    }

    #[tokio::test(start_paused = true)]
    async fn doubtful_answers_have_limits_of_their_own() {
        let policy = Policy { malformed: 5, unauthorized: 3, ..Policy::steady(SHORTEST) };
        let malformed =
            || Error::Malformed { method: Method::GET, path: "/x", reason: String::new() };
        assert_eq!(calls(policy, malformed).await.1, 5);
        assert_eq!(calls(policy, || status(401, None)).await.1, 3);
        assert_eq!(calls(policy, || status(403, None)).await.1, 1);
        assert_eq!(calls(Policy::steady(SHORTEST), malformed).await.1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_no_call_that_is_noted_and_begins_no_further_one() {
        let stop = CancellationToken::new();
        let call = || async {
            stop.cancel();
            tokio::time::sleep(SHORTEST).await;
            Err::<(), _>(status(503, None))
        };
        let start = Instant::now();
        let result = retry_noting(Policy::steady(LONGEST), &stop, |_, _| {}, call).await;
        assert!(matches!(result, Err(GaveUp::Stopped)));
        assert_eq!(start.elapsed(), SHORTEST);
    }
}
