//! The host's sessions on disk: its store, its transcripts, and forks of them.
//!
//! For hosts that keep sessions in files (`OpenClaw` 2026.4.2 to 2026.7.35). A transcript is opened for reading only; a fork is a
//! new file that holds the path of entries up to a cut. Everything here blocks; call it from a blocking thread.

mod error;
mod fork;
mod json;
mod store;
mod transcript;

pub use error::Error;
pub use fork::{Fork, ForkRequest, Nothing, Outcome, fork};
pub use store::cleanup::{Leftovers, clean_up, find_leftovers, remove_leftovers};
pub use store::key::{Owner, normalize};
pub use store::resolve::{SessionsFolder, resolve_transcript};
pub use store::{delete_entries, delete_entry, read_entry, upsert_entry};
pub use transcript::cache::IndexCache;
pub use transcript::tree::{Cut, History};
