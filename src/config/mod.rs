//! The platform's configuration, and the user's file that it goes into.
//!
//! ```text
//! manager      one refresh: fetch -> check -> remember -> apply; one at a time, the newest wins
//!   source     where configurations come from
//!   platform   what the platform sends   (trust: what it may decide, schema: what hosts accept)
//!   cache      the last known good one
//!   gate       no write while a turn runs
//!   apply      plan -> write
//!     plan     what has to change       (include: which file, draft: one file, credential: the account's key)
//!       document   where values stand in a file (skip: what is none of ours)
//!       edit       new text for some of them, every other byte as it was
//!       verify     a second parser's opinion       (wanted: what a section is to say)
//! outcome      what came of it                     refusal: why a configuration is not applied
//! read         a section as hosts read it, for programs that run without one
//! ```
//!
//! Two sections are written and nothing else: `models.providers.parall` and `agents.defaults`, key by key. The rules for the
//! user's file: it is read as JSON5, a file that cannot be read is never written, equal values are never written, and what is
//! not ours keeps its bytes.

mod apply;
mod cache;
mod credential;
mod document;
mod draft;
mod edit;
mod error;
mod gate;
mod include;
mod manager;
mod outcome;
mod plan;
mod platform;
mod read;
mod refusal;
mod schema;
mod skip;
mod source;
mod trust;
mod verify;
mod wanted;

pub use crate::level::Level;
pub use error::Error;
pub use gate::{Gate, Idle, Turn};
pub use manager::{Manager, ManagerOptions, Refreshed};
pub use outcome::{Change, Note, Outcome, Status};
pub use platform::{LeftOut, PlatformConfig};
pub use read::read_section;
pub use refusal::Refusal;
pub use source::{Answer, Source};
pub use trust::{Scope, Trust};
