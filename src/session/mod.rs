//! The host's sessions on disk: its store, its transcripts, and forks of them.
//!
//! On hosts that keep sessions in files (`OpenClaw` 2026.4.2 to 2026.7.35) a transcript is opened for reading only, and a fork is a
//! new file that holds the entries up to a cut. On hosts with a database (from 2026.8.1 on) the rows of a transcript are handed
//! over, and the messages of a fork handed back. What a fork takes is decided by the same code for both. Everything here blocks;
//! call it from a blocking thread.
//!
//! `json` keeps every spelling, `transcript` knows entries and what the model is shown, `fork` writes files, `database` makes
//! messages, `store` is `sessions.json`.

mod database;
mod error;
mod fork;
mod json;
mod store;
mod transcript;

pub use database::{ContextReader, MessageContext, Progress};
pub use error::Error;
pub use fork::{Fork, ForkRequest, NothingToFork, Outcome, fork};
pub use store::cleanup::{Leftovers, clean_up, find_leftovers, remove_leftovers};
pub use store::key::{Owner, normalize};
pub use store::resolve::{SessionsFolder, resolve_transcript};
pub use store::{delete_entries, delete_entry, read_entry, upsert_entry};
pub use transcript::cache::IndexCache;
pub use transcript::tree::{Cut, History};

/// How many members the scanner finds in a line, in two levels; nothing if it is not JSON. For the benchmark.
#[cfg(feature = "testing")]
pub fn scan_members(line: &[u8]) -> Option<usize> {
    let mut members = 0;
    json::scan(line, false, &mut |_| members += 1).ok()?;
    Some(members)
}
