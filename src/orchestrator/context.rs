//! What the tasks of one account share.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::error::Error;
use super::host::{Host, Level};
use super::server::Server;
use crate::api::{self, Class, retry::Backoff};
use crate::config::Gate;
use crate::error::chain;
use crate::journal::{self, Journal};
use crate::orchestrator::status::board::StatusBoard;
use crate::orchestrator::status::problems::About;
use crate::orchestrator::status::trouble::Trouble;
use crate::orchestrator::turn::event_text::{DEFAULT_MAX_TEXT_BYTES, Reader};
use crate::text::printable;

/// Shortest and longest pause between two attempts at a call.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Pause before writing to the journal again.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// How often an answer that cannot be read is asked for: a proxy's page may go away, a wrong address will not.
const MOST_MALFORMED: u32 = 5;
/// What is said of a panic. Its own words are in the standard error, and may quote what nobody else is to read.
const PANIC: &str = "a fault of the plugin itself; its place is in the error output of the gateway";

/// What the tasks of one running account share.
pub(crate) struct Context {
    /// The way to the server.
    pub server: Arc<dyn Server>,
    /// The way to the agent.
    pub host: Arc<dyn Host>,
    /// What the operator sees.
    pub status: Arc<StatusBoard>,
    /// Ends all work of the account: it was stopped, or the server refuses its key.
    pub work: CancellationToken,
    /// Ends the account.
    pub shutdown: CancellationToken,
    /// Every task of the account.
    pub tasks: TaskTracker,
    /// Why the account cannot go on and has to be started again, once that is so.
    pub failure: watch::Sender<Option<String>>,
    /// What must survive the process; there as soon as this process has the account to itself.
    pub journal: OnceLock<Journal>,
    /// Who this agent is; there as soon as the server has said so.
    pub agent_id: OnceLock<String>,
    /// Most bytes of a text that the agent gets.
    pub max_text_bytes: usize,
    /// Keeps writes to the host's configuration away from turns.
    pub gate: Gate,
    /// How long a call is repeated before its last error counts; an account never loses patience.
    pub patience: Duration,
}

impl Context {
    /// The state of an account that runs until `shutdown`.
    pub(crate) fn new(server: Arc<dyn Server>, host: Arc<dyn Host>, patience: Duration) -> Self {
        let shutdown = CancellationToken::new();
        Self {
            server,
            host,
            status: Arc::default(),
            work: shutdown.child_token(),
            shutdown,
            tasks: TaskTracker::new(),
            failure: watch::Sender::default(),
            journal: OnceLock::new(),
            agent_id: OnceLock::new(),
            max_text_bytes: DEFAULT_MAX_TEXT_BYTES,
            gate: Gate::default(),
            patience,
        }
    }

    /// For whom the texts of turns are made.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            agent_id: self.agent_id.get().map(String::as_str),
            max_text_bytes: self.max_text_bytes,
        }
    }

    /// Writes a line to the host's log.
    pub(crate) fn log(&self, level: Level, message: impl Into<String>) {
        self.host.log(level, printable(&message.into()));
    }

    /// Stops all work because the server will never let this account in again; the status says why.
    pub(crate) fn block(&self, error: &api::Error) {
        let reason = format!("{}; renew api_key in channels.parall", chain(error));
        self.log(Level::Error, format!("account blocked: {reason}"));
        self.halt(About::Key, reason, true);
    }

    /// Ends all work for a reason that the status tells.
    fn halt(&self, about: About, reason: String, blocks: bool) {
        self.status.update(|status| status.connected = false);
        self.status.raise(about, reason, blocks);
        self.work.cancel();
    }

    /// Starts a task of the account. One that panics leaves work undone that nobody else knows of, so the account fails.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        let context = Arc::clone(self);
        self.tasks.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                context.fail(PANIC);
            }
        });
    }

    /// Stops all work because of a fault of ours. All there is to do is in the journal and at the server, for the next start.
    fn fail(&self, reason: &str) {
        self.log(Level::Error, format!("the account has to start again: {reason}"));
        self.halt(About::Fault, reason.to_owned(), false);
        self.failure.send_replace(Some(reason.to_owned()));
    }

    /// The journal of a running account.
    pub(crate) fn journal(&self) -> Result<&Journal, Stopped> {
        self.journal.get().ok_or(Stopped)
    }

    /// Writes to the journal; waits while that cannot be done (disk full), so that nothing goes on unrecorded. A step that
    /// the journal refuses is a fault of ours: it is logged, and the caller goes on as if stopped.
    pub(crate) async fn record<T, F>(
        &self,
        what: &str,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Stopped>
    where
        F: Future<Output = Result<T, journal::Error>>,
    {
        let mut trouble = self.status.trouble();
        loop {
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(journal::Error::Closed) => {
                    // Nobody closes it before the work has ended.
                    if !self.work.is_cancelled() {
                        self.fail(&format!("{what}: the journal is gone"));
                    }
                    return Err(Stopped);
                }
                Err(error) => error,
            };
            let text = format!("{what}: {}", chain(&error));
            if !error.is_temporary() {
                self.fail(&text);
                return Err(Stopped);
            }
            let blocks = error.is_forbidden();
            self.pause(&mut trouble, Level::Error, text, blocks, JOURNAL_PAUSE).await?;
        }
    }

    /// Repeats a call that may be repeated until the server answers, with growing pauses; the status tells meanwhile. Ends
    /// early when the account stops or the server refuses for good; a refused key blocks the account.
    pub(crate) async fn persist<T, F>(
        &self,
        what: &str,
        mut call: impl FnMut() -> F,
    ) -> Result<T, PersistError>
    where
        F: Future<Output = Result<T, api::Error>>,
    {
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE);
        let mut trouble = self.status.trouble();
        let started = Instant::now();
        loop {
            // What has not begun when the account stops is left to the next start.
            if self.work.is_cancelled() {
                return Err(PersistError::Closed);
            }
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let again = match error.class() {
                Class::Unauthorized => {
                    self.block(&error);
                    return Err(PersistError::Closed);
                }
                Class::Transient | Class::RateLimited | Class::UnknownOutcome => {
                    started.elapsed() < self.patience
                }
                Class::Malformed => trouble.failures() + 1 < MOST_MALFORMED,
                Class::Stopped => return Err(PersistError::Closed),
                Class::Forbidden | Class::Missing | Class::Rejected => false,
            };
            if !again {
                return Err(PersistError::Refused(error));
            }
            let pause =
                backoff.next_pause(fastrand::f64()).max(error.retry_after().unwrap_or_default());
            let text = format!("{what}: {}", chain(&error));
            self.pause(&mut trouble, Level::Warn, text, false, pause).await?;
        }
    }

    /// A call has failed and is to be made again: tells so in status and log and waits. With `blocks` the account can do
    /// nothing before it works.
    pub(crate) async fn pause(
        &self,
        trouble: &mut Trouble<'_>,
        level: Level,
        text: String,
        blocks: bool,
        pause: Duration,
    ) -> Result<(), Stopped> {
        let failures = trouble.failed(text.clone(), blocks);
        // What is down for an hour must not fill the log.
        let level = if failures.is_power_of_two() { level } else { Level::Debug };
        self.log(
            level,
            format!("{text}; attempt {} in {:.1} s", failures + 1, pause.as_secs_f64()),
        );
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.work.cancelled() => Err(Stopped),
        }
    }
}

/// The account stops, or this event cannot go on in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

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
