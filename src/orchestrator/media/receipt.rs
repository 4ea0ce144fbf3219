//! What became of a file that came with a message.

use std::path::PathBuf;

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It is here.
    Kept(KeptFile),
    /// It is not, and why; continues "not fetched: ".
    Refused(String),
}

/// A file that the agent can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptFile {
    /// Where it is.
    pub path: PathBuf,
    /// What its content is, whatever its sender says.
    pub mime_type: String,
    /// Its length.
    pub size: u64,
    /// What its sender says it is, where the content is something else.
    pub announced: Option<String>,
}
