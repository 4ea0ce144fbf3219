//! One way to fail: an exit code and a JSON object.

use serde_json::{Value, json};

use crate::api;
use crate::config;
use crate::error::{Coded, chain};
use crate::fs;
use crate::organisation;

/// How a command ends that does not succeed. The numbers are documented and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Wrong usage, an unknown or ambiguous name, no account.
    Usage = 1,
    /// The server said no.
    Refused = 2,
    /// No connection, no answer in time, or an answer that is not Parall's.
    Network = 3,
    /// A write was sent, and nobody knows what became of it.
    Unknown = 4,
    /// A local file.
    LocalFile = 5,
}

/// Why a command failed. Boxed, so that results stay small.
#[derive(Debug)]
pub(super) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    exit: Exit,
    /// The server's own code where it gave one, else a stable one that begins with `PARALL_`.
    code: String,
    message: String,
    /// The server's HTTP status.
    status: Option<u16>,
    /// Seconds.
    retry_after: Option<f64>,
    /// More fields, such as `candidates`.
    details: Vec<(&'static str, Value)>,
}

impl Failure {
    /// A failure of the caller's own making.
    pub(super) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        let details = Vec::new();
        Self(Box::new(Parts { exit, code, message, status: None, retry_after: None, details }))
    }

    /// The command was typed in a way that cannot work.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "PARALL_USAGE", message)
    }

    /// A local file cannot be used.
    pub(super) fn local_file(message: impl Into<String>) -> Self {
        Self::new(Exit::LocalFile, "PARALL_FILE", message)
    }

    /// The same with a further field in the JSON object.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.0.details.push((key, value.into()));
        self
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The sentence.
    pub(super) fn message(&self) -> &str {
        &self.0.message
    }

    /// The object for standard error.
    pub(super) fn to_json(&self) -> Value {
        let Parts { code, message, status, retry_after, details, .. } = &*self.0;
        let mut json = json!({ "code": code, "message": message, "status": status, "retry_after": retry_after });
        for (key, value) in details {
            json[*key] = value.clone();
        }
        json
    }

    fn of_api(exit: Exit, error: &api::Error, code: &str, message: String) -> Self {
        let own_code = match error {
            api::Error::Status { error_code, .. } => error_code.as_deref(),
            _ => None,
        };
        let mut failure = Self::new(exit, own_code.unwrap_or(code), message);
        failure.0.status = error.status();
        failure.0.retry_after = error.retry_after().map(|time| time.as_secs_f64());
        failure
    }
}

impl From<api::Error> for Failure {
    fn from(error: api::Error) -> Self {
        let exit = match error {
            api::Error::Option { .. } | api::Error::Argument { .. } => Exit::Usage,
            api::Error::Status { .. } => Exit::Refused,
            _ => Exit::Network,
        };
        Self::of_api(exit, &error, error.code(), chain(&error))
    }
}

impl From<organisation::Error> for Failure {
    fn from(error: organisation::Error) -> Self {
        use organisation::Error;
        let message = chain(&error);
        match &error {
            Error::Api(_) => match error {
                Error::Api(error) => (*error).into(),
                other => Self::usage(other.to_string()),
            },
            Error::UnknownOutcome { source, .. } => {
                let code = error.code().to_owned();
                let mut failure = Self::of_api(Exit::Unknown, source, &code, message);
                failure.0.code = code;
                failure
            }
            Error::File { .. } => Self::new(Exit::LocalFile, error.code(), message),
            Error::UnknownName { candidates, .. } | Error::AmbiguousName { candidates, .. } => {
                let candidates: Vec<_> = candidates
                    .iter()
                    .map(|candidate| json!({ "id": candidate.id, "name": candidate.name }))
                    .collect();
                Self::new(Exit::Usage, error.code(), message).with("candidates", candidates)
            }
            Error::WrongId { .. } | Error::Invalid { .. } => {
                Self::new(Exit::Usage, error.code(), message)
            }
        }
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        Self::new(Exit::LocalFile, error.code(), chain(&error))
    }
}

impl From<fs::Error> for Failure {
    fn from(error: fs::Error) -> Self {
        Self::local_file(chain(&error))
    }
}
