//! Why a user's configuration file was left alone.

use std::path::PathBuf;

use crate::error::Coded;
use crate::fs;

/// The configuration cannot be changed without a risk to what its user wrote. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(transparent)]
    File(#[from] fs::Error),
    /// There is a file, but nothing is in it. It may be a write of another program that has not finished.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is not UTF-8 text.
    #[error("{} is not UTF-8 text: byte {offset}", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// Where the text ends, in bytes.
        offset: usize,
    },
    /// The file is not JSON5, or uses a notation that cannot be edited safely.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What was found; never a value from the file.
        reason: String,
    },
    /// A value on the way to a setting of ours is not an object.
    #[error("{}: {key} is {found}, not an object", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Path of the value, such as `models.providers`.
        key: String,
        /// What it is instead, such as "a string".
        found: &'static str,
    },
    /// A key on the way occurs twice in the same object, so that readers see only one of them.
    #[error("{}: {key} occurs twice", path.display())]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// Path of the key.
        key: String,
    },
    /// A section is put together from several files, so that no single place holds its value.
    #[error("{section} is put together from {} and {}", first.display(), second.display())]
    Split {
        /// Path of the section.
        section: String,
        /// One of the files.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
    },
    /// An included file cannot be used.
    #[error("{} includes {include:?}: {reason}", path.display())]
    Include {
        /// The file with the `$include`.
        path: PathBuf,
        /// What it includes, as written.
        include: String,
        /// Why not.
        reason: String,
    },
    /// The user, or the program that manages this installation, does not want the file to change.
    #[error("{} is not to be changed: {reason}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// How they said so.
        reason: &'static str,
    },
    /// The file, read again by a second parser after the edit, does not say what it should.
    #[error("an edit of {} would not have the wanted effect", path.display())]
    Verify {
        /// The file.
        path: PathBuf,
    },
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::Empty { .. } => "PARALL_CONFIG_EMPTY",
            Self::Encoding { .. } | Self::Syntax { .. } => "PARALL_CONFIG_SYNTAX",
            Self::Shape { .. } => "PARALL_CONFIG_SHAPE",
            Self::Duplicate { .. } => "PARALL_CONFIG_DUPLICATE",
            Self::Split { .. } => "PARALL_CONFIG_SPLIT",
            Self::Include { .. } => "PARALL_CONFIG_INCLUDE",
            Self::ReadOnly { .. } => "PARALL_CONFIG_READ_ONLY",
            Self::Verify { .. } => "PARALL_CONFIG_VERIFY",
        }
    }
}
