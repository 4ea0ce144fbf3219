//! Calls that are made again until they work: of the server, and of the journal.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use super::context::{Context, Stopped};
use super::error::Error;
use super::host::Level;
use crate::api::retry::{Failure, GaveUp, Policy, retry_noting};
use crate::api::{self, Class};
use crate::error::chain;
use crate::journal;
use crate::orchestrator::status::trouble::Trouble;

/// Most attempts at an answer that cannot be read, and at a call whose key is refused although the server knows it.
const MOST_DOUBTFUL: u32 = 5;
/// Calls of the server.
pub(super) const SERVER: Policy = Policy {
    malformed: MOST_DOUBTFUL,
    ..Policy::endless(Duration::from_millis(250), Duration::from_secs(30))
};
/// Writes to the journal, which waits for space on the disk.
const JOURNAL: Policy = Policy::steady(Duration::from_secs(1));

impl Failure for journal::Error {
    fn class(&self) -> Class {
        if self.is_temporary() { Class::Transient } else { Class::Rejected }
    }
}

impl Context {
    /// Writes to the journal; waits while that cannot be done (disk full), so that nothing proceeds unrecorded. A step that
    /// the journal refuses is a fault of ours: it is logged, and the caller continues as if stopped.
    pub(crate) async fn record<T, F>(
        &self,
        what: &str,
        call: impl FnMut() -> F,
    ) -> Result<T, Stopped>
    where
        F: Future<Output = Result<T, journal::Error>>,
    {
        let mut trouble = self.status.trouble();
        let note = |error: &journal::Error, pause| {
            let text = format!("{what}: {}", chain(error));
            self.note_failure(&mut trouble, Level::Error, text, error.is_forbidden(), pause);
        };
        match retry_noting(JOURNAL, &self.work, note, call).await {
            Ok(value) => return Ok(value),
            Err(GaveUp::Stopped) => {}
            // Nobody closes it before the work has ended.
            Err(GaveUp::Failed(journal::Error::Closed)) if self.work.is_cancelled() => {}
            Err(GaveUp::Failed(journal::Error::Closed)) => {
                self.fail(&format!("{what}: the journal is gone"));
            }
            Err(GaveUp::Failed(error)) => self.fail(&format!("{what}: {}", chain(&error))),
        }
        Err(Stopped)
    }

    /// Repeats a call that may be repeated until the server answers, with growing pauses; the status shows it meanwhile. Ends
    /// early when the account stops or the server refuses for good. A refused key is waited for as long as an outage.
    pub(crate) async fn persist<T, F>(
        &self,
        what: &str,
        call: impl FnMut() -> F,
    ) -> Result<T, PersistError>
    where
        F: Future<Output = Result<T, api::Error>>,
    {
        self.persist_for(self.time_limit, what, call).await
    }

    /// The same for at most `limit`; the last error counts then.
    pub(crate) async fn persist_for<T, F>(
        &self,
        limit: Duration,
        what: &str,
        mut call: impl FnMut() -> F,
    ) -> Result<T, PersistError>
    where
        F: Future<Output = Result<T, api::Error>>,
    {
        // What has not begun when the account stops is left to the next start.
        if self.work.is_cancelled() {
            return Err(PersistError::Closed);
        }
        let is_account = self.time_limit == Duration::MAX;
        let policy = Policy {
            time: limit.min(self.time_limit),
            unauthorized: if is_account { MOST_DOUBTFUL } else { 1 },
            ..SERVER
        };
        let mut trouble = self.status.trouble();
        let note = |error: &api::Error, pause| {
            let text = format!("{what}: {}", chain(error));
            self.note_failure(&mut trouble, Level::Warn, text, false, pause);
        };
        let confirmed = || {
            let call = call();
            async move {
                let begun = Instant::now();
                let answer = call.await;
                if let Err(error) = &answer
                    && is_account
                    && error.class() == Class::Unauthorized
                {
                    self.confirm_key(begun, error).await.map_err(|Stopped| api::Error::Stopped)?;
                }
                answer
            }
        };
        match retry_noting(policy, &self.work, note, confirmed).await {
            Ok(value) => Ok(value),
            Err(GaveUp::Stopped | GaveUp::Failed(api::Error::Stopped)) => Err(PersistError::Closed),
            Err(GaveUp::Failed(error)) => Err(PersistError::Refused(error)),
        }
    }

    /// A call has failed and is made again after `pause`: says so in status and log. With `blocks` the account can do nothing
    /// before it works.
    pub(crate) fn note_failure(
        &self,
        trouble: &mut Trouble<'_>,
        level: Level,
        text: String,
        blocks: bool,
        pause: Duration,
    ) {
        let failures = trouble.failed(text.clone(), blocks);
        // What is down for an hour must not fill the log.
        let level = if failures.is_power_of_two() { level } else { Level::Debug };
        self.log(
            level,
            format!("{text}; attempt {} in {:.1} s", failures + 1, pause.as_secs_f64()),
        );
    }
}

/// Why a repeated call ended without success.
#[derive(Debug)]
pub(crate) enum PersistError {
    /// The account stops.
    Closed,
    /// The server refuses, and would refuse again.
    Refused(api::Error),
}

impl From<Stopped> for PersistError {
    fn from(_: Stopped) -> Self {
        Self::Closed
    }
}

impl PersistError {
    /// As an error about a delivery to `target`.
    pub(crate) fn for_target(self, target: &impl ToString) -> Error {
        match self {
            Self::Closed => Error::Closed,
            Self::Refused(source) => {
                Error::Delivery { target: target.to_string(), source: Box::new(source) }
            }
        }
    }
}
