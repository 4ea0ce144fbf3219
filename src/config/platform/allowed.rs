//! The keys that choose among the platform's models, and taking out all others.

use serde_json::{Map, Value};

/// The provider that the platform supplies.
const PROVIDER_PREFIX: &str = "parall/";

/// A key that the platform may set. `*` stands for any name or index; everything below the path is included.
struct Allowed {
    path: &'static [&'static str],
    /// The values it may have; any that hosts accept when empty.
    values: &'static [&'static str],
}

const fn any(path: &'static [&'static str]) -> Allowed {
    Allowed { path, values: &[] }
}

/// Interfaces that use the provider's own key. Others make the host use credentials of its user (AWS, GitHub), or take the
/// address from the environment (Azure).
const INTERFACES: &[&str] = &[
    "openai-completions",
    "openai-responses",
    "anthropic-messages",
    "google-generative-ai",
    "ollama",
];

/// What [`Scope::Models`] includes; `docs/platform-config.md` gives the reason for each.
const MODELS: &[Allowed] = &[
    any(&["models", "providers", "parall", "baseUrl"]),
    Allowed { path: &["models", "providers", "parall", "api"], values: INTERFACES },
    Allowed { path: &["models", "providers", "parall", "auth"], values: &["api-key"] },
    any(&["models", "providers", "parall", "authHeader"]),
    any(&["models", "providers", "parall", "injectNumCtxForOpenAICompat"]),
    any(&["models", "providers", "parall", "models", "*", "id"]),
    any(&["models", "providers", "parall", "models", "*", "name"]),
    Allowed { path: &["models", "providers", "parall", "models", "*", "api"], values: INTERFACES },
    any(&["models", "providers", "parall", "models", "*", "reasoning"]),
    any(&["models", "providers", "parall", "models", "*", "input"]),
    any(&["models", "providers", "parall", "models", "*", "cost"]),
    any(&["models", "providers", "parall", "models", "*", "contextWindow"]),
    any(&["models", "providers", "parall", "models", "*", "maxTokens"]),
    any(&["models", "providers", "parall", "models", "*", "compat"]),
    any(&["agents", "defaults", "model"]),
    any(&["agents", "defaults", "imageModel"]),
    any(&["agents", "defaults", "pdfModel"]),
    any(&["agents", "defaults", "thinkingDefault"]),
    any(&["agents", "defaults", "models", "*", "alias"]),
    any(&["agents", "defaults", "models", "*", "streaming"]),
    any(&["agents", "defaults", "models", "*", "params", "temperature"]),
    any(&["agents", "defaults", "models", "*", "params", "maxTokens"]),
];

/// Keys of `agents.defaults` that choose a model, as text or as `{primary, fallbacks}`.
const CHOICES: [&str; 3] = ["model", "imageModel", "pdfModel"];

/// Takes out of the section at `path` what does more than choose among the platform's models, and notes the paths.
pub(super) fn keep_models(
    fields: &mut Map<String, Value>,
    path: &[&str],
    left_out: &mut Vec<String>,
) {
    let allowed = MODELS.iter().map(|allowed| (allowed.path, allowed.values)).collect();
    let allowed = path.iter().fold(allowed, |allowed, key| step(allowed, key));
    let name = path.join(".");
    keep(fields, &name, &allowed, left_out);
    if name == "agents.defaults" {
        keep_own_models(fields, &name, left_out);
    }
}

/// The rest of the paths that begin with `key`.
type Paths<'a> = Vec<(&'a [&'static str], &'static [&'static str])>;

fn step<'a>(allowed: Paths<'a>, key: &str) -> Paths<'a> {
    let step = |(path, values): (&'a [&'static str], _)| match path.split_first() {
        Some((first, rest)) if *first == key || *first == "*" => Some((rest, values)),
        _ => None,
    };
    allowed.into_iter().filter_map(step).collect()
}

fn keep(
    fields: &mut Map<String, Value>,
    path: &str,
    allowed: &Paths<'_>,
    left_out: &mut Vec<String>,
) {
    fields.retain(|key, value| {
        is_kept(value, &format!("{path}.{key}"), &step(allowed.clone(), key), left_out)
    });
}

fn is_kept(value: &mut Value, path: &str, allowed: &Paths<'_>, left_out: &mut Vec<String>) -> bool {
    let end = allowed.iter().find(|(rest, _)| rest.is_empty());
    let may_stay = match end {
        Some((_, values)) => {
            values.is_empty() || value.as_str().is_none_or(|value| values.contains(&value))
        }
        None => !allowed.is_empty(),
    };
    if !may_stay {
        left_out.push(path.to_owned());
    } else if end.is_none() {
        match value {
            Value::Object(fields) => keep(fields, path, allowed, left_out),
            Value::Array(items) => {
                let allowed = step(allowed.clone(), "*");
                for (index, item) in items.iter_mut().enumerate() {
                    // An item that is no object stays for the hosts' own rules to refuse.
                    if let Value::Object(fields) = item {
                        keep(fields, &format!("{path}.{index}"), &allowed, left_out);
                    }
                }
            }
            // Of another type than expected, which the hosts' own rules refuse.
            _ => {}
        }
    }
    may_stay
}

/// Models of other providers are the operator's: they cost the operator's money, and some of them are programs that hosts
/// start outside of their sandbox.
fn keep_own_models(fields: &mut Map<String, Value>, path: &str, left_out: &mut Vec<String>) {
    for choice in CHOICES {
        let path = format!("{path}.{choice}");
        let is_kept = match fields.get_mut(choice) {
            Some(Value::String(model)) => model.starts_with(PROVIDER_PREFIX),
            Some(Value::Object(forms)) => {
                keep_own_choices(forms, &path, left_out);
                !forms.is_empty()
            }
            _ => continue,
        };
        if !is_kept {
            let was_text = fields.shift_remove(choice).is_some_and(|value| value.is_string());
            if was_text {
                left_out.push(path);
            }
        }
    }
    if let Some(Value::Object(models)) = fields.get_mut("models") {
        let path = format!("{path}.models");
        models.retain(|name, _| {
            let is_own = name.starts_with(PROVIDER_PREFIX);
            if !is_own {
                left_out.push(format!("{path}.{name}"));
            }
            is_own
        });
        if models.is_empty() {
            fields.shift_remove("models");
        }
    }
}

/// `primary` and `fallbacks` of one choice.
fn keep_own_choices(forms: &mut Map<String, Value>, path: &str, left_out: &mut Vec<String>) {
    let is_foreign =
        |model: &Value| model.as_str().is_some_and(|model| !model.starts_with(PROVIDER_PREFIX));
    if forms.get("primary").is_some_and(is_foreign) {
        forms.shift_remove("primary");
        left_out.push(format!("{path}.primary"));
    }
    if let Some(Value::Array(fallbacks)) = forms.get_mut("fallbacks") {
        let count = fallbacks.len();
        fallbacks.retain(|model| !is_foreign(model));
        if fallbacks.len() < count {
            left_out.push(format!("{path}.fallbacks"));
        }
        if fallbacks.is_empty() && count > 0 {
            forms.shift_remove("fallbacks");
        }
    }
}
