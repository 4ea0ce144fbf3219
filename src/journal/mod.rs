//! What an account must not forget, in one `SQLite` database: which dispatches it took on, what became of them, which parts
//! of which answers are on their way, which forks live, and how far it has read.
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
//! Whoever opens a journal for writing holds its [`Lease`], so two gateways never serve one account.

mod access;
mod clock;
mod dispatch;
mod error;
mod files;
mod fork;
mod lease;
mod notes;
mod open;
mod part;
mod pending;
mod queue;
mod record;
mod recovery;
mod retention;
mod schema;
#[cfg(feature = "testing")]
mod simulated;
mod store;
mod text_enum;
mod writer;

pub use clock::{Clock, system_clock};
pub use error::Error;
pub use fork::{ForkRecord, ForkResult, ForkState, NewFork, NewResult};
pub use lease::{Holder, Lease, LeaseAttempt};
pub use open::{Condition, Opened};
pub use part::{Intent, NewPart, PartRecord, PartState};
pub use queue::Counters;
pub use record::{Adoption, Claim, Details, DispatchRecord, NewDispatch, Origin, State};
pub use recovery::{OpenDispatch, Recovery};
pub use retention::Pruned;
#[cfg(feature = "testing")]
pub use simulated::SimulatedDisk;
pub use writer::Journal;
