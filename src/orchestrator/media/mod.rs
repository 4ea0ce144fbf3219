//! Files that come with messages: fetched before the agent is asked, kept where the host takes files from, removed later.

mod content;
pub(crate) mod fetcher;
mod file_name;
mod folder;
mod options;
pub(crate) mod receipt;

pub use options::MediaOptions;
