//! The client's calls, a subject a file.

pub(super) mod history;
pub(super) mod list;
pub(super) mod objects;
pub(super) mod upload;
pub(super) mod wiki;
