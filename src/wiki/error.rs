//! What can go wrong with a wiki.

use std::io;
use std::path::PathBuf;

use crate::api;
use crate::error::Coded;

/// An error of a wiki or its workspace. Unless the variant says otherwise, no file of the mount was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Api(#[from] api::Error),
    /// A file or folder could not be read or written: no rights, a full disk. Local edits are as they were; files of the server
    /// that are there already are whole.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The workspace's memory could not be read or written.
    #[error("cannot use the memory of the workspace, {}", path.display())]
    Memory {
        /// The database.
        path: PathBuf,
        /// The reason.
        #[source]
        source: rusqlite::Error,
    },
    /// A newer version of this program made the workspace.
    #[error("{} was made by a newer version of this program", path.display())]
    Version {
        /// The database.
        path: PathBuf,
    },
    /// Another run is at work in this workspace.
    #[error("another run is at work in {}", mount.display())]
    Locked {
        /// The folder of the wiki.
        mount: PathBuf,
    },
    /// The folder belongs to something else.
    #[error("{} cannot hold this wiki: {reason}", mount.display())]
    Mount {
        /// The folder.
        mount: PathBuf,
        /// What is in the way.
        reason: String,
    },
    /// The wiki was never synced into this workspace.
    #[error("the wiki is not in {}; sync it first", mount.display())]
    NotSynced {
        /// Where it would be.
        mount: PathBuf,
    },
    /// The server sent other bytes than it announced.
    #[error("the server sent other bytes for {path} than it announced")]
    Content {
        /// The path below the wiki.
        path: String,
    },
    /// The server's answer contradicts itself or is larger than a wiki can be.
    #[error("the wiki cannot be read: {reason}")]
    Answer {
        /// What is wrong.
        reason: String,
    },
    /// Conflicts are marked in files that would be proposed.
    #[error("solve the conflicts first, in {}", paths.join(", "))]
    Conflicts {
        /// The files.
        paths: Vec<String>,
    },
    /// Nothing to propose.
    #[error("nothing is changed")]
    NoChanges,
    /// A file cannot be part of a changeset.
    #[error("{path} cannot be proposed: {reason}")]
    Unsuitable {
        /// The path below the wiki.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// Files changed again and again while they were read.
    #[error("{path} changes while it is read")]
    Busy {
        /// The path below the wiki.
        path: String,
    },
    /// Somebody changed the changeset since this workspace last saw it.
    #[error(
        "changeset {changeset} is at generation {current}, this workspace knows {seen}: look at what changed (`parall wiki changeset \
         show {changeset} {wiki}`), then repeat `--update`"
    )]
    StaleGeneration {
        /// The wiki's slug.
        wiki: String,
        /// The changeset.
        changeset: String,
        /// What was sent.
        seen: u64,
        /// What the server has.
        current: u64,
    },
    /// The proposal was sent, and nobody knows what became of it.
    #[error(
        "nobody knows whether the changeset was made: look at `parall wiki changeset list {wiki}` before trying again"
    )]
    UnknownOutcome {
        /// The wiki's slug.
        wiki: String,
        /// Why there is no answer.
        #[source]
        source: Box<api::Error>,
    },
    /// There is no such page.
    #[error("there is no page {path}")]
    NoPage {
        /// The path below the wiki.
        path: String,
    },
    /// The page is a binary file or too large to be read as text.
    #[error("{path} is not a text")]
    NotText {
        /// The path below the wiki.
        path: String,
    },
    /// The thread that did the file work is gone.
    #[error("the work on the files was broken off")]
    BrokenOff,
}

impl Error {
    pub(super) fn file<'a>(
        action: &'static str,
        path: &'a std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::File { action, path: path.into(), source }
    }
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Api(error) => error.code(),
            Self::File { .. } => "WIKI_FILE",
            Self::Memory { .. } => "WIKI_MEMORY",
            Self::Version { .. } => "WIKI_VERSION",
            Self::Locked { .. } => "WIKI_LOCKED",
            Self::Mount { .. } => "WIKI_MOUNT",
            Self::NotSynced { .. } => "WIKI_NOT_SYNCED",
            Self::Content { .. } => "WIKI_CONTENT",
            Self::Answer { .. } => "WIKI_ANSWER",
            Self::Conflicts { .. } => "WIKI_CONFLICTS",
            Self::NoChanges => "WIKI_NO_CHANGES",
            Self::Unsuitable { .. } => "WIKI_UNSUITABLE",
            Self::Busy { .. } => "WIKI_BUSY",
            Self::StaleGeneration { .. } => "STALE_GENERATION",
            Self::UnknownOutcome { .. } => "WIKI_UNKNOWN_OUTCOME",
            Self::NoPage { .. } => "WIKI_NO_PAGE",
            Self::NotText { .. } => "WIKI_NOT_TEXT",
            Self::BrokenOff => "WIKI_BROKEN_OFF",
        }
    }
}
