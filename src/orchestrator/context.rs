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
/// How often a call may be refused for its key although the server knows the key.
const MOST_UNAUTHORIZED: u32 = 5;
/// How long to wait before asking again whether the key is valid; somebody has to change something first.
const REFUSED_KEY_PAUSE: Duration = Duration::from_secs(5 * 60);
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
    /// Why the account cannot continue and has to be started again, once that is so.
    pub failure: watch::Sender<Option<String>>,
    /// What must survive the process; there as soon as this process has the account to itself.
    pub journal: OnceLock<Journal>,
    /// Who this agent is; there as soon as the server has said so.
    pub agent_id: OnceLock<String>,
    /// Most bytes of a text that the agent gets.
    pub max_text_bytes: usize,
    /// When the server last knew the key after it had been refused; held by whoever asks.
    key_confirmed_at: tokio::sync::Mutex<Option<Instant>>,
    /// Keeps writes to the host's configuration away from turns.
    pub gate: Gate,
    /// How long a call is repeated before its last error counts; an account never gives up.
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
            key_confirmed_at: tokio::sync::Mutex::default(),
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
        self.status.update(|status| status.connected = false);
        self.status.raise(About::Fault, reason.to_owned(), false);
        self.work.cancel();
        self.failure.send_replace(Some(reason.to_owned()));
    }

    /// The journal of a running account.
    pub(crate) fn journal(&self) -> Result<&Journal, Stopped> {
        self.journal.get().ok_or(Stopped)
    }

    /// Writes to the journal; waits while that cannot be done (disk full), so that nothing proceeds unrecorded. A step that
    /// the journal refuses is a fault of ours: it is logged, and the caller continues as if stopped.
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
    /// early when the account stops or the server refuses for good. A refused key is waited for as long as an outage.
    pub(crate) async fn persist<T, F>(
        &self,
        what: &str,
        call: impl FnMut() -> F,
    ) -> Result<T, PersistError>
    where
        F: Future<Output = Result<T, api::Error>>,
    {
        self.persist_for(self.patience, what, call).await
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
        let limit = limit.min(self.patience);
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE);
        let mut trouble = self.status.trouble();
        let started = Instant::now();
        let mut unauthorized = 0;
        loop {
            // What has not begun when the account stops is left to the next start.
            if self.work.is_cancelled() {
                return Err(PersistError::Closed);
            }
            let begun = Instant::now();
            let error = match call().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let again = match error.class() {
                Class::Unauthorized if self.patience == Duration::MAX => {
                    self.confirm_key(begun, &error).await?;
                    unauthorized += 1;
                    unauthorized < MOST_UNAUTHORIZED
                }
                Class::Transient | Class::RateLimited | Class::UnknownOutcome => {
                    started.elapsed() < limit
                }
                Class::Malformed => trouble.failures() + 1 < MOST_MALFORMED,
                Class::Stopped => return Err(PersistError::Closed),
                Class::Unauthorized | Class::Forbidden | Class::Missing | Class::Rejected => false,
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

    /// The server refused the key of a call that began at `since`. Comes back as soon as the server knows the key, which may
    /// be at once: a single refusal proves nothing. As long as it does not, the account is blocked and says why; the server is
    /// asked again every few minutes, and only by one caller.
    pub(crate) async fn confirm_key(
        &self,
        since: Instant,
        error: &api::Error,
    ) -> Result<(), Stopped> {
        let waiting = async {
            let mut confirmed_at = self.key_confirmed_at.lock().await;
            if confirmed_at.is_none_or(|at| at < since) {
                self.wait_for_key(error).await?;
                *confirmed_at = Some(Instant::now());
            }
            Ok(())
        };
        self.work.run_until_cancelled(waiting).await.unwrap_or(Err(Stopped))
    }

    /// Whether somebody asks whether the key is valid.
    pub(crate) fn is_confirming_key(&self) -> bool {
        self.key_confirmed_at.try_lock().is_err()
    }

    async fn wait_for_key(&self, error: &api::Error) -> Result<(), Stopped> {
        let mut trouble = self.status.trouble();
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE);
        let mut refusals = 0_u32;
        loop {
            let Err(answer) = self.server.agent().await else { break };
            if !matches!(answer.class(), Class::Unauthorized | Class::Forbidden) {
                let pause = backoff.next_pause(fastrand::f64());
                let pause = pause.max(answer.retry_after().unwrap_or_default());
                let text = format!("asking whether the key is valid: {}", chain(&answer));
                self.pause(&mut trouble, Level::Warn, text, false, pause).await?;
                continue;
            }
            refusals += 1;
            if refusals == 1 {
                let reason = format!("{}; renew api_key in channels.parall", chain(error));
                self.log(Level::Error, format!("account blocked: {reason}"));
                self.status.raise(About::Key, reason, true);
            }
            let slowly = tokio::time::sleep(REFUSED_KEY_PAUSE);
            self.work.run_until_cancelled(slowly).await.ok_or(Stopped)?;
        }
        if refusals > 0 {
            self.log(Level::Info, "the server knows the key again");
            self.status.solve(About::Key);
        }
        Ok(())
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

/// The account stops, or this event cannot continue in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

impl From<Stopped> for Error {
    fn from(_: Stopped) -> Self {
        Self::Closed
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
