//! Why a tool did not do what it was asked.

use std::path::PathBuf;

use crate::error::{Coded, chain};
use crate::{orchestrator, organisation, wiki};

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
    /// A page is not, or not any more, what the edit was made for. Nothing was proposed.
    #[error("{path} cannot be edited so: {reason}")]
    Edit {
        /// The page, on one line.
        path: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// The wiki could not be read, or the changeset not be made.
    #[error("{}", wiki_text(error))]
    Wiki {
        /// What the wiki said.
        error: Box<wiki::Error>,
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
            Self::Edit { .. } => "PARALL_WIKI_EDIT",
            Self::Wiki { error } => error.code(),
            Self::ForbiddenFile { .. } => "PARALL_FORBIDDEN_FILE",
            Self::Organisation(error) => error.code(),
            Self::Account(error) => error.code(),
        }
    }
}

impl From<wiki::Error> for Error {
    fn from(error: wiki::Error) -> Self {
        Self::Wiki { error: Box::new(error) }
    }
}

/// What the wiki said, and what to do in terms of the tools.
fn wiki_text(error: &wiki::Error) -> String {
    let advice = match error {
        wiki::Error::UnknownOutcome { wiki, source } => {
            return format!(
                "nobody knows whether the changeset was made ({}): read the changesets of {wiki} before you propose it again",
                chain(source)
            );
        }
        wiki::Error::NoPage { .. } => ": read the list of its pages, or search it",
        wiki::Error::NotText { .. } => ", or too large to be read here",
        _ => "",
    };
    format!("{}{advice}", chain(error))
}
