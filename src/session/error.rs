//! What can go wrong with sessions and forks.

use std::io;
use std::path::PathBuf;

use crate::error::Coded;
use crate::fs;

/// An operation on the session store or on a transcript failed. Nothing of the host's has been changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A transcript or its folder could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A fork's transcript could not be written: disk full, no rights. What was begun has been removed.
    #[error("cannot {action} {}", path.display())]
    Write {
        /// What was tried, such as "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The file does not begin with a session header.
    #[error("{} is not a session transcript", path.display())]
    NotATranscript {
        /// The file.
        path: PathBuf,
    },
    /// The entry to cut at is not in the transcript.
    #[error("no entry {entry:?} in {}", path.display())]
    NoSuchEntry {
        /// The id asked for.
        entry: String,
        /// The transcript.
        path: PathBuf,
    },
    /// A name for a cut that nobody knows.
    #[error("{cut:?} is no cut; it is \"last-completed\", \"leaf\" or an entry")]
    BadCut {
        /// The name.
        cut: String,
    },
    /// A name for a history that nobody knows.
    #[error("{history:?} is no history; it is \"full\" or \"context\"")]
    BadHistory {
        /// The name.
        history: String,
    },
    /// Not even the newest completed turn would leave the model enough room.
    #[error("the newest turn does not fit: the context has {tokens} tokens, {budget} are allowed")]
    OverBudget {
        /// What the whole context has.
        tokens: u64,
        /// What was allowed.
        budget: u64,
    },
    /// A row of the host's database is not what it is known to be.
    #[error("an event of the transcript is {reason}")]
    BadRow {
        /// What it is instead.
        reason: &'static str,
    },
    /// A context that is larger than any model takes.
    #[error("the context is longer than {limit} bytes")]
    TooLong {
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// The host kept rewriting the transcript while it was being read.
    #[error("{} keeps changing", path.display())]
    Unstable {
        /// The transcript.
        path: PathBuf,
    },
    /// A path leads out of the sessions folder.
    #[error("{} is outside of {}", path.display(), folder.display())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The sessions folder.
        folder: PathBuf,
    },
    /// What should be cleaned up is not a fork with a transcript of its own.
    #[error("{session_key:?} with {} is not a fork of ours", path.display())]
    NotAFork {
        /// The session key.
        session_key: String,
        /// The transcript given with it.
        path: PathBuf,
    },
    /// A session key that is empty.
    #[error("a session key is empty")]
    EmptyKey,
    /// An entry for the store is not a JSON object.
    #[error("the entry for {session_key:?} is not a JSON object")]
    BadEntry {
        /// The session key.
        session_key: String,
    },
    /// The session store is not a JSON object. It has been left as it is.
    #[error("{} is not a JSON object (byte {position})", path.display())]
    BadStore {
        /// The store.
        path: PathBuf,
        /// The first byte that cannot be there.
        position: usize,
    },
    /// The process is ending; the work was not done.
    #[error("the process is ending")]
    Stopped,
    /// The session store could not be read, locked or replaced.
    #[error(transparent)]
    File(#[from] fs::Error),
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "PARALL_SESSION_READ",
            Self::Write { .. } => "PARALL_SESSION_WRITE",
            Self::NotATranscript { .. } => "PARALL_SESSION_NOT_A_TRANSCRIPT",
            Self::NoSuchEntry { .. } => "PARALL_SESSION_NO_SUCH_ENTRY",
            Self::BadCut { .. } => "PARALL_SESSION_BAD_CUT",
            Self::BadHistory { .. } => "PARALL_SESSION_BAD_HISTORY",
            Self::OverBudget { .. } => "PARALL_SESSION_OVER_BUDGET",
            Self::BadRow { .. } => "PARALL_SESSION_BAD_ROW",
            Self::TooLong { .. } => "PARALL_SESSION_TOO_LONG",
            Self::Unstable { .. } => "PARALL_SESSION_UNSTABLE",
            Self::Outside { .. } => "PARALL_SESSION_OUTSIDE",
            Self::NotAFork { .. } => "PARALL_SESSION_NOT_A_FORK",
            Self::EmptyKey => "PARALL_SESSION_EMPTY_KEY",
            Self::BadEntry { .. } => "PARALL_SESSION_BAD_ENTRY",
            Self::BadStore { .. } => "PARALL_SESSION_BAD_STORE",
            Self::Stopped => "PARALL_SESSION_STOPPED",
            Self::File(error) => error.code(),
        }
    }
}
