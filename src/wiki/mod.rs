//! The wiki: a workspace of local files that follows it ([`Workspace`]), and proposals with or without one ([`propose`]).

mod error;
mod fetch;
mod hash;
mod path;
pub mod propose;
mod text;
pub mod workspace;

pub use error::Error;
pub use hash::Hash;
pub use text::{Difference, difference};
pub use workspace::Workspace;
