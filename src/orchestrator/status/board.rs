//! What an operator sees of the account.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::problems::{About, Problems};
use crate::orchestrator::host::Host;
use crate::text::printable;
use crate::time::now_milliseconds;

/// Least time between two publications. Well under the two seconds within which the status has to be true.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(200);

/// The account's status, under the names that the host gives them. Times are milliseconds since the epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    /// The account is being served.
    pub running: bool,
    /// The socket is up and the server has said hello.
    pub connected: bool,
    /// The newest problem that is not solved yet; [`StatusBoard::raise`] sets it.
    pub last_error: Option<String>,
    /// When the socket came up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_connected_at: Option<f64>,
    /// When and why the socket went down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_disconnect: Option<Disconnect>,
    /// When an event reached us.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_inbound_at: Option<f64>,
    /// When the server took a part of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_outbound_at: Option<f64>,
    /// When anything at all came from the socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transport_activity_at: Option<f64>,
    /// Attempts to connect since the last success.
    pub reconnect_attempts: u32,
    /// The account can do nothing, and why; [`StatusBoard::raise`] sets it.
    pub blocked: Option<String>,
    /// Events admitted since the account started.
    pub admitted: u64,
    /// A turn is running.
    pub busy: bool,
    /// Turns that run now.
    pub active_runs: usize,
    /// Active forks.
    pub forks: usize,
    /// Why no fork could be made the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forks_unavailable: Option<String>,
    /// Events that wait for a turn.
    pub queue_depth: usize,
    /// Where agents were stopped that answered each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loop_stopped: Option<String>,
    /// The last sender that wanted too much, and what became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_limited: Option<String>,
    /// Events since the account started whose senders may not cause turns.
    pub refused: u64,
    /// The last of those senders, and where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_refused: Option<String>,
    /// When the oldest event that is not over was admitted.
    pub oldest_pending_at: Option<i64>,
    /// Events given up until somebody decides.
    pub dead_letters: u32,
    /// The newest of them, and why it was given up.
    pub last_dead_letter: Option<String>,
    /// Position in the server's event stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_cursor: Option<u64>,
    /// What the last look for missed events found, on a server without dispatch inbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<String>,
    /// What waits at the server because this version cannot show it to the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhandled: Option<String>,
    /// What came of the last look at the platform's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_config: Option<String>,
    /// What became of a damaged journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_rebuilt: Option<String>,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Bytes that the native part holds, for all accounts of the process.
    pub native_memory_bytes: usize,
}

/// The end of a connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Disconnect {
    /// When, milliseconds since the epoch.
    pub at: f64,
    /// Why.
    pub error: String,
}

/// Keeps the status and publishes it when it has changed.
#[derive(Debug, Default)]
pub(crate) struct StatusBoard {
    contents: Mutex<Contents>,
    pub(super) calls: AtomicU64,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Contents {
    status: Status,
    problems: Problems,
}

impl StatusBoard {
    /// Changes the status; it is published soon.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.contents().status);
        self.changed.notify_one();
    }

    /// Something is wrong; with `blocks` the account can do nothing before it is solved.
    pub(crate) fn raise(&self, about: About, text: String, blocks: bool) {
        self.contents().problems.raise(about, printable(&text), blocks);
        self.changed.notify_one();
    }

    /// It is right again.
    pub(crate) fn solve(&self, about: About) {
        self.contents().problems.solve(about);
        self.changed.notify_one();
    }

    /// Notes the time of something.
    pub(crate) fn touch(&self, field: impl FnOnce(&mut Status) -> &mut Option<f64>) {
        self.update(|status| *field(status) = Some(now_milliseconds()));
    }

    /// The status now.
    pub(crate) fn snapshot(&self) -> Status {
        let known = self.contents();
        Status {
            last_error: known.problems.newest(),
            blocked: known.problems.blocking(),
            ..known.status.clone()
        }
    }

    /// Every problem that is not solved, the newest first.
    pub(crate) fn problems(&self) -> Vec<String> {
        self.contents().problems.all()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes changes until shutdown, and the last state then.
    pub(crate) async fn publish(self: Arc<Self>, host: Arc<dyn Host>, shutdown: CancellationToken) {
        let mut published = None;
        let mut publish = |status: Status| {
            if published.as_ref() != Some(&status) {
                // Numbers, strings and booleans always serialise.
                host.status(serde_json::to_string(&status).unwrap_or_default());
                published = Some(status);
            }
        };
        loop {
            tokio::select! {
                biased;
                () = self.changed.notified() => publish(self.snapshot()),
                () = shutdown.cancelled() => break,
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(PUBLISH_INTERVAL) => {}
                () = shutdown.cancelled() => break,
            }
        }
        publish(Status {
            running: false,
            connected: false,
            busy: false,
            active_runs: 0,
            ..self.snapshot()
        });
    }
}
