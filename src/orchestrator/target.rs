//! Where text can be sent.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use crate::organisation::{Id, Kind};

/// A chat or a task. Ids keep their case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A chat, answered by messages.
    Chat(String),
    /// A task, answered by comments.
    Task(String),
}

impl FromStr for Target {
    type Err = Error;

    /// Takes the id of a chat or task in every spelling of [`Id`].
    fn from_str(text: &str) -> Result<Self, Error> {
        match Id::parse(text) {
            Some(Id { kind: Kind::Chat, text }) => Ok(Self::Chat(text.to_owned())),
            Some(Id { kind: Kind::Task, text }) => Ok(Self::Task(text.to_owned())),
            _ => Err(Error::Target { target: text.trim().chars().take(80).collect() }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Chat(id) | Self::Task(id)) = self;
        formatter.write_str(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_chat_are_one_target_and_case_is_kept() {
        for text in ["cht_Ab1", " parall:cht_Ab1", "prll://cht_Ab1", "PARALL:prll://cht_Ab1"] {
            assert_eq!(text.parse::<Target>().unwrap(), Target::Chat("cht_Ab1".into()), "{text}");
        }
        assert_eq!("tsk_9".parse::<Target>().unwrap(), Target::Task("tsk_9".into()));
    }

    #[test]
    fn what_is_no_target_is_refused_early() {
        for text in ["", "cht_", "usr_1", "general", "cht_a/../b", "parall:", "CHT_1"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
