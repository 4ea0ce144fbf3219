//! `channels.parall` and `PRLL_*` become accounts. Pure: the environment is passed in.

use serde_json::{Map, Value};

/// The account that a section is by itself.
pub const DEFAULT_ACCOUNT_ID: &str = "default";

/// The keys that an environment variable may supply when the file leaves them out. The agent's key is that of one agent, so its
/// variable is for the default account alone.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("parall_url", "PRLL_API_URL"),
    (KEY, "PRLL_API_KEY"),
    ("org_id", "PRLL_ORG_ID"),
    ("ws_url", "PRLL_WS_URL"),
];
const KEY: &str = "api_key";

/// The keys without which an account cannot connect.
const REQUIRED: [&str; 3] = ["parall_url", KEY, "org_id"];
/// Keys of the channel that are none of an account.
const OF_CHANNEL: [&str; 2] = ["accounts", "defaultAccount"];

/// Ids that hosts take for the default account, because objects of JavaScript have properties of these names.
const RESERVED: [&str; 3] = ["constructor", "prototype", "__proto__"];
/// Most characters of an account id.
const LONGEST_ID: usize = 64;

/// An account as the host sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Account id.
    pub account_id: String,
    /// True unless the section or the account says `enabled: false`.
    pub enabled: bool,
    /// True when URL, key and organisation are all known and nothing else keeps the account from starting.
    pub configured: bool,
    /// What is set, completed from the environment. Address, key and organisation are always texts, empty when unknown.
    pub config: Map<String, Value>,
}

/// An account that a section names.
struct Named<'section> {
    /// The id under which hosts know it.
    id: String,
    settings: Option<&'section Map<String, Value>>,
    /// Its name is an id as it is, no other one is the same for hosts, and it is an object.
    is_valid: bool,
}

/// The account ids of a configuration, the default account first. A section without named accounts is the default account; beside
/// named ones it is one when it has a key of its own.
pub fn list_account_ids(section: Option<&Value>) -> Vec<String> {
    let Some(Value::Object(section)) = section else { return Vec::new() };
    let named = named_accounts(section);
    let is_named = named.iter().any(|account| account.id == DEFAULT_ACCOUNT_ID);
    let has_default = named.is_empty() || is_named || !is_blank(section.get(KEY));
    let others = named.into_iter().map(|account| account.id).filter(|id| id != DEFAULT_ACCOUNT_ID);
    has_default.then(|| DEFAULT_ACCOUNT_ID.to_owned()).into_iter().chain(others).collect()
}

/// Resolves an account from the section `channels.parall` and the environment; without an id the one that `defaultAccount` names,
/// else `default`, else the first one.
///
/// An account's own settings are before those of the section, which are before the environment; the key is never taken over from
/// the section. What is in the file wins; the environment fills what is missing or blank. A reference `{source: "env", id}` is
/// looked up in the environment too. Any other reference, and a value of the wrong type, counts as missing and is not
/// filled: whoever wrote it meant something else. Of two accounts with one key the second is not configured.
pub fn resolve_account(
    section: Option<&Value>,
    account_id: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Account {
    let nothing = Map::new();
    let of_channel = section.and_then(Value::as_object).unwrap_or(&nothing);
    let ids = list_account_ids(section);
    let named = named_accounts(of_channel);
    let account_id = match account_id.map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => canonical_id(id),
        None => default_account_id(of_channel, &ids),
    };
    let Some(mut config) = settings(of_channel, &named, &account_id) else {
        let config = REQUIRED.map(|key| (key.to_owned(), Value::from(""))).into_iter().collect();
        return Account { account_id, enabled: false, configured: false, config };
    };
    let is_off = |config: &Map<String, Value>| config.get("enabled") == Some(&Value::Bool(false));
    for (key, variable) in ENVIRONMENT {
        match setting(&config, key, variable, &account_id, &environment) {
            Some(value) => config.insert(key.to_owned(), Value::String(value)),
            None if REQUIRED.contains(&key) => config.insert(key.to_owned(), Value::from("")),
            None => config.shift_remove(key),
        };
    }
    let is_valid = of_channel
        .get("accounts")
        .is_none_or(|accounts| accounts.is_null() || accounts.is_object())
        && named.iter().all(|account| account.id != account_id || account.is_valid);
    // Nobody but the first one has the key.
    let is_first = named.is_empty()
        || ids.iter().take_while(|id| **id != account_id).all(|other| {
            settings(of_channel, &named, other).is_none_or(|other_settings| {
                let key = setting(&other_settings, KEY, "PRLL_API_KEY", other, &environment);
                is_off(&other_settings)
                    || key.is_none_or(|key| config.get(KEY) != Some(&Value::from(key)))
            })
        });
    Account {
        account_id,
        enabled: !is_off(of_channel) && !is_off(&config),
        configured: is_valid
            && is_first
            && REQUIRED.iter().all(|key| config.get(*key) != Some(&Value::from(""))),
        config,
    }
}

fn default_account_id(section: &Map<String, Value>, ids: &[String]) -> String {
    let named = section.get("defaultAccount").and_then(Value::as_str).map(str::trim);
    let wanted = named.filter(|id| !id.is_empty()).map(canonical_id).filter(|id| ids.contains(id));
    let is_default = ids.iter().any(|id| id == DEFAULT_ACCOUNT_ID);
    let first = ids.first().filter(|_| !is_default).cloned();
    wanted.or(first).unwrap_or_else(|| DEFAULT_ACCOUNT_ID.to_owned())
}

/// The accounts that a section names, each id once. Hosts write ids small and replace what is neither letter nor digit.
fn named_accounts(section: &Map<String, Value>) -> Vec<Named<'_>> {
    let mut named: Vec<Named<'_>> = Vec::new();
    for (name, value) in section.get("accounts").and_then(Value::as_object).into_iter().flatten() {
        let id = canonical_id(name);
        let settings = value.as_object();
        if let Some(same) = named.iter_mut().find(|account| account.id == id) {
            (same.settings, same.is_valid) = (settings, false);
        } else {
            let is_valid = is_id(name) && settings.is_some();
            named.push(Named { id, settings, is_valid });
        }
    }
    named
}

/// An account id as hosts write it.
fn canonical_id(name: &str) -> String {
    let id = name.trim().to_lowercase();
    let id = if is_plain(&id) {
        id
    } else {
        let mut safe = String::new();
        for character in id.chars() {
            match character {
                'a'..='z' | '0'..='9' | '_' | '-' => safe.push(character),
                _ if safe.ends_with(REPLACED) => {}
                _ => safe.push(REPLACED),
            }
        }
        let safe: String = safe
            .chars()
            .map(|character| if character == REPLACED { '-' } else { character })
            .collect();
        safe.trim_matches('-').chars().take(LONGEST_ID).collect()
    };
    match id.as_str() {
        "" => "invalid".to_owned(),
        reserved if RESERVED.contains(&reserved) => format!("invalid-{}", id.replace('_', "")),
        _ => id,
    }
}

/// Stands for a run of characters that no id has.
const REPLACED: char = ' ';

fn is_plain(id: &str) -> bool {
    id.len() <= LONGEST_ID
        && id.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
}

fn is_id(name: &str) -> bool {
    is_plain(name) && !RESERVED.contains(&name)
}

/// What holds for an account; nothing when there is no such account.
fn settings(
    section: &Map<String, Value>,
    named: &[Named<'_>],
    id: &str,
) -> Option<Map<String, Value>> {
    let is_default = id == DEFAULT_ACCOUNT_ID;
    let account = named.iter().find(|account| account.id == id);
    if account.is_none() && !is_default {
        return None;
    }
    let own = account.and_then(|account| account.settings).into_iter().flatten();
    let shared = section.iter().filter(|(name, _)| is_default || *name != KEY);
    let all = shared.chain(own.filter(|(_, value)| !value.is_null()));
    let all = all.filter(|(name, _)| !OF_CHANNEL.contains(&name.as_str()));
    Some(all.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A setting without blanks around it, if there is one.
fn setting(
    settings: &Map<String, Value>,
    key: &str,
    variable: &str,
    account_id: &str,
    environment: &impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let is_filled = key != KEY || account_id == DEFAULT_ACCOUNT_ID;
    let value = match settings.get(key) {
        blank if is_blank(blank) => is_filled.then(|| environment(variable)).flatten(),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Object(reference)) => environment_reference(reference).and_then(environment),
        _ => None,
    }?;
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn is_blank(written: Option<&Value>) -> bool {
    match written {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
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
