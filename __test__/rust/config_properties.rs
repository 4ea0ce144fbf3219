//! What holds for every file and every configuration, tried on thousands of made-up ones.

use crate::platform::{Place, Script};
use parall::config::{Status, Trust};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Every case syncs several files, so the suite tries fewer than `npm run test:config:long` asks for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64)
}

/// White space and comments, as they may stand between any two tokens.
fn space() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(""), 4 => Just(" "), 2 => Just("\n  "), 1 => Just("\r\n\t"), 1 => Just(" /* { \" ' */ "),
        1 => Just(" // } , \u{e4}\n"), 1 => Just("\u{a0}"),
    ];
    vec(piece, 0..3).prop_map(|pieces| pieces.concat())
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9]{0,6}".prop_map(|name| name),
        "[a-z]{1,5}".prop_map(|name| format!("'{name}'")),
        "[a-zA-Z $._-]{0,8}".prop_map(|name| format!("\"{name}\"")),
        Just("$x_1".to_owned()),
        Just("\"\\u006dodels\\ud83d\"".to_owned()),
        Just("null".to_owned()),
        Just("'a\\'b'".to_owned()),
    ]
}

/// A value of a file, as text.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("+1.50e3".to_owned()),
        Just("0xFf".to_owned()),
        Just(".5".to_owned()),
        Just("-Infinity".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just("'it\\'s {'".to_owned()),
        Just("\"\\ud83d}\"".to_owned()),
        Just("'a\\\nb'".to_owned()),
        "[a-z {}\\[\\],:/*]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            object(key(), inner.clone()),
            (vec((space(), inner, space()), 0..4), any::<bool>()).prop_map(|(items, comma)| {
                let items: Vec<_> =
                    items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                let comma = if comma && !items.is_empty() { "," } else { "" };
                format!("[{}{comma}]", items.join(","))
            }),
        ]
    })
}

fn object(
    key: impl Strategy<Value = String>,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    let member = (space(), key, space(), space(), value, space());
    (vec(member, 0..4), any::<bool>(), space()).prop_map(|(members, comma, end)| {
        let members: Vec<_> = members
            .into_iter()
            .map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"))
            .collect();
        let comma = if comma && !members.is_empty() { "," } else { "" };
        format!("{{{}{comma}{end}}}", members.join(","))
    })
}

/// A whole file whose owned sections exist as far as `depth` says, among foreign members.
fn file() -> impl Strategy<Value = String> {
    let foreign = || vec((space(), "f[0-9]{1,3}", value()), 0..3);
    (foreign(), foreign(), foreign(), 0..5_usize, value(), space(), any::<bool>()).prop_map(
        |(before, beside, after, depth, old, gap, comma)| {
            let members = |list: &[(String, String, String)]| {
                list.iter()
                    .map(|(space, key, value)| format!("{space}{key}: {value}"))
                    .collect::<Vec<_>>()
            };
            let mut owned = match depth {
                0 => Vec::new(),
                1 => vec![format!("models: {{{gap}}}")],
                2 => vec![format!("models: {{ providers: {{{}}} }}", members(&beside).join(","))],
                3 => vec![format!(
                    "models: {{ providers: {{ {} parall: {{{gap}baseUrl{gap}:{gap}'old'}} }} }}",
                    gap
                )],
                _ => vec![format!(
                    "agents: {{ defaults: {{ model: {old}, {}}} }}",
                    members(&beside).join(",")
                )],
            };
            let mut all = members(&before);
            all.append(&mut owned);
            all.extend(members(&after));
            let comma = if comma && !all.is_empty() { "," } else { "" };
            format!("{gap}{{{}{comma}{gap}}}{gap}", all.join(","))
        },
    )
}

/// A place whose user lets the platform set everything.
fn place(contents: impl AsRef<[u8]>) -> Place {
    let mut place = Place::with(contents);
    place.trust = Trust::new("https://p", Some("all"), &[]);
    place
}

/// A configuration of the platform.
fn config() -> impl Strategy<Value = Value> {
    let name = "[a-z]{1,6}";
    (name, vec(name, 0..3), proptest::option::of(name), any::<bool>()).prop_map(|(url, models, default, compact)| {
        let models: Vec<_> = models.into_iter().map(|id| json!({ "id": id, "name": id, "reasoning": compact })).collect();
        let mut config = json!({ "models": { "providers": { "parall": { "baseUrl": format!("https://p/{url}"), "models": models } } } });
        if let Some(model) = default {
            config["agents"] = json!({ "defaults": { "model": model, "maxConcurrent": 2 } });
        }
        config
    })
}

fn refresh(place: &Place, version: &str, config: &Value) -> parall::config::Outcome {
    let text = json!({ "version": version, "config": config }).to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(place.manager(Script::sends(text)).refresh()).unwrap()
}

/// The file's value as hosts read it, without lone halves of surrogate pairs.
fn read(text: &str) -> Map<String, Value> {
    let text = text.replace("\\ud83d", "\\ufffd");
    json5::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The merge restated on values: one level deep, and nothing else.
fn merged(mut root: Map<String, Value>, config: &Value, key: &str) -> Map<String, Value> {
    let mut overlay = |path: [&str; 3], fields: &Value| {
        let mut at = &mut root;
        for key in path.into_iter().filter(|key| !key.is_empty()) {
            at = at.entry(key).or_insert_with(|| json!({})).as_object_mut().unwrap();
        }
        at.extend(fields.as_object().unwrap().clone());
    };
    let mut provider = config["models"]["providers"]["parall"].clone();
    provider["apiKey"] = json!(key);
    overlay(["models", "providers", "parall"], &provider);
    if let Some(defaults) = config["agents"].get("defaults") {
        overlay(["agents", "defaults", ""], defaults);
    }
    root
}

/// Whether `old` is `new` with pieces taken out or replaced, told by their common start and end.
fn is_kept(old: &str, new: &str, foreign: &str) -> bool {
    old.match_indices(foreign).count() <= new.match_indices(foreign).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_result_is_the_merge_and_applying_it_again_changes_nothing(text in file(), config in config()) {
        let place = place(&text);
        let before = read(&text);
        refresh(&place, "1", &config);
        let after = place.text();
        prop_assert_eq!(Value::Object(read(&after)), Value::Object(merged(before, &config, crate::platform::KEY)));
        let again = refresh(&place, "1", &config);
        prop_assert_eq!((again.status, again.written), (Status::Unchanged, false));
        prop_assert_eq!(place.text(), after);
    }

    #[test]
    fn foreign_members_keep_their_bytes(members in vec(("[a-z]{1,4}", value()), 1..5), config in config()) {
        let members: Vec<_> = members.iter().enumerate().map(|(index, (key, value))| format!("{key}{index}: {value}")).collect();
        let text = format!("{{ {}, models: {{ providers: {{ {} }} }}, /* end */ }}", members.join(", // note\n"), members.join(","));
        let place = place(&text);
        refresh(&place, "1", &config);
        for member in members.iter().map(String::as_str).chain(["/* end */", "// note\n"]) {
            prop_assert!(is_kept(&text, &place.text(), member), "{member} is gone from {}", place.text());
        }
        let common = text.find("providers").unwrap();
        prop_assert_eq!(&place.text()[..common], &text[..common]);
    }

    #[test]
    fn what_came_before_the_newest_does_not_matter_for_its_keys(text in file(), older in vec(config(), 0..3), newest in config()) {
        let direct = place(&text);
        refresh(&direct, "n", &newest);
        let around = place(&text);
        for (index, config) in older.iter().enumerate() {
            refresh(&around, &index.to_string(), config);
        }
        refresh(&around, "n", &newest);
        let (direct, around) = (read(&direct.text()), read(&around.text()));
        prop_assert_eq!(&direct["models"]["providers"]["parall"], &around["models"]["providers"]["parall"]);
        if newest.get("agents").is_some() {
            prop_assert_eq!(&direct["agents"]["defaults"]["model"], &around["agents"]["defaults"]["model"]);
        }
    }

    #[test]
    fn no_bytes_whatsoever_end_the_process_or_lose_the_file(bytes in vec(any::<u8>(), 0..64)) {
        let place = place(&bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        if runtime.block_on(place.manager(Script::sends(crate::platform::CONFIG)).refresh()).is_err() {
            prop_assert_eq!(std::fs::read(&place.config).unwrap(), bytes);
        }
    }
}
