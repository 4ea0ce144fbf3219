//! Why a tool did not do what it was asked.

use std::path::PathBuf;

use crate::error::Coded;
use crate::{orchestrator, organisation};

/// An error of a tool. The model reads its text, so it says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such tool.
    #[error("there is no tool {name:?}")]
    UnknownTool {
        /// The name.
        name: String,
    },
    /// The parameters cannot be read.
    #[error("the parameters cannot be used: {reason}")]
    Parameters {
        /// Why not.
        reason: String,
    },
    /// A parameter is missing that this use of the tool needs.
    #[error("{parameter} is missing: {purpose}")]
    Missing {
        /// The parameter.
        parameter: &'static str,
        /// What it is needed for.
        purpose: &'static str,
    },
    /// A file that the agent may not send.
    #[error("{} cannot be sent: only files in the workspace and the media folder can", path.display())]
    ForbiddenFile {
        /// The file.
        path: PathBuf,
    },
    /// The organisation could not be read or changed.
    #[error(transparent)]
    Organisation(#[from] organisation::Error),
    /// The account could not send.
    #[error(transparent)]
    Account(#[from] orchestrator::Error),
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownTool { .. } => "PARALL_UNKNOWN_TOOL",
            Self::Parameters { .. } | Self::Missing { .. } => "PARALL_PARAMETERS",
            Self::ForbiddenFile { .. } => "PARALL_FORBIDDEN_FILE",
            Self::Organisation(error) => error.code(),
            Self::Account(error) => error.code(),
        }
    }
}
