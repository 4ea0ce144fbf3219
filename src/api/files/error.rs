//! Why a file could not be fetched.

use std::io;
use std::time::Duration;

use crate::api::error::{Cause, Class};
use crate::api::retry::Failure;

/// A file was not fetched. The texts continue a sentence such as "not fetched: ...", and name hosts but no address.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Its address cannot be used.
    #[error("its address {reason}")]
    Address { reason: &'static str },
    /// Its address leads into a private network, or to this machine.
    #[error("{host} is at an address of a private network")]
    Private { host: String },
    /// It was redirected to a host that nobody named.
    #[error("it leads on to {host}, which is not in media_hosts")]
    Unnamed { host: String },
    /// It was redirected too often.
    #[error("it is redirected more than {limit} times")]
    Redirects { limit: usize },
    /// Its host refused or failed.
    #[error("{host} answered {status}")]
    Status { host: String, status: u16, retry_after: Option<Duration> },
    /// No connection came about.
    #[error("{host} cannot be reached")]
    Connect {
        host: String,
        #[source]
        source: Cause,
    },
    /// The connection broke.
    #[error("the connection to {host} broke")]
    Interrupted {
        host: String,
        #[source]
        source: Cause,
    },
    /// Nothing came for so long.
    #[error("{host} sent nothing for {} s", after.as_secs())]
    Stalled { host: String, after: Duration },
    /// It took longer than its size allows.
    #[error("it did not come within {} s", after.as_secs())]
    Slow { after: Duration },
    /// It is larger than the limit, in bytes.
    #[error("it is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    /// It has another length than Parall said.
    #[error("{got} bytes came where Parall had announced {announced}")]
    WrongLength { announced: u64, got: u64 },
    /// It could not be kept.
    #[error("it cannot be kept")]
    Write(#[from] io::Error),
    /// The account stops.
    #[error("the account stops")]
    Stopped,
}

impl Failure for FileError {
    fn class(&self) -> Class {
        match self {
            Self::Status { status: 429, .. } => Class::RateLimited,
            Self::Connect { .. }
            | Self::Interrupted { .. }
            | Self::Status { status: 408 | 425 | 500.., .. } => Class::Transient,
            Self::Stopped => Class::Stopped,
            _ => Class::Rejected,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
