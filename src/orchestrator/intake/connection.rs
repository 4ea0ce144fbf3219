//! What the socket tells, in the log and in the status, and what of it concerns the intake.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::Frame;
use crate::api::socket::SocketEvent;
use crate::api::wire::announced::AGENT_CONFIG_UPDATE;
use crate::error::chain;
use crate::orchestrator::context::Context;
use crate::orchestrator::host::Level;
use crate::orchestrator::platform::Platform;
use crate::orchestrator::status::board::Disconnect;
use crate::orchestrator::status::problems::About;
use crate::time::now_milliseconds;

/// After how many attempts a refused key is no news in the log.
const LOGGED_REFUSALS: u32 = 2;

/// Watches the connection of an account.
pub(crate) struct Connection {
    /// The account.
    pub context: Arc<Context>,
    /// The platform configuration, where it is kept in line.
    pub platform: Option<Arc<Platform>>,
}

/// What concerns the intake.
pub(crate) enum Change {
    /// The server has said hello.
    Connected,
    /// There is no connection any more.
    Disconnected,
    /// Something was pushed.
    Pushed(Frame),
}

impl Connection {
    /// Tells of an event of the socket.
    pub(crate) fn on_event(&self, event: SocketEvent) -> Option<Change> {
        let status = &self.context.status;
        match event {
            SocketEvent::Connecting { attempt } => {
                self.context.log(Level::Debug, format!("connecting, attempt {attempt}"));
            }
            SocketEvent::Connected => {
                self.connected();
                return Some(Change::Connected);
            }
            SocketEvent::Heartbeat => status.touch(|status| &mut status.last_transport_activity_at),
            SocketEvent::Frame(frame) if frame.kind == AGENT_CONFIG_UPDATE => {
                if let Some(platform) = &self.platform {
                    platform.request_refresh();
                }
            }
            SocketEvent::Frame(frame) => {
                status.touch(|status| &mut status.last_transport_activity_at);
                return Some(Change::Pushed(frame));
            }
            SocketEvent::Ignored { reason, count } => {
                let text = format!("{count} frames could not be read; the latest: {reason}");
                self.context.log(Level::Warn, text);
            }
            SocketEvent::Disconnected { error, attempt, retry_in } => {
                self.disconnected(Level::Warn, error, attempt, retry_in);
                return Some(Change::Disconnected);
            }
            SocketEvent::Refused { error, attempt, retry_in } => {
                let is_news = attempt <= LOGGED_REFUSALS;
                let level = if is_news { Level::Warn } else { Level::Debug };
                self.disconnected(level, chain(&error), attempt, retry_in);
                // Whoever asks already needs no second one beside it.
                if !self.context.is_confirming_key() {
                    let (context, since) = (Arc::clone(&self.context), Instant::now());
                    self.context.spawn(async move {
                        // Without a result the account stops.
                        let _ = context.confirm_key(since, &error).await;
                    });
                }
                return Some(Change::Disconnected);
            }
        }
        None
    }

    fn connected(&self) {
        self.context.log(Level::Info, "connected");
        self.context.status.update(|status| {
            let now = now_milliseconds();
            status.connected = true;
            status.reconnect_attempts = 0;
            status.last_connected_at = Some(now);
            status.last_transport_activity_at = Some(now);
        });
        self.context.status.solve(About::Connection);
    }

    fn disconnected(&self, level: Level, error: String, attempt: u32, retry_in: Duration) {
        let seconds = retry_in.as_secs_f64();
        self.context.log(level, format!("disconnected: {error}; next attempt in {seconds:.1} s"));
        self.context.status.update(|status| {
            status.connected = false;
            status.reconnect_attempts = attempt;
            status.last_disconnect =
                Some(Disconnect { at: now_milliseconds(), error: error.clone() });
        });
        self.context.status.raise(About::Connection, error, false);
    }
}
