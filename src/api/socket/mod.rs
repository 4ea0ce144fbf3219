//! The connection that never gives up: ticket, socket, frames, and again.
//!
//! ```text
//! connection  one open socket until it ends    vitals      when to beat, when to doubt (pure)
//! event       what happens on it
//! ```

mod connection;
mod event;
mod vitals;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::connection::End;
pub use self::event::SocketEvent;
use super::backoff::Backoff;
use super::client::Client;
use super::error::Error;
use super::wire;
use crate::error::chain;

/// How often a ticket is asked for at the usual pace although the server refuses the key: one refusal proves nothing.
const QUICK_REFUSALS: u32 = 2;

/// Keeps a connection until `shutdown` is cancelled or the receiver is dropped.
///
/// `cursor` is the last position that was seen in an earlier life; the highest position is kept across reconnects. A full
/// `events` queue stops the reading, so nothing is dropped; heartbeats continue meanwhile.
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
        let mut retry_in = backoff.pause_of(error.retry_after());
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
