//! Settings of access that say nothing clear. Whoever wrote one counts on it, so none is passed over.

use crate::error::Coded;

/// Why the settings are no rules. Every text names the setting.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A value of a kind that the setting does not take.
    #[error("channels.parall.{setting} has to be {expected}")]
    Form {
        /// Where it is.
        setting: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A list with something else than ids.
    #[error(
        "channels.parall.{setting}: \"{value}\" is no id; names can change hands, so write {expected}"
    )]
    Id {
        /// Where it is.
        setting: String,
        /// What is there, shortened.
        value: String,
        /// What an id looks like.
        expected: &'static str,
    },
    /// A list that is too long.
    #[error("channels.parall.{setting} has more than {most} entries")]
    TooMany {
        /// Where it is.
        setting: String,
        /// How many it may have.
        most: usize,
    },
    /// A policy beside a list that it leaves without effect.
    #[error(
        "channels.parall.{policy} admits more than channels.parall.{list} names; remove one of the two"
    )]
    Contradiction {
        /// The policy.
        policy: &'static str,
        /// The list.
        list: &'static str,
    },
    /// Pairing, which other channels offer.
    #[error(
        "channels.parall.{setting}: there is no pairing, because Parall knows its members; write \"allowlist\" and their ids into channels.parall.{list}"
    )]
    Pairing {
        /// The policy.
        setting: &'static str,
        /// The list.
        list: &'static str,
    },
    /// A setting that is not known.
    #[error("channels.parall.{setting} is not known{hint}")]
    Unknown {
        /// Where it is.
        setting: String,
        /// What to do, if that can be said.
        hint: &'static str,
    },
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        "PARALL_ACCESS"
    }
}
