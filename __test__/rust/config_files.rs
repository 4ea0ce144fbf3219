//! The table of files: what becomes of every kind of `openclaw.json`, to the byte.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use crate::platform::{CONFIG, KEY, Place, Script, refresh, written};
use parall::config::Status;
use parall::error::Coded;

/// The sections as they look in an indented file, below a root that indents by two spaces.
const MODELS: &str = r#"  "models": {
    "providers": {
      "parall": {
        "baseUrl": "https://p/v1",
        "models": [
          {
            "id": "m",
            "name": "M"
          }
        ],
        "apiKey": "prll_canary"
      }
    }
  }"#;
const AGENTS: &str = r#"  "agents": {
    "defaults": {
      "model": {
        "primary": "parall/m"
      }
    }
  }"#;
/// The same on one line.
const INLINE: &str = r#""models":{"providers":{"parall":{"baseUrl":"https://p/v1","models":[{"id":"m","name":"M"}],"apiKey":"prll_canary"}}},"agents":{"defaults":{"model":{"primary":"parall/m"}}}"#;

/// Applies the configuration to a file with these contents, and once more to see that nothing happens then.
async fn applied(contents: &str) -> String {
    let place = Place::with(contents);
    let first = refresh(&place).await.unwrap();
    assert_eq!((first.status, first.written), (Status::Updated, true), "{contents}");
    let text = place.text();
    let modified = fs::metadata(&place.config).unwrap().modified().unwrap();
    let again = refresh(&place).await.unwrap();
    assert_eq!((again.status, again.written, again.changes.len()), (Status::Unchanged, false, 0));
    assert_eq!(place.text(), text);
    assert_eq!(fs::metadata(&place.config).unwrap().modified().unwrap(), modified);
    assert_eq!(place.names(), ["openclaw.json"]);
    text
}

/// A refusal: the code, and a file that is as it was.
async fn refused(contents: &[u8]) -> (&'static str, String) {
    let place = Place::with(contents);
    let error = refresh(&place).await.unwrap_err();
    assert_eq!(fs::read(&place.config).unwrap(), contents);
    assert_eq!(place.names(), ["openclaw.json"]);
    (error.code(), error.to_string())
}

#[tokio::test]
async fn plain_json_gets_the_sections_at_its_end() {
    let cases = [
        ("{}", format!("{{\n{MODELS},\n{AGENTS}\n}}")),
        ("{\n}\n", format!("{{\n{MODELS},\n{AGENTS}\n}}\n")),
        ("{\n  \"a\": 1\n}\n", format!("{{\n  \"a\": 1,\n{MODELS},\n{AGENTS}\n}}\n")),
        ("{\"a\":1}\n", format!("{{\"a\":1,{INLINE}}}\n")),
    ];
    for (before, after) in cases {
        assert_eq!(applied(before).await, after);
    }
}

#[tokio::test]
async fn indentation_is_the_files_own() {
    let tabs = |section: &str| section.replace("  ", "\t");
    let wide = |section: &str| section.replace("  ", "    ");
    let before = "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n";
    let after =
        format!("{{\n\t\"a\": {{\n\t\t\"b\": 1\n\t}},\n{},\n{}\n}}\n", tabs(MODELS), tabs(AGENTS));
    assert_eq!(applied(before).await, after);
    let after = format!("{{\n    \"a\": 1,\n{},\n{}\n}}\n", wide(MODELS), wide(AGENTS));
    assert_eq!(applied("{\n    \"a\": 1\n}\n").await, after);
}

#[tokio::test]
async fn line_ends_and_byte_order_marks_stay() {
    let dos = |text: &str| text.replace('\n', "\r\n");
    let after = dos(&format!("{{\n  \"a\": 1,\n{MODELS},\n{AGENTS}\n}}\n"));
    assert_eq!(applied(&dos("{\n  \"a\": 1\n}\n")).await, after);
    assert_eq!(applied("\u{feff}{\"a\":1}").await, format!("\u{feff}{{\"a\":1,{INLINE}}}"));
}

#[tokio::test]
async fn comments_and_trailing_commas_stay_where_they_are() {
    let cases = [
        ("{\n  // only a note\n}\n", format!("{{\n  // only a note\n{MODELS},\n{AGENTS}\n}}\n")),
        (
            "// head\n{\n  a: 1, // one\n  /* tail */\n}\n// foot",
            format!("// head\n{{\n  a: 1, // one\n{MODELS},\n{AGENTS},\n  /* tail */\n}}\n// foot"),
        ),
        ("{\n  a: 1 // one\n}", format!("{{\n  a: 1, // one\n{MODELS},\n{AGENTS}\n}}")),
        (
            "{\n  a: 1 /* x */, /* y */ // z\n  // w\n}",
            format!("{{\n  a: 1 /* x */, /* y */ // z\n{MODELS},\n{AGENTS},\n  // w\n}}"),
        ),
        ("{ a: 1, }", format!("{{ a: 1, {}, }}", spaced())),
    ];
    for (before, after) in cases {
        assert_eq!(applied(before).await, after);
    }
}

/// The members as they stand behind `{ a: 1`, where a space follows colons and commas between members.
fn spaced() -> String {
    let (models, agents) = INLINE.split_once(",\"agents\":").unwrap();
    format!("{}, \"agents\": {agents}", models.replacen(':', ": ", 1))
}

#[tokio::test]
async fn every_notation_of_json5_keeps_its_bytes() {
    let foreign = "\n  'single': 'it\\'s', unquoted: 0xFF, $x_1: +1.50e3, half: .5, five: 5.,\n  big: 12345678901234567890123,\n  \
                   lone: \"\\ud83d\", pair: \"\\ud83d\\ude00\", twice: 1, twice: 2,\n  lines: 'a\\\nb', none: NaN, all: -Infinity, \
                   null: null, \"\": [1, [2, ], ],\n  \"$schema\": \"https://example.org\", ünï: 'ö',";
    let after = applied(&format!("{{{foreign}\n}}\n")).await;
    assert_eq!(after, format!("{{{foreign}\n{MODELS},\n{AGENTS},\n}}\n"));
}

#[tokio::test]
async fn only_values_that_differ_are_replaced() {
    let before = r#"{
  // my providers
  models: {
    mode: 'merge',
    providers: {
      other: { baseUrl: 'https://o', models: [] }, // mine
      parall: {
        models: [{ name: 'M', id: 'm' }], // same, other order
        baseUrl: 'https://old', /* changes */
        api: 'openai-completions',
        apiKey: "prll_canary",
      },
    },
  },
  agents: { list: [], defaults: { workspace: '~/w', model: { primary: 'parall/m', } } },
}
"#;
    assert_eq!(applied(before).await, before.replace("'https://old'", "\"https://p/v1\""));
}

#[tokio::test]
async fn a_number_is_the_same_in_every_spelling() {
    let config = r#"{"version":"1","config":{"agents":{"defaults":{"maxConcurrent":4}}}}"#;
    let place = Place::with("{agents: {defaults: {maxConcurrent: +4.0}}}");
    let outcome = place.manager(Script::sends(config)).refresh().await.unwrap();
    assert_eq!((outcome.status, outcome.written), (Status::Unchanged, false));
}

#[tokio::test]
async fn sections_of_the_platform_that_are_absent_are_left_alone() {
    let before = "{ agents: { defaults: { model: 'a/b' } }, models: { providers: {} } }";
    let place = Place::with(before);
    let outcome =
        place.manager(Script::sends(r#"{"version":"1","config":{}}"#)).refresh().await.unwrap();
    assert_eq!((outcome.status, place.text().as_str()), (Status::Unchanged, before));
}

#[tokio::test]
async fn the_credential_is_written_as_the_user_gave_it() {
    for given in [
        "'${MY_KEY}'",
        "{ source: 'env', provider: 'default', id: 'MY_KEY' }",
        "{ source: 'file', provider: 'vault', id: '/parall' }",
        "'prll_canary'",
    ] {
        let place = Place::with(format!("{{ channels: {{ parall: {{ api_key: {given} }} }} }}"));
        written(&refresh(&place).await);
        let found: serde_json::Value = json5::from_str(&place.text()).unwrap();
        assert_eq!(
            found["models"]["providers"]["parall"]["apiKey"],
            json5::from_str::<serde_json::Value>(given).unwrap()
        );
        assert_eq!(
            found["channels"]["parall"]["api_key"],
            found["models"]["providers"]["parall"]["apiKey"]
        );
        assert_eq!(place.text().contains(KEY), given.contains(KEY));
    }
}

#[tokio::test]
async fn modes_stay_and_a_key_in_clear_makes_the_file_private() {
    let reference = "{ channels: { parall: { api_key: '${MY_KEY}' } } }";
    for (contents, before, after) in [
        ("{}", 0o644, 0o600),
        ("{}", 0o600, 0o600),
        (reference, 0o644, 0o644),
        (reference, 0o640, 0o640),
    ] {
        let place = Place::with(contents);
        fs::set_permissions(&place.config, fs::Permissions::from_mode(before)).unwrap();
        written(&refresh(&place).await);
        assert_eq!(
            fs::metadata(&place.config).unwrap().mode() & 0o7777,
            after,
            "{contents} {before:o}"
        );
    }
}

#[tokio::test]
async fn a_linked_file_is_changed_where_it_really_is() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("dotfiles.json5");
    fs::write(&target, "{}").unwrap();
    symlink(&target, &place.config).unwrap();
    written(&refresh(&place).await);
    assert!(fs::symlink_metadata(&place.config).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), format!("{{\n{MODELS},\n{AGENTS}\n}}"));
}

#[tokio::test]
async fn a_missing_file_is_made_private() {
    let place = Place::new();
    written(&refresh(&place).await);
    assert_eq!(place.text(), format!("{{\n{MODELS},\n{AGENTS}\n}}\n"));
    assert_eq!(fs::metadata(&place.config).unwrap().mode() & 0o7777, 0o600);
}

#[tokio::test]
async fn a_file_of_five_megabytes_gets_nothing_but_its_change() {
    let lines = (0..60_000)
        .map(|index| format!("    {{ id: {index}, note: 'ä \\u00e4 {index}' }}, // {index}\n"));
    let list = lines.collect::<Vec<_>>().concat();
    let before = format!("{{\n  list: [\n{list}  ],\n}}\n");
    assert!(before.len() > 2_500_000);
    let before =
        before.replacen("list:", &format!("filler: '{}', list:", "x".repeat(2_500_000)), 1);
    assert_eq!(
        applied(&before).await,
        format!("{},\n{MODELS},\n{AGENTS},\n}}\n", &before[..before.len() - 4])
    );
}

#[tokio::test]
async fn files_that_cannot_be_read_are_refused_with_their_place() {
    let cases: [(&[u8], &str, &str); 17] = [
        (b"", "PARALL_CONFIG_EMPTY", "openclaw.json is empty"),
        (b" \n\t", "PARALL_CONFIG_EMPTY", "openclaw.json is empty"),
        (b"// nothing\n", "PARALL_CONFIG_SYNTAX", ":2:1: expected a value"),
        (
            b"{\n  \"a\": {\n    \"b\": [1, 2",
            "PARALL_CONFIG_SYNTAX",
            ":3:15: expected a closing bracket, found the end of the file",
        ),
        (b"{ a: 1 b: 2 }", "PARALL_CONFIG_SYNTAX", ":1:8: expected a comma or }"),
        (b"{ a: 'x", "PARALL_CONFIG_SYNTAX", ":1:6:"),
        (b"{ a: 1 } }", "PARALL_CONFIG_SYNTAX", ":1:10: expected the end of the file"),
        (b"{ a: '\xff' }", "PARALL_CONFIG_SYNTAX", "is not UTF-8 text: byte 6"),
        (b"[1, 2]", "PARALL_CONFIG_SHAPE", "the whole file is an array, not an object"),
        (b"'text'", "PARALL_CONFIG_SHAPE", "the whole file is a string, not an object"),
        // What the first parser lets pass is found by the second one.
        (b"{ a-b: 1 }", "PARALL_CONFIG_SYNTAX", ":1:4: expected colon"),
        (b"{ a: 'x\ny' }", "PARALL_CONFIG_SYNTAX", ":1:8: line terminator in string"),
        (b"{ a: 01 }", "PARALL_CONFIG_SYNTAX", ":1:7:"),
        (b"{ a: [1 2] }", "PARALL_CONFIG_SYNTAX", ":1:9: expected comma"),
        (b"{\n a: [1, {b: 2] }", "PARALL_CONFIG_SYNTAX", ":2:17: expected a comma or }"),
        (b"{ a: [ /* x }", "PARALL_CONFIG_SYNTAX", ":1:8: a comment without end"),
        (b"{ a: [ 'x }", "PARALL_CONFIG_SYNTAX", ":1:8: a string without end"),
    ];
    for (contents, code, message) in cases {
        let (found, text) = refused(contents).await;
        assert_eq!(found, code, "{text}");
        assert!(text.contains(message), "{text}");
    }
}

#[tokio::test]
async fn a_value_in_the_way_is_refused_with_its_path() {
    for (contents, message) in [
        ("{ models: 'x' }", "models is a string, not an object"),
        ("{ models: { providers: [] } }", "models.providers is an array, not an object"),
        (
            "{ models: { providers: { parall: null } } }",
            "models.providers.parall is null, not an object",
        ),
        ("{ agents: [ { id: 1 } ] }", "agents is an array, not an object"),
        ("{ agents: { defaults: true } }", "agents.defaults is a boolean, not an object"),
        ("{ agents: 3 }", "agents is a number, not an object"),
    ] {
        let (code, text) = refused(contents.as_bytes()).await;
        assert_eq!(code, "PARALL_CONFIG_SHAPE");
        assert!(text.ends_with(message), "{text}");
    }
    for contents in
        ["{ models: {}, models: {} }", "{ agents: { defaults: { model: 1, model: 2 } } }"]
    {
        assert_eq!(refused(contents.as_bytes()).await.0, "PARALL_CONFIG_DUPLICATE");
    }
}

#[tokio::test]
async fn what_is_no_file_or_is_protected_is_refused() {
    let place = Place::new();
    fs::create_dir(&place.config).unwrap();
    assert_eq!(refresh(&place).await.unwrap_err().code(), "PARALL_FILE_KIND");
    assert!(place.config.is_dir());

    let place = Place::with("{}");
    fs::set_permissions(&place.config, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(refresh(&place).await.unwrap_err().code(), "PARALL_CONFIG_READ_ONLY");
    assert_eq!(place.text(), "{}");
}

#[tokio::test]
async fn a_protected_file_that_needs_no_change_is_fine() {
    let place = Place::with("{}");
    written(&refresh(&place).await);
    fs::set_permissions(&place.config, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(refresh(&place).await.unwrap().status, Status::Unchanged);
}

#[tokio::test]
async fn no_message_holds_the_key_or_a_value_of_the_file() {
    for contents in [
        "{ a: 'secret-value",
        "{ models: 'secret-value' }",
        "secret-value",
        "{ agents: { $include: ['secret-value'] ",
    ] {
        let (_, text) = refused(contents.as_bytes()).await;
        assert!(!text.contains("secret-value") && !text.contains(KEY), "{text}");
    }
    let place = Place::with("{}");
    let outcome = place.manager(Script::sends(CONFIG)).preview().await.unwrap();
    assert!(!format!("{outcome:?}").contains(KEY));
    assert_eq!(place.text(), "{}");
    assert!(!Path::new(&place.state.join("parall-platform-config.json")).exists());
}
