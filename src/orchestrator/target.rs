//! Where text can be sent.

use std::fmt;
use std::str::FromStr;

use super::error::Error;

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

    /// Takes `cht_...` and `tsk_...`, bare or behind `parall:` or `prll://`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bare = text.trim();
        let bare = strip_prefix(bare, "parall:").unwrap_or(bare);
        let bare = strip_prefix(bare, "prll://").unwrap_or(bare).trim();
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
