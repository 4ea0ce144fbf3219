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
    /// The section, completed from the environment. Address, key and organisation are always texts, empty when unknown.
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
/// What is in the file wins; the environment fills what is missing or blank. A reference `{source: "env", id}` is
/// looked up in the environment too. Any other reference, and a value of the wrong type, counts as missing and is not
/// filled: whoever wrote it meant something else. There is no account but [`DEFAULT_ACCOUNT_ID`].
pub fn resolve_account(
    section: Option<&Value>,
    account_id: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Account {
    let account_id = account_id.map(|id| id.trim().to_lowercase()).filter(|id| !id.is_empty());
    let account_id = account_id.unwrap_or_else(|| DEFAULT_ACCOUNT_ID.to_owned());
    if account_id != DEFAULT_ACCOUNT_ID {
        let config = REQUIRED.map(|key| (key.to_owned(), Value::from(""))).into_iter().collect();
        return Account { account_id, enabled: false, configured: false, config };
    }
    let mut config = section.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, variable) in ENVIRONMENT {
        match setting(config.get(key), variable, &environment) {
            Some(value) => config.insert(key.to_owned(), Value::String(value)),
            None if REQUIRED.contains(&key) => config.insert(key.to_owned(), Value::from("")),
            None => config.shift_remove(key),
        };
    }
    Account {
        account_id,
        enabled: config.get("enabled") != Some(&Value::Bool(false)),
        configured: REQUIRED.iter().all(|key| config.get(*key) != Some(&Value::from(""))),
        config,
    }
}

/// A setting without blanks around it, if there is one.
fn setting(
    written: Option<&Value>,
    variable: &str,
    environment: &impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let value = match written {
        None | Some(Value::Null) => environment(variable),
        Some(Value::String(text)) if text.trim().is_empty() => environment(variable),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Object(reference)) => environment_reference(reference).and_then(environment),
        Some(_) => None,
    }?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The variable that a secret reference of the host names, if it names one.
fn environment_reference(reference: &Map<String, Value>) -> Option<&str> {
    (reference.get("source")? == "env").then_some(())?;
    reference.get("id")?.as_str()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// One row of the table that the shim's copy of these rules is tested against, too.
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Case {
        name: String,
        cfg: Value,
        #[serde(default)]
        env: HashMap<String, String>,
        account_id: Option<String>,
        ids: Vec<String>,
        resolved: Resolved,
    }

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Resolved {
        account_id: String,
        enabled: bool,
        configured: bool,
        config: Map<String, Value>,
    }

    #[test]
    fn every_row_of_the_table_that_the_shim_shares() {
        let table = include_str!("../__test__/js/fixtures/accounts.json");
        for case in serde_json::from_str::<Vec<Case>>(table).unwrap() {
            let section = case.cfg.get("channels").and_then(|channels| channels.get("parall"));
            let environment = |name: &str| case.env.get(name).cloned();
            let account = resolve_account(section, case.account_id.as_deref(), environment);
            let Resolved { account_id, enabled, configured, config } = case.resolved;
            assert_eq!(list_account_ids(section), case.ids, "{}", case.name);
            assert_eq!(
                account,
                Account { account_id, enabled, configured, config },
                "{}",
                case.name
            );
        }
    }
}
