//! Where text can be sent.

use std::fmt;
use std::str::FromStr;

use super::error::Error;
use crate::organisation::{Id, Kind};

/// A chat or a task. Ids keep their case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A chat, answered by messages.
    Chat(String),
    /// A task, answered by comments.
    Task(String),
}

impl FromStr for Target {
    type Err = Error;

    /// Takes the id of a chat or task in every spelling of [`Id`]. The shim has the same rules for processes without the native
    /// part; one table of cases tests both.
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

    /// One row of the table that the shim's copy of these rules is tested against, too.
    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        id: Option<String>,
    }

    #[test]
    fn every_row_of_the_table_that_the_shim_shares() {
        let table = include_str!("../../__test__/js/fixtures/targets.json");
        for Case { text, id } in serde_json::from_str::<Vec<Case>>(table).unwrap() {
            let target = text.parse::<Target>().ok();
            assert_eq!(target.as_ref().map(ToString::to_string), id, "{text:?}");
            let is_task = matches!(target, Some(Target::Task(_)));
            assert_eq!(is_task, id.is_some_and(|id| id.starts_with("tsk_")), "{text:?}");
        }
    }
}
