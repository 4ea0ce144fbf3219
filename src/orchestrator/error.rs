//! What can go wrong between an event and its answer.

use super::access::AccessError;
use crate::api;
use crate::error::Coded;
use crate::journal;

/// An error of the orchestrator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account was stopped.
    #[error("the Parall account has been stopped")]
    Closed,
    /// It is not known yet which turns the last process left open: the journal cannot be read, or another gateway has it.
    #[error("the Parall account has not started yet; nothing was sent")]
    NotRecovered,
    /// A reply for a turn that is over.
    #[error("no turn {turn_id} is open")]
    UnknownTurn {
        /// The id the caller named.
        turn_id: String,
    },
    /// Text for something that is neither chat nor task.
    #[error("\"{target}\" is not a Parall target; use cht_... for a chat or tsk_... for a task")]
    Target {
        /// What the caller named, shortened.
        target: String,
    },
    /// Nothing to send.
    #[error("there is no text to send to {target}")]
    Empty {
        /// Chat or task.
        target: String,
    },
    /// A file cannot be sent, and so nothing was.
    #[error("nothing was sent, because {name} could not be: {reason}")]
    File {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The server would not take a part.
    #[error("cannot deliver to {target}")]
    Delivery {
        /// Chat or task.
        target: String,
        /// What the server said.
        #[source]
        source: Box<api::Error>,
    },
    /// The server would not take a part before the last start.
    #[error("cannot deliver to {target}: {cause}")]
    Refused {
        /// Chat or task.
        target: String,
        /// What the server said.
        cause: String,
    },
    /// No turn runs for an event.
    #[error("no turn runs for {id}")]
    NotRunning {
        /// Dispatch id, as the caller named it.
        id: String,
    },
    /// The journal cannot do it.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The options cannot make a client.
    #[error("cannot set up the Parall client")]
    Setup(#[source] Box<api::Error>),
    /// The settings do not say clearly who may write to the agent.
    #[error("the account does not start: {0}")]
    Access(#[from] AccessError),
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "PARALL_CLOSED",
            Self::NotRecovered => "PARALL_NOT_READY",
            Self::UnknownTurn { .. } => "PARALL_UNKNOWN_TURN",
            Self::Empty { .. } => "PARALL_EMPTY_TEXT",
            Self::Target { .. } => "PARALL_TARGET",
            Self::File { .. } => "PARALL_FILE",
            Self::Refused { .. } => "PARALL_REFUSED",
            Self::NotRunning { .. } => "PARALL_NOT_RUNNING",
            Self::Journal(error) => error.code(),
            Self::Access(error) => error.code(),
            Self::Delivery { source, .. } | Self::Setup(source) => source.code(),
        }
    }
}
