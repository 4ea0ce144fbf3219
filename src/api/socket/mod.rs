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
use super::error::Error;
use super::retry::Backoff;
use super::wire;
use super::wire::types::Frame;
use crate::error::chain;

/// How often a ticket is asked for at the usual pace although the server refuses the key: one refusal proves nothing.
const QUICK_REFUSALS: u32 = 2;

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
    /// The server gave no ticket because it refuses this key (401); the attempt of this number comes after the pause, which is
    /// long once that was not just once.
    Refused { error: Error, attempt: u32, retry_in: Duration },
}

/// Keeps a connection until `shutdown` is cancelled or the receiver is dropped.
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
    let mut refusals = 0;
    loop {
        tell(events, shutdown, SocketEvent::Connecting { attempt: backoff.attempt() }).await?;
        let dialled = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            dialled = client.dialer().dial(client.http(), *cursor) => dialled,
        };
        let error = match dialled {
            Ok(open) => {
                refusals = 0;
                let start = Instant::now();
                let end = connection::run(open, client, cursor, events, shutdown).await;
                backoff.connection_lasted(start.elapsed());
                match end {
                    End::Stopped => return None,
                    End::Lost(error) => error,
                }
            }
            Err(error) => error,
        };
        let mut retry_in = backoff.pause_after(&error);
        let attempt = backoff.attempt();
        let lost = if refuses_key(&error) {
            refusals += 1;
            if refusals > QUICK_REFUSALS {
                retry_in = retry_in.max(limits.refused);
            }
            SocketEvent::Refused { error, attempt, retry_in }
        } else {
            SocketEvent::Disconnected { error: chain(&error), attempt, retry_in }
        };
        tell(events, shutdown, lost).await?;
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            () = tokio::time::sleep(retry_in) => {}
        }
    }
}

/// Whether the server refuses the key. A socket that is refused with the same status is about its ticket.
fn refuses_key(error: &Error) -> bool {
    matches!(error, Error::Status { status: 401, path, .. } if *path == wire::SOCKET_TICKET.path)
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
