//! The handle of an account: start, recovery of the last run, monitoring, stop; and calls that need no account.

pub(crate) mod gateway;
pub(crate) mod monitor;
pub(crate) mod once;
pub(crate) mod open_journal;
mod operator;
pub(crate) mod options;
pub(crate) mod recovery;
pub(crate) mod serve;
pub(crate) mod takeover;
