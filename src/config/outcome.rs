//! What came of an attempt to bring the configuration up to date.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::level::Level;
use crate::text;

/// How many paths a summary names.
const NAMED: usize = 10;
/// Most characters of a version or path in a summary.
const SHOWN: usize = 80;
/// Shown in the place of a secret.
const HIDDEN: &str = "(hidden)";
/// Parts of key names whose values are nobody's business.
const SECRET_KEYS: [&str; 5] = ["key", "token", "secret", "password", "authorization"];
/// Keys whose whole contents may be secret.
const SECRET_SECTIONS: [&str; 1] = ["headers"];

/// What came of it, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The user's file now says what the platform's newest configuration says.
    Updated,
    /// It said so already.
    Unchanged,
    /// The platform could not be asked; the last known good configuration is in the file.
    Cached,
    /// The platform sent something that must not be applied. The last known good configuration stays, or is applied.
    Refused,
    /// The platform could not be asked and there is no configuration to fall back to.
    Unavailable,
    /// The platform has no configuration for this agent, and never sent one.
    Absent,
    /// The operator does not want one.
    Off,
}

impl Status {
    /// The word that JavaScript and the status show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Cached => "cached",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Absent => "none",
            Self::Off => "off",
        }
    }
}

/// A sentence for the log. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub level: Level,
    /// The sentence.
    pub message: String,
}

/// A value of the user's configuration that changes.
#[derive(Clone, PartialEq)]
pub struct Change {
    /// Its path, such as `models.providers.parall.baseUrl`.
    pub path: String,
    /// The file that has it.
    pub file: PathBuf,
    /// What it was; nothing when it was not there.
    before: Option<Value>,
    /// What it becomes.
    after: Value,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// In a word.
    pub status: Status,
    /// Version of the configuration that the user's file now follows.
    pub version: Option<String>,
    /// Whether a file of the user was written.
    pub written: bool,
    /// What changed, or would change.
    pub changes: Vec<Change>,
    /// Paths the platform sent that are not written: it may not decide them, or not every host knows them.
    pub left_out: Vec<String>,
    /// Everything worth a line in the log.
    pub notes: Vec<Note>,
}

impl Outcome {
    /// For the account's status: what came of it and what was left out, on one line.
    pub fn summary(&self) -> String {
        let mut summary = self.status.name().to_owned();
        if !matches!(self.status, Status::Absent | Status::Off) {
            let version = self.version.as_deref().unwrap_or("none");
            summary.push_str(", version ");
            summary.push_str(&text::one_line(version, SHOWN));
        }
        if !self.left_out.is_empty() {
            summary.push_str(", left out: ");
            summary.push_str(&text::list(&self.left_out, NAMED, SHOWN));
        }
        summary
    }
}

impl Change {
    pub(super) fn new(path: String, file: PathBuf, before: Option<Value>, after: Value) -> Self {
        Self { path, file, before, after }
    }

    /// Whether it is the account's key that changes.
    pub(super) fn is_credential(&self) -> bool {
        self.path.ends_with(".apiKey")
    }

    /// JSON text of the old value, secrets hidden.
    pub fn before(&self) -> Option<String> {
        self.before.as_ref().map(|value| self.shown(value))
    }

    /// JSON text of the new value, secrets hidden.
    pub fn after(&self) -> String {
        self.shown(&self.after)
    }

    fn shown(&self, value: &Value) -> String {
        let key = self.path.rsplit('.').next().unwrap_or_default();
        without_secrets(key, value).to_string()
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}: {} -> {}",
            self.path,
            self.before().unwrap_or_default(),
            self.after()
        )
    }
}

/// The value without secrets. References to secrets are shown: they say where to look and nothing more.
fn without_secrets(key: &str, value: &Value) -> Value {
    let is_secret = {
        let key = key.to_ascii_lowercase();
        SECRET_KEYS.iter().any(|part| key.contains(part)) || SECRET_SECTIONS.contains(&key.as_str())
    };
    match value {
        Value::String(text) if is_secret && !is_reference(text) => Value::from(HIDDEN),
        Value::Object(fields) if is_secret && !fields.contains_key("source") => fields
            .keys()
            .map(|key| (key.clone(), Value::from(HIDDEN)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), without_secrets(key, value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => {
            items.iter().map(|item| without_secrets(key, item)).collect::<Vec<_>>().into()
        }
        other => other.clone(),
    }
}

fn is_reference(text: &str) -> bool {
    text.starts_with("${") && text.ends_with('}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_and_references_are_shown() {
        let change = |path: &str, value: Value| {
            Change::new(path.to_owned(), PathBuf::new(), None, value).after()
        };
        assert_eq!(change("a.apiKey", json!("clear")), r#""(hidden)""#);
        assert_eq!(change("a.apiKey", json!("${KEY}")), r#""${KEY}""#);
        assert_eq!(
            change("a.apiKey", json!({"source": "env", "id": "KEY"})),
            r#"{"source":"env","id":"KEY"}"#
        );
        assert_eq!(change("a.headers", json!({"x": "clear"})), r#"{"x":"(hidden)"}"#);
        assert_eq!(
            change("a", json!({"apiKey": "clear", "b": [{"token": "x"}]})),
            r#"{"apiKey":"(hidden)","b":[{"token":"(hidden)"}]}"#
        );
    }
}
