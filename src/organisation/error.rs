//! Why something in the organisation could not be read or done.

use std::fmt::Write;
use std::path::PathBuf;

use crate::api;
use crate::error::Coded;
use crate::text::one_line;

/// Longest name of others that a message repeats, in characters.
const LONGEST_NAME: usize = 80;
/// Most candidates that a message lists.
const MOST_LISTED: usize = 8;

/// Somebody or something that a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// Its name, as others chose it.
    pub name: String,
}

/// An error of this module. No text holds a control character of others, or the key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Parall could not be asked, or said no.
    #[error(transparent)]
    Api(Box<api::Error>),
    /// Nothing has that name.
    #[error("no {what} is called {name:?}{}", listed("there are", candidates))]
    UnknownName {
        /// What was looked for, such as "chat".
        what: &'static str,
        /// The name.
        name: String,
        /// What there is, or what is spelt alike.
        candidates: Vec<Candidate>,
    },
    /// Several things have that name, or begin with it.
    #[error(
        "{name:?} may mean more than one {what}{}; use the id",
        listed("candidates are", candidates)
    )]
    AmbiguousName {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// What it may mean.
        candidates: Vec<Candidate>,
    },
    /// An id of another kind than is needed.
    #[error("{id} is not the id of a {what} ({prefix}...)")]
    WrongId {
        /// What is needed.
        what: &'static str,
        /// The prefix its ids have.
        prefix: &'static str,
        /// What was given.
        id: String,
    },
    /// An input that cannot be used; nothing was sent.
    #[error("{what} cannot be used: {reason}")]
    Invalid {
        /// What was given, such as "the text".
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// A write was sent, and nobody knows whether the server did it. It was not repeated.
    #[error("nobody knows whether {what}: {advice}")]
    UnknownOutcome {
        /// What may have happened, such as "the task was created".
        what: &'static str,
        /// What to do now.
        advice: String,
        /// Why it is not known.
        #[source]
        source: Box<api::Error>,
    },
    /// A local file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl From<api::Error> for Error {
    fn from(error: api::Error) -> Self {
        Self::Api(Box::new(error))
    }
}

impl Error {
    /// What a name may have meant.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::UnknownName { candidates, .. } | Self::AmbiguousName { candidates, .. } => {
                candidates
            }
            _ => &[],
        }
    }

    /// The error of the client, where there is one.
    pub fn api(&self) -> Option<&api::Error> {
        match self {
            Self::Api(error) | Self::UnknownOutcome { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Api(error) => error.code(),
            Self::UnknownName { .. } => "PARALL_UNKNOWN_NAME",
            Self::AmbiguousName { .. } => "PARALL_AMBIGUOUS_NAME",
            Self::WrongId { .. } => "PARALL_WRONG_ID",
            Self::Invalid { .. } => "PARALL_INVALID",
            Self::UnknownOutcome { .. } => "PARALL_UNKNOWN_OUTCOME",
            Self::File { .. } => "PARALL_FILE",
        }
    }
}

/// A name of others on one line of bounded length, without characters that hide or move others.
pub fn shown(name: &str) -> String {
    one_line(name, LONGEST_NAME)
}

fn listed(intro: &str, candidates: &[Candidate]) -> String {
    let mut text = String::new();
    for (index, candidate) in candidates.iter().take(MOST_LISTED).enumerate() {
        let separator = if index == 0 { format!("; {intro} ") } else { ", ".to_owned() };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}{} ({})", shown(&candidate.name), shown(&candidate.id));
    }
    if candidates.len() > MOST_LISTED {
        let _ = write!(text, " and {} more", candidates.len() - MOST_LISTED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_listed_up_to_a_bound_and_without_control_characters() {
        let candidates: Vec<_> = (0..10)
            .map(|number| Candidate { id: format!("usr_{number}"), name: "A\nda\u{7}".into() })
            .collect();
        let error = Error::AmbiguousName { what: "member", name: "A".into(), candidates };
        let text = error.to_string();
        assert!(text.contains("A da (usr_0), A da (usr_1)"), "{text}");
        assert!(text.contains("and 2 more; use the id"), "{text}");
    }
}
