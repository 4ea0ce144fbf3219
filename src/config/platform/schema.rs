//! What every supported host accepts in the sections that the platform may set.
//!
//! The rules come from the hosts' own `config schema`, oldest and newest, reduced to what both accept; see
//! `__test__/js/config-schema.mjs`. A key that some host does not know is taken out, because an optional setting that one host
//! lacks must not cost the others their configuration. Everything else that a host would refuse is an error.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The key that includes files.
pub(in crate::config) const INCLUDE: &str = "$include";

static HOST_SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("host_schema.json")).unwrap_or(Value::Null));

/// A section of the user's configuration that the platform may set, one level deep.
#[derive(Debug)]
pub(in crate::config) struct Section {
    /// Where it is.
    pub(in crate::config) path: &'static [&'static str],
    /// Keys the platform may not set.
    pub(in crate::config) never: &'static [&'static str],
    /// The key that holds an address to which the account's key goes.
    pub(in crate::config) address: Option<&'static str>,
    /// Its name in the schema.
    schema: &'static str,
}

/// The model provider.
pub(in crate::config) static PROVIDER: Section = Section {
    path: &["models", "providers", "parall"],
    never: &["apiKey"],
    address: Some("baseUrl"),
    schema: "provider",
};
/// Defaults of all agents.
pub(in crate::config) static DEFAULTS: Section =
    Section { path: &["agents", "defaults"], never: &[], address: None, schema: "defaults" };

impl Section {
    /// Its path with dots.
    pub(in crate::config) fn name(&self) -> String {
        self.path.join(".")
    }

    /// Checks the keys that the platform sends, takes out those that not every host knows and notes their paths.
    pub(in crate::config) fn check(
        &self,
        fields: &mut Map<String, Value>,
        left_out: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        check_members(fields, &HOST_SCHEMA[self.schema], &self.name(), left_out)
    }

    /// The first key that hosts demand and that is missing once everything is merged.
    pub(in crate::config) fn missing(&self, has: impl Fn(&str) -> bool) -> Option<&'static str> {
        let required = HOST_SCHEMA[self.schema]["required"].as_array();
        required.into_iter().flatten().filter_map(Value::as_str).find(|key| !has(key))
    }
}

fn refuse(path: &str, reason: impl Into<String>) -> Refusal {
    Refusal::Host { path: path.to_owned(), reason: reason.into() }
}

fn check(
    value: &mut Value,
    schema: &Value,
    path: &str,
    left_out: &mut Vec<String>,
) -> Result<(), Refusal> {
    for part in schema["allOf"].as_array().into_iter().flatten() {
        check(value, part, path, left_out)?;
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        return check_forms(value, forms, path, left_out);
    }
    if let Some(choices) = schema["enum"].as_array() {
        return if choices.contains(value) {
            Ok(())
        } else {
            Err(refuse(path, "has a value that hosts do not know"))
        };
    }
    check_type(value, &schema["type"], path)?;
    match value {
        Value::Object(fields) => {
            check_members(fields, schema, path, left_out)?;
            match schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .find(|key| !fields.contains_key(*key))
            {
                Some(key) => Err(refuse(&format!("{path}.{key}"), "is missing")),
                None => Ok(()),
            }
        }
        Value::Array(items) => {
            check_bounds(items.len(), schema, ["minItems", "maxItems"], path)?;
            let item_schema = &schema["items"];
            items.iter_mut().enumerate().try_for_each(|(index, item)| {
                check(item, item_schema, &format!("{path}.{index}"), left_out)
            })
        }
        // JavaScript counts UTF-16 units.
        Value::String(text) => {
            check_bounds(text.encode_utf16().count(), schema, ["minLength", "maxLength"], path)
        }
        Value::Number(number) => check_range(number.as_f64().unwrap_or(f64::NAN), schema, path),
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

/// The value must have one of several forms; one that takes it as it is comes before one that takes keys out.
fn check_forms(
    value: &mut Value,
    forms: &[Value],
    path: &str,
    left_out: &mut Vec<String>,
) -> Result<(), Refusal> {
    let mut best: Option<(Value, Vec<String>)> = None;
    let mut refusal = refuse(path, "has a form that hosts do not know");
    for form in forms {
        let (mut candidate, mut removed) = (value.clone(), Vec::new());
        match check(&mut candidate, form, path, &mut removed) {
            Ok(()) => {
                if best.as_ref().is_none_or(|(_, fewest)| removed.len() < fewest.len()) {
                    best = Some((candidate, removed));
                }
            }
            // A fault deeper inside says more than "wrong type".
            Err(Refusal::Host { path: inner, reason }) if inner.len() > path.len() => {
                refusal = refuse(&inner, reason);
            }
            Err(_) => {}
        }
    }
    let Some((candidate, removed)) = best else { return Err(refusal) };
    *value = candidate;
    left_out.extend(removed);
    Ok(())
}

fn check_members(
    fields: &mut Map<String, Value>,
    schema: &Value,
    path: &str,
    left_out: &mut Vec<String>,
) -> Result<(), Refusal> {
    let (known, others) = (&schema["properties"], &schema["additionalProperties"]);
    let mut checked = Ok(());
    fields.retain(|key, value| {
        let inner = format!("{path}.{key}");
        match known.get(key).unwrap_or(others) {
            Value::Bool(false) => {
                left_out.push(inner);
                return false;
            }
            schema if checked.is_ok() => checked = check(value, schema, &inner, left_out),
            _ => {}
        }
        true
    });
    checked
}

fn check_type(value: &Value, wanted: &Value, path: &str) -> Result<(), Refusal> {
    let is_a = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => false,
    };
    match wanted {
        Value::String(name) if !is_a(name) => Err(refuse(path, format!("is not of type {name}"))),
        Value::Array(names) if !names.iter().filter_map(Value::as_str).any(is_a) => {
            Err(refuse(path, "has the wrong type"))
        }
        _ => Ok(()),
    }
}

fn check_bounds(
    length: usize,
    schema: &Value,
    [least, most]: [&str; 2],
    path: &str,
) -> Result<(), Refusal> {
    let bound = |name: &str| schema[name].as_u64().and_then(|bound| usize::try_from(bound).ok());
    if bound(least).is_some_and(|bound| length < bound) {
        return Err(refuse(path, "is too short"));
    }
    if bound(most).is_some_and(|bound| length > bound) {
        return Err(refuse(path, "is too long"));
    }
    Ok(())
}

fn check_range(number: f64, schema: &Value, path: &str) -> Result<(), Refusal> {
    let bound = |name: &str| schema[name].as_f64();
    let fits = bound("minimum").is_none_or(|bound| number >= bound)
        && bound("exclusiveMinimum").is_none_or(|bound| number > bound)
        && bound("maximum").is_none_or(|bound| number <= bound)
        && bound("exclusiveMaximum").is_none_or(|bound| number < bound);
    if fits { Ok(()) } else { Err(refuse(path, "is out of range")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn checked(section: &Section, value: Value) -> Result<(Value, Vec<String>), Refusal> {
        let Value::Object(mut fields) = value else { panic!("an object") };
        let mut left_out = Vec::new();
        section.check(&mut fields, &mut left_out)?;
        Ok((Value::Object(fields), left_out))
    }

    #[test]
    fn the_schema_is_there() {
        assert_eq!(PROVIDER.missing(|_| false), Some("baseUrl"));
        assert_eq!(PROVIDER.missing(|key| key == "baseUrl"), Some("models"));
        assert_eq!(DEFAULTS.missing(|_| false), None);
    }

    #[test]
    fn both_forms_of_a_model_choice_are_taken() {
        for model in [json!("parall/m"), json!({"primary": "parall/m", "fallbacks": ["a/b"]})] {
            let value = json!({"model": model, "imageModel": model});
            assert_eq!(checked(&DEFAULTS, value.clone()), Ok((value, vec![])));
        }
    }

    #[test]
    fn keys_of_newer_or_older_hosts_are_left_out() {
        let value =
            json!({"model": {"primary": "a/b", "mood": 1}, "cwd": "/tmp", "contextTokens": 5});
        let (value, left_out) = checked(&DEFAULTS, value).unwrap();
        assert_eq!(value, json!({"model": {"primary": "a/b"}}));
        assert_eq!(
            left_out,
            ["agents.defaults.model.mood", "agents.defaults.cwd", "agents.defaults.contextTokens"]
        );
    }

    #[test]
    fn wrong_values_are_refused_with_their_path() {
        for (value, path) in [
            (json!({"model": 5}), "agents.defaults.model"),
            (json!({"model": {"fallbacks": "a/b"}}), "agents.defaults.model.fallbacks"),
            (json!({"maxConcurrent": 0}), "agents.defaults.maxConcurrent"),
            (json!({"maxConcurrent": 1.5}), "agents.defaults.maxConcurrent"),
            (json!({"typingMode": "loud"}), "agents.defaults.typingMode"),
            (json!({"models": {"a/b": {"alias": 1}}}), "agents.defaults.models.a/b.alias"),
            (json!({"workspace": null}), "agents.defaults.workspace"),
        ] {
            match checked(&DEFAULTS, value) {
                Err(Refusal::Host { path: found, .. }) => assert_eq!(found, path),
                other => panic!("{path}: {other:?}"),
            }
        }
    }
}
