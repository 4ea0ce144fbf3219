//! The session store: other entries keep their bytes, whatever is done to one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use parall::session::{
    Error, SessionsFolder, delete_entries, delete_entry, read_entry, resolve_transcript,
    upsert_entry,
};
use tempfile::TempDir;

struct Store {
    folder: TempDir,
    path: PathBuf,
}

impl Store {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sessions.json");
        fs::write(&path, text).unwrap();
        Self { folder, path }
    }

    fn text(&self) -> String {
        String::from_utf8(fs::read(&self.path).unwrap()).unwrap()
    }
}

/// Spellings that a parser would not give back: number forms, duplicate keys, lone surrogates, odd spaces.
const ODD: &str = "{\n  \"one\": {\"n\": 1.0, \"big\": 12345678901234567890, \"n\": 2,\"s\": \"\\ud800\\/\"},\n\n \"two\" :[ 1 ],\n  \"three\": {}\n}\n";

#[test]
fn a_new_entry_goes_to_the_end_and_the_others_keep_their_bytes() {
    let store = Store::new(ODD);
    upsert_entry(&store.path, " Agent:MAIN ", r#"{"sessionId": "x"}"#).unwrap();
    let expected = ODD
        .replace("\"three\": {}\n", "\"three\": {},\n  \"agent:main\": {\"sessionId\": \"x\"}\n");
    assert_eq!(store.text(), expected);
    assert!(delete_entry(&store.path, "agent:main").unwrap());
    assert_eq!(store.text(), ODD);
}

#[test]
fn an_existing_entry_is_replaced_where_it_stands() {
    let store = Store::new(ODD);
    upsert_entry(&store.path, "two", r#"{"a": 1}"#).unwrap();
    assert_eq!(store.text(), ODD.replace("[ 1 ]", r#"{"a": 1}"#));
}

#[test]
fn all_spellings_of_a_key_go_and_the_lower_case_one_comes() {
    let store = Store::new(
        r#"{"KEY": {"v": 1}, "other": {}, "key": {"v": 2}, "k\u0065y": {"v": 3}, " Key ": {"v": 4}}"#,
    );
    assert_eq!(read_entry(&store.path, "KEY").unwrap().unwrap(), r#"{"v": 1}"#);
    assert_eq!(read_entry(&store.path, "key").unwrap().unwrap(), r#"{"v": 3}"#);
    assert_eq!(read_entry(&store.path, "kEy").unwrap().unwrap(), r#"{"v": 4}"#);
    upsert_entry(&store.path, "Key", "{}").unwrap();
    assert_eq!(store.text(), "{\"other\": {},\n  \"key\": {}}");
}

#[test]
fn several_entries_are_deleted_at_once_from_any_place() {
    let text = r#"{"a":1,"b":2,"c":3,"d":4,"e":5}"#;
    for (keys, rest) in [
        (vec!["a"], r#"{"b":2,"c":3,"d":4,"e":5}"#),
        (vec!["e"], r#"{"a":1,"b":2,"c":3,"d":4}"#),
        (vec!["b", "c"], r#"{"a":1,"d":4,"e":5}"#),
        (vec!["e", "a", "d"], r#"{"b":2,"c":3}"#),
        (vec!["a", "b", "c", "d", "e", "f"], "{}"),
    ] {
        let store = Store::new(text);
        let there = keys.iter().filter(|key| **key != "f").count();
        assert_eq!(delete_entries(&store.path, &keys).unwrap(), there);
        assert_eq!(store.text(), rest);
    }
}

#[test]
fn an_entry_becomes_the_first_of_an_empty_or_missing_store() {
    for text in ["{}", " { } ", "{\n}\n"] {
        let store = Store::new(text);
        upsert_entry(&store.path, "k", "{}").unwrap();
        assert_eq!(store.text(), "{\n  \"k\": {}\n}");
    }
    let store = Store::new("");
    fs::remove_file(&store.path).unwrap();
    assert_eq!(read_entry(&store.path, "k").unwrap(), None);
    assert!(!delete_entry(&store.path, "k").unwrap());
    assert!(!store.path.exists(), "deleting nothing makes no store");
    upsert_entry(&store.path, "k", "{}").unwrap();
    assert_eq!(store.text(), "{\n  \"k\": {}\n}");
    assert_eq!(fs::metadata(&store.path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let store = Store::new(ODD);
    let written = || fs::metadata(&store.path).unwrap().modified().unwrap();
    let before = written();
    upsert_entry(&store.path, "two", "[ 1 ]").unwrap_err();
    upsert_entry(&store.path, "three", "{}").unwrap();
    assert!(!delete_entry(&store.path, "four").unwrap());
    assert_eq!((written(), store.text()), (before, ODD.to_owned()));
}

#[test]
fn a_store_that_is_no_object_is_an_error_with_its_position_and_stays() {
    for (text, at) in [
        ("", 0),
        ("[1]", 0),
        ("{\"a\":1,}", 7),
        ("{\"a\":{\"b\":x}}", 10),
        ("{} x", 3),
        ("\u{feff}{}", 0),
    ] {
        let store = Store::new(text);
        for result in [
            upsert_entry(&store.path, "k", "{}"),
            delete_entry(&store.path, "k").map(drop),
            read_entry(&store.path, "k").map(drop),
        ] {
            assert!(
                matches!(result, Err(Error::BadStore { position, .. }) if position == at),
                "{text:?}: {result:?}"
            );
        }
        assert_eq!(store.text(), text);
        assert_eq!(
            fs::read_dir(store.folder.path()).unwrap().count(),
            1,
            "no lock, no temporary file"
        );
    }
}

#[test]
fn an_entry_that_is_no_object_and_a_key_that_is_empty_are_refused() {
    let store = Store::new("{}");
    for entry in ["", "[]", "5", "{", "{}{}"] {
        assert!(
            matches!(upsert_entry(&store.path, "k", entry), Err(Error::BadEntry { .. })),
            "{entry}"
        );
    }
    assert!(matches!(upsert_entry(&store.path, "  ", "{}"), Err(Error::EmptyKey)));
}

#[test]
fn a_transcript_is_found_by_the_name_in_the_store_or_by_its_session_id() {
    let store = Store::new("{}");
    let folder = SessionsFolder::open(store.folder.path()).unwrap();
    let outside = tempfile::NamedTempFile::with_suffix(".jsonl").unwrap();
    for name in
        ["id.jsonl", "id-topic-7.jsonl", "id.trajectory.jsonl", "2026_id.jsonl", "other.jsonl"]
    {
        fs::write(store.folder.path().join(name), "").unwrap();
    }
    let absolute = store.folder.path().join("other.jsonl");
    for (entry, expected) in [
        (r#"{"sessionId":"id"}"#.to_owned(), Some("id.jsonl")),
        (r#"{"sessionId":"id","sessionFile":"id-topic-7.jsonl"}"#.into(), Some("id-topic-7.jsonl")),
        (format!(r#"{{"sessionId":"id","sessionFile":{absolute:?}}}"#), Some("other.jsonl")),
        (format!(r#"{{"sessionId":"id","sessionFile":{:?}}}"#, outside.path()), Some("id.jsonl")),
        (r#"{"sessionId":"id","sessionFile":"../x.jsonl"}"#.into(), Some("id.jsonl")),
        (r#"{"sessionId":"id","sessionFile":"gone.jsonl"}"#.into(), Some("id.jsonl")),
        (r#"{"sessionId":"id","sessionFile":"sessions.json"}"#.into(), Some("id.jsonl")),
        (r#"{"sessionId":"2026"}"#.into(), None),
        (r#"{"sessionId":"../id"}"#.into(), None),
        (r#"{"sessionFile":5}"#.into(), None),
    ] {
        fs::write(&store.path, format!(r#"{{"key":{entry}}}"#)).unwrap();
        let found = resolve_transcript(&folder, "KEY").unwrap();
        assert_eq!(found, expected.map(|name| store.folder.path().join(name)), "{entry}");
    }
    assert_eq!(resolve_transcript(&folder, "nobody").unwrap(), None);
}

#[test]
fn what_a_killed_process_left_of_a_replacement_goes_with_the_next_deletion_and_nothing_else() {
    let store = Store::new(ODD);
    let stands = |name: &str| store.folder.path().join(name).exists();
    let left = ".sessions.json.parall-6db53f4edd4a974e.tmp";
    let others = [
        "sessions.json.0b0c7c1e-5f0e-4c57-9a35-1d2f0c9c1d11.tmp",
        ".sessions.json.lock.parall-6db53f4edd4a974e.tmp",
    ];
    for name in others.iter().copied().chain([left]) {
        fs::write(store.folder.path().join(name), "half").unwrap();
    }
    assert!(!delete_entry(&store.path, "agent:main").unwrap());
    assert!(!stands(left));
    assert!(others.into_iter().all(stands));
}
