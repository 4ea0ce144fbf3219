//! Who may cause turns.
//!
//! ```text
//! settings -> policy   what the operator wrote, as rules
//! admission -> gate    one event: may its sender cause a turn there?
//!              refusals  what is said of those who may not: status, log, one line a day
//! ```

mod error;
pub(crate) mod gate;
mod policy;
mod refusals;
mod settings;

pub use error::Error as AccessError;
pub use policy::Access;
