//! The account's credential, as its user gave it.

use std::env;

use serde_json::{Value, json};

/// The environment variable that may hold the key.
const VARIABLE: &str = "PRLL_API_KEY";

/// What is written as `apiKey` of the provider.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// `${NAME}` or a secret reference: says where the key is, and is no secret itself.
    Reference(Value),
    /// The key in clear.
    Clear(String),
}

impl Credential {
    /// Chooses the form to write.
    ///
    /// `written` is what is at `channels.parall.api_key`, in the file and not resolved; `current` is what is at the
    /// provider already. A reference is copied as a reference. A key that came from the environment is referred to by its
    /// variable. A key in clear is written only if it is in clear in the file, or if the caller alone knows it.
    pub(super) fn choose(key: &str, written: Option<&Value>, current: Option<&Value>) -> Self {
        if let Some(current) = current
            && variable(current).is_some_and(|name| env::var(name).is_ok_and(|value| value == key))
        {
            return Self::Reference(current.clone());
        }
        match written {
            Some(Value::String(text)) if has_variable(text) => Self::Reference(json!(text)),
            Some(Value::String(text)) if !text.trim().is_empty() => {
                Self::Clear(text.trim().to_owned())
            }
            Some(reference @ Value::Object(_)) => Self::Reference(reference.clone()),
            _ if env::var(VARIABLE).is_ok_and(|value| value.trim() == key) => {
                Self::Reference(json!(format!("${{{VARIABLE}}}")))
            }
            _ => Self::Clear(key.to_owned()),
        }
    }

    /// As it is in the file.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Reference(value) => value.clone(),
            Self::Clear(key) => Value::String(key.clone()),
        }
    }

    pub(super) fn is_clear(&self) -> bool {
        matches!(self, Self::Clear(_))
    }
}

/// Whether hosts would put the value of an environment variable into this text.
pub(super) fn has_variable(text: &str) -> bool {
    text.match_indices("${").any(|(start, _)| {
        text[start..].find('}').is_some_and(|end| is_name(&text[start + 2..start + end]))
    })
}

/// The variable's name if a value is nothing but a reference to one.
fn variable(value: &Value) -> Option<&str> {
    let name = match value {
        Value::String(text) => text.strip_prefix("${")?.strip_suffix('}')?,
        Value::Object(reference) if reference.get("source")? == "env" => {
            reference.get("id")?.as_str()?
        }
        _ => return None,
    };
    is_name(name).then_some(name)
}

/// Hosts replace names of upper-case letters, digits and underscores only.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_copied_and_clear_keys_stay_clear() {
        let secret = json!({"source": "file", "provider": "vault", "id": "/parall"});
        let cases = [
            (Some(json!("${MY_KEY}")), json!("${MY_KEY}")),
            (Some(json!("prefix-${MY_KEY}")), json!("prefix-${MY_KEY}")),
            (Some(secret.clone()), secret),
            (Some(json!(" clear ")), json!("clear")),
            (Some(json!("")), json!("given")),
            (None, json!("given")),
        ];
        for (written, expected) in cases {
            assert_eq!(Credential::choose("given", written.as_ref(), None).value(), expected);
        }
    }

    #[test]
    fn a_reference_that_resolves_to_the_key_stays() {
        let path = env::var("PATH").unwrap();
        for current in
            [json!("${PATH}"), json!({"source": "env", "provider": "default", "id": "PATH"})]
        {
            assert_eq!(
                Credential::choose(&path, Some(&json!("clear")), Some(&current)).value(),
                current
            );
            assert_eq!(
                Credential::choose("other", Some(&json!("clear")), Some(&current)).value(),
                json!("clear")
            );
        }
    }

    #[test]
    fn only_names_that_hosts_replace_are_variables() {
        assert!(has_variable("${A_1}") && has_variable("x${_B}y"));
        assert!(
            !has_variable("${lower}")
                && !has_variable("${}")
                && !has_variable("$A")
                && !has_variable("${A")
        );
    }
}
