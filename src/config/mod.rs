//! The platform's configuration, and the user's file that it goes into.
//!
//! ```text
//! manager      one refresh: fetch -> check -> remember -> apply; one at a time, the newest wins
//! prepared     what is at hand before anything is applied
//! platform/    what the platform sends, before it touches anything of the user
//!   source     where configurations come from      config: one configuration   cache: the last known good one
//!   trust      what it may decide (allowed: keys)  schema: what hosts accept   refusal: why it is not applied
//! gate         no write while a turn runs
//! file/        the user's files
//!   apply      plan -> write
//!   plan       what has to change       (include: which file, draft: one file, wanted: what a section is to say)
//!   verify     a second parser's opinion
//!   read       a section as hosts read it, for programs that run without one
//! syntax/      a JSON5 text
//!   document   where values are in it (skip: what is none of ours)
//!   edit       new text for some of them, every other byte as it was
//! credential   the account's key, as its user gave it
//! outcome      what came of it
//! ```
//!
//! Two sections are written and nothing else: `models.providers.parall` and `agents.defaults`, key by key. The rules for the
//! user's file: it is read as JSON5, a file that cannot be read is never written, equal values are never written, and what is
//! not ours keeps its bytes.

mod credential;
mod error;
mod file;
mod gate;
mod manager;
mod outcome;
mod platform;
mod prepared;
mod syntax;

pub use crate::level::Level;
pub use error::Error;
pub use file::read::read_section;
pub use gate::{Gate, Idle, TurnGuard};
pub use manager::{Manager, ManagerOptions, Refreshed};
pub use outcome::{Change, Note, Outcome, Status};
pub use platform::config::{LeftOut, PlatformConfig};
pub use platform::refusal::Refusal;
pub use platform::source::{Answer, PlatformSource};
pub use platform::trust::{Scope, Trust};
