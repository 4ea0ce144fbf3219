//! What the account learns of its connection.

use std::time::Duration;

use crate::api::error::Error;
use crate::api::wire::types::Frame;

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
