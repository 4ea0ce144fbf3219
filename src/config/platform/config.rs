//! What the platform sends, before anything is done with it.

use serde_json::{Map, Value};

use super::refusal::{Refusal, SCHEMA_VERSION};
use super::schema::{self, INCLUDE};
use super::trust::Trust;
use crate::config::credential::has_variable;

/// Names through which a careless merge reaches the prototype of every object of the host.
const OBJECT_NAMES: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// A configuration that may be applied: its form is known and every host accepts what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct PlatformConfig {
    /// The platform's name for this state.
    pub version: String,
    /// The configuration as it came, for the cache.
    pub(in crate::config) raw: Map<String, Value>,
    /// Keys for `models.providers.parall`, when the platform sends any.
    pub(in crate::config) provider: Option<Map<String, Value>>,
    /// Keys for `agents.defaults`, when the platform sends any.
    pub(in crate::config) defaults: Option<Map<String, Value>>,
    /// Paths that came and are not applied.
    pub left_out: LeftOut,
}

/// Paths that the platform sent and that are not applied, by the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// The operator does not let the platform decide this.
    pub not_allowed: Vec<String>,
    /// Some supported host does not know it.
    pub unknown: Vec<String>,
}

impl PlatformConfig {
    /// Reads `{version, schema_version?, config}`; more keys are ignored. The cache of version 1.12.0 has the same form.
    /// `trust` says what the platform may decide.
    pub fn parse(text: &str, trust: &Trust) -> Result<Self, Refusal> {
        let malformed = |reason: &str| Refusal::Malformed(reason.to_owned());
        let value: Value =
            serde_json::from_str(text).map_err(|error| Refusal::Malformed(position(&error)))?;
        let Value::Object(mut fields) = value else { return Err(malformed("it is not an object")) };
        match fields.get("schema_version") {
            None | Some(Value::Null) => {}
            Some(Value::Number(number))
                if number.as_f64().is_some_and(|number| number <= SCHEMA_VERSION) => {}
            Some(Value::Number(number)) => return Err(Refusal::SchemaVersion(number.to_string())),
            Some(_) => return Err(Refusal::SchemaVersion("not a number".to_owned())),
        }
        let version = match fields.get("version") {
            Some(Value::String(version)) if !version.is_empty() => version.clone(),
            Some(Value::Number(version)) => version.to_string(),
            _ => return Err(malformed("version is missing")),
        };
        let Some(Value::Object(raw)) = fields.remove("config") else {
            return Err(malformed("config is not an object"));
        };
        let mut left_out = LeftOut::default();
        let provider = section(&raw, &schema::PROVIDER, trust, &mut left_out)?;
        let defaults = section(&raw, &schema::DEFAULTS, trust, &mut left_out)?;
        Ok(Self { version, raw, provider, defaults, left_out })
    }

    /// Whether the cache needs no change to hold the other one.
    pub(in crate::config) fn is_same_as(&self, other: &Self) -> bool {
        self.version == other.version && self.raw == other.raw
    }
}

/// Place of a fault in JSON text. The library's own message may quote the text.
fn position(error: &serde_json::Error) -> String {
    format!("not JSON at line {} column {}", error.line(), error.column())
}

/// The checked keys of a section of ours, without those that a host would refuse.
fn section(
    config: &Map<String, Value>,
    section: &schema::Section,
    trust: &Trust,
    left_out: &mut LeftOut,
) -> Result<Option<Map<String, Value>>, Refusal> {
    let mut fields = config;
    for (depth, key) in section.path.iter().enumerate() {
        fields = match fields.get(*key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(next)) => next,
            Some(_) => {
                let path = section.path[..=depth].join(".");
                return Err(Refusal::Host { path, reason: "is not an object".to_owned() });
            }
        };
    }
    check_references(fields, &section.name())?;
    let mut fields = fields.clone();
    // The credential is the account's own.
    for key in section.never {
        fields.shift_remove(*key);
    }
    trust.restrict(&mut fields, section.path, &mut left_out.not_allowed);
    section.check(&mut fields, &mut left_out.unknown)?;
    if let Some(address) = section.address.and_then(|key| fields.get(key)?.as_str()) {
        trust.check_address(
            address,
            &format!("{}.{}", section.name(), section.address.unwrap_or_default()),
        )?;
    }
    Ok(Some(fields))
}

/// Hosts put environment variables and files in the place of `${NAME}`, `$NAME` and `$include`. Those are the user's, and
/// nothing the platform sends may ask for them. Names that mean something to JavaScript's own objects are refused, too.
fn check_references(fields: &Map<String, Value>, path: &str) -> Result<(), Refusal> {
    fields.iter().try_for_each(|(key, value)| {
        let path = format!("{path}.{key}");
        if key == INCLUDE {
            return Err(Refusal::Host { path, reason: "asks for a file of the user".to_owned() });
        }
        if OBJECT_NAMES.contains(&key.as_str()) || is_reference(key) {
            return Err(Refusal::Host { path, reason: "is not the name of a setting".to_owned() });
        }
        check_reference(value, &path)
    })
}

/// Whether a text is, or contains, a reference to the user's environment. `$NAME` and `secretref-env:NAME` are the short forms
/// of newer hosts.
fn is_reference(text: &str) -> bool {
    let is_short = text.strip_prefix('$').is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    is_short || has_variable(text) || text.starts_with("secretref")
}

fn check_reference(value: &Value, path: &str) -> Result<(), Refusal> {
    match value {
        Value::String(text) if is_reference(text) => Err(Refusal::Host {
            path: path.to_owned(),
            reason: "asks for an environment variable of the user".to_owned(),
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_reference(item, &format!("{path}.{index}"))),
        Value::Object(fields) => check_references(fields, path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PlatformConfig, Refusal> {
        PlatformConfig::parse(text, &Trust::new("https://p", None, &[]))
    }

    const PROVIDER: &str = r#"{"baseUrl": "https://p", "models": [{"id": "m", "name": "M"}]}"#;

    fn config(provider: &str, more: &str) -> String {
        format!(
            r#"{{"version": "v1", "config": {{"models": {{"providers": {{"parall": {provider}}}}}}}{more}}}"#
        )
    }

    #[test]
    fn the_form_is_read_with_and_without_a_schema_version() {
        for more in ["", r#", "schema_version": 1"#, r#", "schema_version": null, "fetchedAt": 12"#]
        {
            let found = parse(&config(PROVIDER, more)).unwrap();
            assert_eq!(
                (found.version.as_str(), found.provider.unwrap().len(), found.defaults),
                ("v1", 2, None)
            );
        }
    }

    #[test]
    fn newer_and_strange_schema_versions_are_refused() {
        for version in ["2", "1.5", "\"1\"", "true", "[1]", "1e400"] {
            let refused = parse(&config(PROVIDER, &format!(r#", "schema_version": {version}"#)));
            assert!(
                matches!(refused, Err(Refusal::SchemaVersion(_) | Refusal::Malformed(_))),
                "{version}"
            );
        }
    }

    #[test]
    fn what_no_host_takes_is_refused_or_left_out() {
        let unknown = r#"{"baseUrl": "https://p", "colour": 1, "models": [{"id": "m", "name": "M", "shape": {}}]}"#;
        let all = Trust::new("https://p", Some("all"), &[]);
        let found = PlatformConfig::parse(&config(unknown, ""), &all).unwrap();
        assert_eq!(
            found.left_out.unknown,
            ["models.providers.parall.colour", "models.providers.parall.models.0.shape"]
        );
        for (provider, path) in [
            (r#"{"baseUrl": 1, "models": []}"#, "models.providers.parall.baseUrl"),
            (r#"{"baseUrl": "https://p", "models": {}}"#, "models.providers.parall.models"),
            (
                r#"{"baseUrl": "https://p", "models": [{"id": "m"}]}"#,
                "models.providers.parall.models.0.name",
            ),
            ("[]", "models.providers.parall"),
        ] {
            match parse(&config(provider, "")) {
                Err(Refusal::Host { path: found, .. }) => assert_eq!(found, path),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_platform_does_not_set_the_credential() {
        let provider = r#"{"baseUrl": "https://p", "apiKey": "theirs", "models": []}"#;
        assert!(!parse(&config(provider, "")).unwrap().provider.unwrap().contains_key("apiKey"));
    }

    #[test]
    fn the_platform_cannot_ask_for_what_is_the_users() {
        for provider in [
            r#"{"baseUrl": "https://p/${ANTHROPIC_API_KEY}", "models": []}"#,
            r#"{"baseUrl": "https://p", "headers": {"x": "${HOME}"}, "models": []}"#,
            r#"{"baseUrl": "https://p", "models": [{"id": "m", "name": "${HOME}"}]}"#,
            r#"{"baseUrl": "https://p", "headers": {"$include": "/etc/passwd"}, "models": []}"#,
            r#"{"baseUrl": "https://p", "headers": {"x": "$HOME"}, "models": []}"#,
            r#"{"baseUrl": "https://p", "headers": {"x": "secretref-env:HOME"}, "models": []}"#,
            r#"{"baseUrl": "https://p", "headers": {"__proto__": {"x": "y"}}, "models": []}"#,
            r#"{"baseUrl": "https://p", "__proto__": {"polluted": true}, "models": []}"#,
            r#"{"baseUrl": "https://p", "headers": {"${HOME}": "x"}, "models": []}"#,
        ] {
            assert!(
                matches!(parse(&config(provider, "")), Err(Refusal::Host { .. })),
                "{provider}"
            );
        }
    }

    #[test]
    fn messages_never_quote_what_came() {
        let text = config(r#"{"baseUrl": {"secret-value": 1}, "models": []}"#, "")
            .replace("v1", "secret-value");
        for text in [&text[..], &text[..40], r#"{"version": "secret-value"}"#, "secret-value"] {
            assert!(!parse(text).unwrap_err().to_string().contains("secret-value"));
        }
    }
}
