//! What an account must not forget, in one `SQLite` database: which dispatches it took on, what became of them, which parts
//! of which answers are on their way, which forks are active, and how far it has read.
//!
//! ```text
//!  claim -> claimed -> adopted -> answered  -> acknowledged     (kept as a tombstone)
//!              ^  |       |   \-> no_reply -^
//!              |  v       v
//!              failed  <--+---------> dead  -> retried or discarded by an operator
//! ```
//! Every call is written and synced to disk before its future resolves; calls that arrive together share one transaction.
//! A call that has been polled is carried out even when its future is dropped.
//!
//! ```text
//! open       a new, current, older, newer or damaged file      clock: the time that is written down
//! entries/   what is remembered: dispatches (record, turn, queue, overview), parts, forks, notes; recovery, retention and trace
//! database/  the thread that writes (writer, store, pending), tables (schema), files, lease
//! ```
//!
//! Whoever opens a journal for writing holds its [`Lease`], so two gateways never serve one account.

mod clock;
mod database;
mod entries;
mod error;
mod open;
#[cfg(feature = "testing")]
mod simulated;

pub use clock::{Clock, system_clock};
pub use database::lease::{Holder, Lease, LeaseAttempt};
pub use database::writer::Journal;
pub use entries::fork::{ForkRecord, ForkResult, ForkState, NewFork, NewResult};
pub use entries::overview::Overview;
pub use entries::part::{Intent, NewPart, PartRecord, PartState, Uploaded};
pub use entries::queue::Counters;
pub use entries::record::{Adoption, Claim, Details, DispatchRecord, NewDispatch, Origin, State};
pub use entries::recovery::{OpenDispatch, Recovery};
pub use entries::retention::Pruned;
pub use entries::trace::{Step, Trace, TracedPart};
pub use error::Error;
pub use open::{Condition, Opened};
#[cfg(feature = "testing")]
pub use simulated::SimulatedDisk;
