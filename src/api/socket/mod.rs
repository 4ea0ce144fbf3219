//! The connection that never gives up: ticket, socket, frames, and again.
//!
//! ```text
//! connection  one open socket until it ends    vitals      when to beat, when to doubt (pure)
//! ```

mod connection;
mod vitals;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::connection::End;
use super::client::Client;
use super::dialer::Failure;
use super::error::Error;
use super::retry::Backoff;
use super::types::Frame;
use crate::error::chain;

/// What happens on the way to, on and after a connection.
#[derive(Debug)]
pub enum SocketEvent {
    /// An attempt begins; counted from 1 since the last stable connection.
    Connecting { attempt: u32 },
    /// The server has said hello.
    Connected,
    /// A frame to handle. Kinds that nobody knows arrive too and are to be ignored.
    Frame(Frame),
    /// The server answered a heartbeat.
    Heartbeat,
    /// Frames that cannot be read were skipped: the latest reason, and how many there were on this connection. Sent for
    /// the 1st, 2nd, 4th, 8th and so on, so that a broken server does not flood the log.
    Ignored { reason: String, count: u64 },
    /// There is no connection, or no more; the attempt of this number comes after the pause.
    Disconnected { error: String, attempt: u32, retry_in: Duration },
    /// The server refuses this key (401 for a ticket). Nothing more will come.
    Blocked { error: Error },
}

/// Keeps a connection until `shutdown` is cancelled, the receiver is dropped or the key is refused.
///
/// `cursor` is the last position that was seen in an earlier life; the highest position is kept across reconnects. A full
/// `events` queue stops the reading, so nothing is dropped; heartbeats go on meanwhile.
pub async fn run(
    client: Client,
    mut cursor: Option<u64>,
    events: mpsc::Sender<SocketEvent>,
    shutdown: CancellationToken,
) {
    keep_connected(&client, &mut cursor, &events, &shutdown).await;
}

/// `None` means that the account stops or nobody listens; written so for `?`.
async fn keep_connected(
    client: &Client,
    cursor: &mut Option<u64>,
    events: &mpsc::Sender<SocketEvent>,
    shutdown: &CancellationToken,
) -> Option<()> {
    let limits = *client.limits();
    let mut backoff = Backoff::new(limits.backoff.0, limits.backoff.1, limits.stable);
    loop {
        tell(events, shutdown, SocketEvent::Connecting { attempt: backoff.attempt() }).await?;
        let dialled = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            dialled = client.dialer().dial(client.http(), *cursor) => dialled,
        };
        let error = match dialled {
            Ok(open) => {
                let start = Instant::now();
                let end = connection::run(open, client, cursor, events, shutdown).await;
                backoff.connection_lasted(start.elapsed());
                match end {
                    End::Stopped => return None,
                    End::Lost(error) => error,
                }
            }
            Err(Failure::Passing(error)) => error,
            Err(Failure::Refused(error)) => {
                return tell(events, shutdown, SocketEvent::Blocked { error }).await;
            }
        };
        let retry_in =
            backoff.next_pause(fastrand::f64()).max(error.retry_after().unwrap_or_default());
        let lost = SocketEvent::Disconnected {
            error: chain(&error),
            attempt: backoff.attempt(),
            retry_in,
        };
        tell(events, shutdown, lost).await?;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            () = tokio::time::sleep(retry_in) => {}
        }
    }
}

/// Passes an event on; `None` when nobody listens any more or the account stops.
async fn tell(
    events: &mpsc::Sender<SocketEvent>,
    shutdown: &CancellationToken,
    event: SocketEvent,
) -> Option<()> {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        sent = events.send(event) => sent.ok(),
    }
}
