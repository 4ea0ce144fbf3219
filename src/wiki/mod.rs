//! The wiki: a workspace of local files that follows it ([`Workspace`]), proposals with or without one
//! ([`propose`]), and [`search`].

mod error;
mod fetch;
mod hash;
mod path;
pub mod propose;
pub mod search;
mod text;
pub mod workspace;

pub use error::Error;
pub use hash::Hash;
pub use text::{Difference, difference};
pub use workspace::Workspace;
