//! What can go wrong with a file.

use std::io;
use std::path::PathBuf;

use crate::error::Coded;

/// A file could not be read or replaced. Unless the variant says otherwise, the file still holds what it held before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed, for another reason than that there is no file.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A folder, a device or a pipe where a file is expected.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What was found instead.
        path: PathBuf,
    },
    /// Writing failed before the new contents took the old one's place: disk full, no rights, a failing device.
    #[error("cannot {action} {}", path.display())]
    Write {
        /// What was tried, such as "create a temporary file for".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Somebody else wrote the file between our reading and our writing.
    #[error("{} was changed by another program meanwhile", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Another program holds a lock on the file.
    #[error("{} is locked by another program", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Writing in place stopped half way and the old contents could not be put back; they are in the backup.
    #[error("{} is damaged; its former contents are in {}", path.display(), backup.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the former contents are.
        backup: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "PARALL_FILE_READ",
            Self::NotAFile { .. } => "PARALL_FILE_KIND",
            Self::Write { .. } => "PARALL_FILE_WRITE",
            Self::Changed { .. } => "PARALL_FILE_CHANGED",
            Self::Locked { .. } => "PARALL_FILE_LOCKED",
            Self::Damaged { .. } => "PARALL_FILE_DAMAGED",
        }
    }
}
