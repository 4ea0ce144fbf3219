//! What the operator wrote -> rules.
//!
//! The names are those of other channels (`dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom`), so that the audits of hosts read
//! them; `access` has what those names have no word for: tasks, agents, and chats with rules of their own.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::error::Error;
use super::policy::{Access, ChatAccess, Rule};
use crate::organisation::{Id, Kind};
use crate::text::one_line;

/// Most entries of a list, and most chats with rules of their own.
const MOST_ENTRIES: usize = 10_000;
/// How much of a wrong value an error repeats.
const SHOWN: usize = 80;
/// Most turns of one sender in an hour that a chat may be given.
const MOST_TURNS: u64 = 10_000;

/// Stands for everybody in a list.
const EVERYBODY: &str = "*";
const DIRECT: (&str, &str) = ("dmPolicy", "allowFrom");
const GROUPS: (&str, &str) = ("groupPolicy", "groupAllowFrom");
const USER: &str = "usr_..., which `parall members list` shows";
const POLICY: &str = "\"org\", \"allowlist\", \"open\" or \"disabled\"";
const RULE: &str = "\"org\", \"open\", \"none\" or a list of ids";
const LIST: &str = "a list of ids";
const OBJECT: &str = "an object";

impl Access {
    /// Reads `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom`, `groups` and `access` of an account's section; other keys
    /// are not looked at. What is missing or `null` is not set.
    ///
    /// `allowFrom` also holds for groups and tasks that have no rule of their own.
    ///
    /// # Errors
    /// A setting that cannot be read or has no effect: nobody is to count on a limit that is not kept.
    pub fn parse(settings: &Value) -> Result<Self, Error> {
        let nothing = Map::new();
        let settings = match settings {
            Value::Null => &nothing,
            Value::Object(settings) => settings,
            _ => return Err(form("", OBJECT)),
        };
        if let Some(groups) = given(settings, "groups")
            && groups.as_object().is_none_or(|groups| !groups.is_empty())
        {
            let hint = "; write the rules of single chats into channels.parall.access.chats";
            return Err(Error::Unknown { setting: "groups".to_owned(), hint });
        }
        let listed = given(settings, DIRECT.1).map(|list| list_rule(list, DIRECT.1)).transpose()?;
        let listed_groups =
            given(settings, GROUPS.1).map(|list| list_rule(list, GROUPS.1)).transpose()?;
        let fallback = listed.clone().unwrap_or_default();
        let direct = policy(settings, DIRECT, listed.as_ref(), &fallback)?;
        let groups = policy(settings, GROUPS, listed_groups.as_ref(), &fallback)?;
        let access = match given(settings, "access") {
            Some(access) => access.as_object().ok_or_else(|| form("access", OBJECT))?,
            None => &nothing,
        };
        known(access, "access", &["tasks", "agents", "chats"])?;
        let tasks = given(access, "tasks").map(|value| rule(value, "access.tasks")).transpose()?;
        Ok(Self {
            direct,
            groups,
            tasks: tasks.unwrap_or(fallback),
            agents: given(access, "agents")
                .map(|value| rule(value, "access.agents"))
                .transpose()?,
            chats: chats(given(access, "chats"))?,
        })
    }
}

/// The rule of direct chats or of groups: `list` is what its own list says, `fallback` what holds without one.
fn policy(
    settings: &Map<String, Value>,
    (name, list_name): (&'static str, &'static str),
    list: Option<&Rule>,
    fallback: &Rule,
) -> Result<Rule, Error> {
    let Some(policy) = given(settings, name) else {
        return Ok(list.unwrap_or(fallback).clone());
    };
    let is_limited = matches!(list, Some(Rule::Listed(_)));
    match policy.as_str() {
        Some("disabled") => Ok(Rule::Nobody),
        Some("org" | "open") if is_limited => {
            Err(Error::Contradiction { policy: name, list: list_name })
        }
        Some("org") => Ok(Rule::Organisation),
        Some("open") => Ok(Rule::Everybody),
        // Without any list it names nobody.
        Some("allowlist") => Ok(match list.unwrap_or(fallback) {
            Rule::Organisation => Rule::Listed(HashSet::new()),
            rule => rule.clone(),
        }),
        Some("pairing") => Err(Error::Pairing { setting: name, list: list_name }),
        _ => Err(form(name, POLICY)),
    }
}

fn chats(value: Option<&Value>) -> Result<HashMap<String, ChatAccess>, Error> {
    let setting = "access.chats";
    let Some(value) = value else { return Ok(HashMap::new()) };
    let chats = value.as_object().ok_or_else(|| form(setting, OBJECT))?;
    if chats.len() > MOST_ENTRIES {
        return Err(Error::TooMany { setting: setting.to_owned(), most: MOST_ENTRIES });
    }
    let mut known = HashMap::new();
    for (name, value) in chats {
        let id = match Id::parse(name) {
            Some(Id { kind: Kind::Chat, text }) => text.to_owned(),
            _ => return Err(no_id(setting, name, "the chat's cht_...")),
        };
        let setting = format!("{setting}.{id}");
        let own = chat(value, &setting)?;
        if known.insert(id, own).is_some() {
            return Err(Error::Unknown { setting, hint: ": the chat has rules twice" });
        }
    }
    Ok(known)
}

fn chat(value: &Value, setting: &str) -> Result<ChatAccess, Error> {
    let own = value.as_object().ok_or_else(|| form(setting, OBJECT))?;
    known(own, setting, &["allow", "deny", "turns"])?;
    let at = |name: &str| format!("{setting}.{name}");
    let turns = given(own, "turns").map(|turns| match turns.as_u64() {
        Some(turns @ 1..=MOST_TURNS) => usize::try_from(turns).ok(),
        _ => None,
    });
    Ok(ChatAccess {
        allow: given(own, "allow").map(|value| rule(value, &at("allow"))).transpose()?,
        deny: match given(own, "deny") {
            Some(value) => ids(value, &at("deny"), |_| false)?,
            None => HashSet::new(),
        },
        turns: match turns {
            Some(None) => return Err(form(&at("turns"), "a whole number from 1 to 10000")),
            turns => turns.flatten(),
        },
    })
}

/// `"org"`, `"open"`, `"none"` or a list.
fn rule(value: &Value, setting: &str) -> Result<Rule, Error> {
    match value {
        Value::Array(_) => list_rule(value, setting),
        Value::String(word) => match word.as_str() {
            "org" => Ok(Rule::Organisation),
            "open" => Ok(Rule::Everybody),
            "none" => Ok(Rule::Nobody),
            _ => Err(form(setting, RULE)),
        },
        _ => Err(form(setting, RULE)),
    }
}

/// A list in which `*` stands for everybody.
fn list_rule(value: &Value, setting: &str) -> Result<Rule, Error> {
    let is_all = |entry: &Value| entry.as_str() == Some(EVERYBODY);
    let is_everybody = value.as_array().is_some_and(|list| list.iter().any(is_all));
    let ids = ids(value, setting, is_all)?;
    Ok(if is_everybody { Rule::Everybody } else { Rule::Listed(ids) })
}

/// The ids of a list, without what is passed over.
fn ids(
    value: &Value,
    setting: &str,
    is_passed: impl Fn(&Value) -> bool,
) -> Result<HashSet<String>, Error> {
    let list = value.as_array().ok_or_else(|| form(setting, LIST))?;
    if list.len() > MOST_ENTRIES {
        return Err(Error::TooMany { setting: setting.to_owned(), most: MOST_ENTRIES });
    }
    let read = |(place, entry): (usize, &Value)| {
        let setting = format!("{setting}[{place}]");
        let text = entry.as_str().ok_or_else(|| form(&setting, "a text"))?;
        match Id::parse(text) {
            Some(Id { kind: Kind::User, text }) => Ok(text.to_owned()),
            _ => Err(no_id(&setting, text, USER)),
        }
    };
    let entries = list.iter().enumerate().filter(|(_, entry)| !is_passed(entry));
    entries.map(read).collect()
}

/// A setting, unless it is missing or `null`.
fn given<'map>(settings: &'map Map<String, Value>, name: &str) -> Option<&'map Value> {
    settings.get(name).filter(|value| !value.is_null())
}

/// Refuses what is no known setting: it may be a limit, misspelt.
fn known(settings: &Map<String, Value>, place: &str, names: &[&str]) -> Result<(), Error> {
    match settings.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            Err(Error::Unknown { setting: format!("{place}.{}", one_line(name, SHOWN)), hint: "" })
        }
    }
}

fn form(setting: &str, expected: &'static str) -> Error {
    Error::Form { setting: setting.to_owned(), expected }
}

fn no_id(setting: &str, value: &str, expected: &'static str) -> Error {
    Error::Id { setting: setting.to_owned(), value: one_line(value, SHOWN), expected }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_kept_is_refused_with_the_name_of_the_setting() {
        let chat = |own: Value| json!({ "access": { "chats": { "cht_1": own } } });
        for (settings, said) in [
            (json!([]), "has to be an object"),
            (json!("open"), "has to be an object"),
            (json!({ "dmPolicy": "pairing" }), "channels.parall.dmPolicy: there is no pairing"),
            (json!({ "dmPolicy": "Open" }), "channels.parall.dmPolicy has to be"),
            (json!({ "groupPolicy": true }), "channels.parall.groupPolicy has to be"),
            (
                json!({ "dmPolicy": "open", "allowFrom": ["usr_1"] }),
                "channels.parall.dmPolicy admits more",
            ),
            (
                json!({ "groupPolicy": "org", "groupAllowFrom": [] }),
                "channels.parall.groupPolicy admits more",
            ),
            (json!({ "allowFrom": "usr_1" }), "channels.parall.allowFrom has to be a list"),
            (
                json!({ "allowFrom": { "0": "usr_1" } }),
                "channels.parall.allowFrom has to be a list",
            ),
            (json!({ "allowFrom": ["usr_1", 7] }), "channels.parall.allowFrom[1] has to be a text"),
            (json!({ "allowFrom": ["@ada"] }), "channels.parall.allowFrom[0]: \"@ada\" is no id"),
            (
                json!({ "allowFrom": ["*", "Ada"] }),
                "channels.parall.allowFrom[1]: \"Ada\" is no id",
            ),
            (json!({ "allowFrom": ["USR_1"] }), "channels.parall.allowFrom[0]: \"USR_1\" is no id"),
            (
                json!({ "allowFrom": ["usr_1\u{1b}[2J"] }),
                "channels.parall.allowFrom[0]: \"usr_1 [2J\" is no id",
            ),
            (json!({ "allowFrom": ["usr_../x"] }), "is no id"),
            (
                json!({ "groupAllowFrom": ["cht_1"] }),
                "channels.parall.groupAllowFrom[0]: \"cht_1\" is no id",
            ),
            (
                json!({ "groups": { "cht_1": {} } }),
                "channels.parall.groups is not known; write the rules",
            ),
            (json!({ "groups": [] }), "channels.parall.groups is not known"),
            (json!({ "access": [] }), "channels.parall.access has to be an object"),
            (
                json!({ "access": { "people": ["usr_1"] } }),
                "channels.parall.access.people is not known",
            ),
            (json!({ "access": { "agents": "off" } }), "channels.parall.access.agents has to be"),
            (json!({ "access": { "tasks": 1 } }), "channels.parall.access.tasks has to be"),
            (json!({ "access": { "chats": [] } }), "channels.parall.access.chats has to be"),
            (
                json!({ "access": { "chats": { "general": {} } } }),
                "access.chats: \"general\" is no id",
            ),
            (
                json!({ "access": { "chats": { "cht_1": {}, "prll://cht_1": {} } } }),
                "the chat has rules twice",
            ),
            (chat(json!("none")), "channels.parall.access.chats.cht_1 has to be an object"),
            (
                chat(json!({ "enabled": false })),
                "channels.parall.access.chats.cht_1.enabled is not known",
            ),
            (chat(json!({ "deny": "usr_1" })), "access.chats.cht_1.deny has to be a list"),
            (chat(json!({ "deny": ["*"] })), "access.chats.cht_1.deny[0]: \"*\" is no id"),
            (chat(json!({ "turns": 0 })), "access.chats.cht_1.turns has to be a whole number"),
            (chat(json!({ "turns": 1.5 })), "access.chats.cht_1.turns has to be a whole number"),
            (chat(json!({ "turns": "3" })), "access.chats.cht_1.turns has to be a whole number"),
        ] {
            let error = Access::parse(&settings).unwrap_err().to_string();
            assert!(error.contains(said), "{settings}: {error}");
            assert!(!error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn nothing_is_the_organisation_and_other_settings_are_not_looked_at() {
        let null = json!({ "dmPolicy": null, "allowFrom": null, "groups": {}, "access": { "agents": null }, "max_forks": [] });
        for settings in [json!(null), json!({}), null] {
            assert_eq!(Access::parse(&settings), Ok(Access::default()), "{settings}");
        }
    }

    #[test]
    fn a_list_is_bounded() {
        let entries =
            |count: usize| (0..count).map(|number| format!("usr_{number}")).collect::<Vec<_>>();
        assert!(Access::parse(&json!({ "allowFrom": entries(MOST_ENTRIES) })).is_ok());
        let error = Access::parse(&json!({ "allowFrom": entries(MOST_ENTRIES + 1) })).unwrap_err();
        assert_eq!(error.to_string(), "channels.parall.allowFrom has more than 10000 entries");
    }
}
