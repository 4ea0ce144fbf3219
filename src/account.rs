//! `channels.parall` and `PRLL_*` become accounts. Pure: the environment is passed in.

use serde_json::{Map, Value};

/// The only account id; one agent key is one account.
pub const DEFAULT_ACCOUNT_ID: &str = "default";

/// The keys that an environment variable may supply when the file leaves them out.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("parall_url", "PRLL_API_URL"),
    ("api_key", "PRLL_API_KEY"),
    ("org_id", "PRLL_ORG_ID"),
    ("ws_url", "PRLL_WS_URL"),
];

/// The keys without which an account cannot connect.
const REQUIRED: [&str; 3] = ["parall_url", "api_key", "org_id"];

/// An account as the host sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Account id, `default` unless the caller asked for another.
    pub account_id: String,
    /// True unless the section says `enabled: false`.
    pub enabled: bool,
    /// True when URL, key and organisation are all known.
    pub configured: bool,
    /// The section, completed from the environment.
    pub config: Map<String, Value>,
}

/// The account ids of a configuration: one when the section exists, none otherwise.
pub fn list_account_ids(section: Option<&Value>) -> Vec<String> {
    match section {
        Some(Value::Object(_)) => vec![DEFAULT_ACCOUNT_ID.to_owned()],
        _ => Vec::new(),
    }
}

/// Resolves an account from the section `channels.parall` and the environment.
///
/// What stands in the file wins; the environment fills what is missing or blank. A reference `{source: "env", id}` is
/// looked up in the environment too; any other reference stays as it is and leaves the account unconfigured.
pub fn resolve_account(
    section: Option<&Value>,
    account_id: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Account {
    let mut config = section.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, variable) in ENVIRONMENT {
        let value = match config.get(key) {
            None | Some(Value::Null) => environment(variable),
            Some(Value::String(text)) if is_blank(text) => environment(variable),
            Some(Value::Object(reference)) => {
                environment_reference(reference).and_then(&environment)
            }
            Some(_) => None,
        };
        if let Some(value) = value.filter(|value| !is_blank(value)) {
            config.insert(key.to_owned(), Value::String(value));
        }
    }
    Account {
        account_id: account_id.filter(|id| !is_blank(id)).unwrap_or(DEFAULT_ACCOUNT_ID).to_owned(),
        enabled: config.get("enabled") != Some(&Value::Bool(false)),
        configured: REQUIRED.iter().all(|key| {
            config.get(*key).and_then(Value::as_str).is_some_and(|text| !is_blank(text))
        }),
        config,
    }
}

/// The variable that a secret reference of the host names, if it names one.
fn environment_reference(reference: &Map<String, Value>) -> Option<&str> {
    (reference.get("source")? == "env").then_some(())?;
    reference.get("id")?.as_str()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment(name: &str) -> Option<String> {
        (name == "PRLL_API_KEY").then(|| "from-environment".to_owned())
    }

    #[test]
    fn a_section_is_one_account_and_no_section_is_none() {
        assert_eq!(list_account_ids(Some(&json!({}))), ["default"]);
        assert!(list_account_ids(None).is_empty());
        assert!(list_account_ids(Some(&json!("text"))).is_empty());
    }

    #[test]
    fn the_environment_fills_only_what_the_file_leaves_out() {
        let section = json!({"parall_url": "https://a", "org_id": "org_1", "api_key": " "});
        let account = resolve_account(Some(&section), None, environment);
        assert_eq!(account.config["api_key"], "from-environment");
        assert!(account.configured);

        let section = json!({"parall_url": "https://a", "org_id": "org_1", "api_key": "from-file"});
        assert_eq!(
            resolve_account(Some(&section), None, environment).config["api_key"],
            "from-file"
        );
    }

    #[test]
    fn an_environment_reference_is_looked_up_and_another_one_leaves_the_account_unconfigured() {
        let of = |reference: Value| {
            let section =
                json!({"parall_url": "https://a", "org_id": "org_1", "api_key": reference});
            resolve_account(Some(&section), None, environment)
        };
        assert!(
            of(json!({"source": "env", "provider": "default", "id": "PRLL_API_KEY"})).configured
        );
        assert!(!of(json!({"source": "env", "id": "MISSING"})).configured);
        assert!(!of(json!({"source": "file", "id": "/key"})).configured);
    }

    #[test]
    fn only_an_explicit_false_disables() {
        let enabled = |value: Value| {
            resolve_account(Some(&json!({"enabled": value})), None, |_| None).enabled
        };
        assert!(enabled(json!(true)) && enabled(Value::Null) && enabled(json!("false")));
        assert!(!enabled(json!(false)));
    }
}
