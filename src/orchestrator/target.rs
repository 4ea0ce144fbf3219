//! Where text can be sent.

use std::fmt;
use std::str::FromStr;

use super::error::Error;

/// What may stand before an id, the longer ones first.
const PREFIXES: [&str; 4] = ["parall:prll://", "parall://", "parall:", "prll://"];

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

    /// Takes `cht_...` and `tsk_...`, bare or behind `prll://`, `parall:`, `parall://` or `parall:prll://`, whose case does not
    /// count. The shim has the same rules for processes without the native part; one table of cases tests both.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim_ascii();
        let bare = PREFIXES.iter().find_map(|prefix| strip_prefix(text, prefix)).unwrap_or(text);
        let is_id = |prefix: &str| {
            bare.strip_prefix(prefix).is_some_and(|rest| {
                !rest.is_empty()
                    && rest
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
            })
        };
        if is_id("cht_") {
            Ok(Self::Chat(bare.to_owned()))
        } else if is_id("tsk_") {
            Ok(Self::Task(bare.to_owned()))
        } else {
            Err(Error::Target { target: text.chars().take(80).collect() })
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Chat(id) | Self::Task(id)) = self;
        formatter.write_str(id)
    }
}

fn strip_prefix<'text>(text: &'text str, prefix: &str) -> Option<&'text str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
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
