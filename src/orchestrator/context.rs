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
use crate::config::Gate;
use crate::journal::Journal;
use crate::orchestrator::status::activity::Activity;
use crate::orchestrator::status::board::StatusBoard;
use crate::orchestrator::status::problems::About;
use crate::orchestrator::turn::event_text::{DEFAULT_MAX_TEXT_BYTES, Reader};
use crate::text::printable;

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
    /// How many turns there were.
    pub activity: Activity,
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
    pub(super) key_confirmed_at: tokio::sync::Mutex<Option<Instant>>,
    /// Keeps writes to the host's configuration away from turns.
    pub gate: Gate,
    /// How long a call is repeated before its last error counts; without end for an account.
    pub time_limit: Duration,
}

impl Context {
    /// The state of an account that runs until `shutdown`.
    pub(crate) fn new(server: Arc<dyn Server>, host: Arc<dyn Host>, time_limit: Duration) -> Self {
        let shutdown = CancellationToken::new();
        Self {
            server,
            host,
            status: Arc::default(),
            activity: Activity::default(),
            work: shutdown.child_token(),
            shutdown,
            tasks: TaskTracker::new(),
            failure: watch::Sender::default(),
            journal: OnceLock::new(),
            agent_id: OnceLock::new(),
            max_text_bytes: DEFAULT_MAX_TEXT_BYTES,
            key_confirmed_at: tokio::sync::Mutex::default(),
            gate: Gate::default(),
            time_limit,
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
    pub(super) fn fail(&self, reason: &str) {
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
}

/// The account stops, or this event cannot continue in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stopped;

impl From<Stopped> for Error {
    fn from(_: Stopped) -> Self {
        Self::Closed
    }
}
