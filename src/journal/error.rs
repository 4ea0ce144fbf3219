//! What can go wrong with the journal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

use super::State;
use crate::error::Coded;

/// An error of the journal. Cheap to clone, because all calls of a failed transaction get the same one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The folder or a file in it cannot be made, read or protected.
    #[error("cannot use {path}")]
    File {
        /// What could not be used.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// There is no journal yet.
    #[error("there is no journal {path}")]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another version of the plugin wrote the journal; it is left untouched.
    #[error(
        "the journal {path} has schema version {found}; this version of the plugin reads {supported}"
    )]
    Version {
        /// The database.
        path: PathBuf,
        /// What it is.
        found: i64,
        /// What is supported.
        supported: i64,
    },
    /// No space is left. Nothing was recorded; the same call succeeds when there is space again.
    #[error("no space is left for the journal {path}")]
    Full {
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The database or its folder may not be written.
    #[error("the journal {path} cannot be written")]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The database is damaged. Opening it anew sets it aside.
    #[error("the journal {path} is damaged")]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// Anything else that `SQLite` refuses.
    #[error("the journal {path} failed")]
    Database {
        /// The database.
        path: PathBuf,
        /// What `SQLite` said.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// Nothing of this id was ever journaled.
    #[error("the journal knows no {kind} {id}")]
    Unknown {
        /// `dispatch`, `part` or `fork`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A step that the dispatch's state does not allow.
    #[error("{id} is {state}; it cannot be {step}")]
    Order {
        /// The dispatch.
        id: String,
        /// Its state.
        state: State,
        /// What was to become of it.
        step: &'static str,
    },
    /// A dispatch whose answer is still on its way cannot be acknowledged.
    #[error("{id} cannot be acknowledged: {parts} parts of its answer are not delivered")]
    Undelivered {
        /// The dispatch.
        id: String,
        /// How many parts.
        parts: u32,
    },
    /// Two different parts claim one place in an answer.
    #[error("part {ordinal} of {id} was journaled with another key")]
    PartConflict {
        /// The dispatch.
        id: String,
        /// Which part.
        ordinal: u32,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// Whether the same call may succeed later without anybody doing anything to the journal.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::File { .. } | Self::Full { .. } | Self::ReadOnly { .. } | Self::Database { .. }
        )
    }

    /// Whether the journal's folder or files may not be used, so that nothing works before somebody changes that.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::File { .. } | Self::ReadOnly { .. })
    }

    /// An error about a file.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source: Arc::new(source) }
    }

    /// An error of `SQLite` about the database at `path`.
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let kind = kind(&source);
        let source = Arc::new(source);
        match kind {
            Kind::Full => Self::Full { path, source },
            Kind::ReadOnly => Self::ReadOnly { path, source },
            Kind::Corrupt => Self::Corrupt { path, source },
            Kind::Other => Self::Database { path, source },
        }
    }
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "PARALL_JOURNAL_FILE",
            Self::Missing { .. } => "PARALL_JOURNAL_MISSING",
            Self::Version { .. } => "PARALL_JOURNAL_VERSION",
            Self::Full { .. } => "PARALL_JOURNAL_FULL",
            Self::ReadOnly { .. } => "PARALL_JOURNAL_READ_ONLY",
            Self::Corrupt { .. } => "PARALL_JOURNAL_CORRUPT",
            Self::Database { .. } => "PARALL_JOURNAL_DATABASE",
            Self::Unknown { .. } => "PARALL_JOURNAL_UNKNOWN",
            Self::Order { .. } => "PARALL_JOURNAL_ORDER",
            Self::Undelivered { .. } => "PARALL_JOURNAL_UNDELIVERED",
            Self::PartConflict { .. } => "PARALL_JOURNAL_PART_CONFLICT",
            Self::Closed => "PARALL_JOURNAL_CLOSED",
        }
    }
}

enum Kind {
    Full,
    ReadOnly,
    Corrupt,
    Other,
}

fn kind(error: &rusqlite::Error) -> Kind {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            ErrorCode::DiskFull => Kind::Full,
            // The shared memory file cannot grow.
            ErrorCode::SystemIoFailure
                if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE =>
            {
                Kind::Full
            }
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
                Kind::ReadOnly
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Kind::Corrupt,
            _ => Kind::Other,
        },
        // A value that this module never writes.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => Kind::Corrupt,
        _ => Kind::Other,
    }
}

/// Why a job failed, before the path of the database is known.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Journal(Error),
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) => Error::sqlite(path, error),
            Self::Journal(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Journal(error)
    }
}
