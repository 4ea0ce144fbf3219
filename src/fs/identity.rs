//! Which file a name leads to.

use std::fs::Metadata;

/// Tells files apart on one machine: equal for two names of one file, different for a file that has taken another's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(u64, u64);

impl Identity {
    /// That of the file which `metadata` was read from.
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self(metadata.dev(), metadata.ino())
    }

    /// Windows tells a file's number only by calls that are not in the standard library; its birth will do.
    #[cfg(windows)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::windows::fs::MetadataExt;
        Self(metadata.creation_time(), 0)
    }
}
