//! Where a call of a tool comes from.

use std::path::PathBuf;

/// Where a call comes from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Folders that files may be sent from.
    pub folders: Vec<PathBuf>,
    /// The turn from whose run it comes, where there is one: what it writes belongs to that turn and to no other.
    pub run: Option<String>,
}
