//! What clean-up removes, and what it refuses to touch.

use std::fs;
use std::path::Path;

use parall::session::{Cut, Error, Owner, clean_up, find_leftovers, remove_leftovers};

use crate::support::{HEADER, KEY, Sessions, answer, user};

fn with_parent() -> (Sessions, std::path::PathBuf) {
    let sessions = Sessions::new();
    let path = sessions.write(&[HEADER, &user("u", ""), &answer("a", "u")]);
    (sessions, path)
}

#[test]
fn a_fork_goes_with_its_entry_and_its_transcript_and_twice_does_no_harm() {
    let (sessions, path) = with_parent();
    let [fork, other] = [0, 1].map(|_| sessions.forked(&path, &Cut::Leaf));
    for _ in 0..2 {
        clean_up(&sessions.folder(), &fork.session_key, &fork.session_file, true).unwrap();
        assert!(!fork.session_file.exists() && other.session_file.exists());
        assert_eq!(
            sessions.store().as_object().unwrap().keys().collect::<Vec<_>>(),
            [&other.session_key]
        );
    }
    let relative = other.session_file.file_name().unwrap();
    clean_up(&sessions.folder(), &other.session_key.to_uppercase(), Path::new(relative), true)
        .unwrap();
    assert_eq!(sessions.names(), ["parent.jsonl", "sessions.json"]);
}

#[test]
fn anything_but_a_fork_with_its_own_transcript_is_refused() {
    let (sessions, path) = with_parent();
    let [fork, other] = [0, 1].map(|_| sessions.forked(&path, &Cut::Leaf));
    let outside = tempfile::tempdir().unwrap();
    let stray = outside.path().join(fork.session_file.file_name().unwrap());
    fs::write(&stray, "").unwrap();
    let before = sessions.names();
    for (key, file) in [
        (KEY, &*fork.session_file),
        (KEY, &*path),
        (&*fork.session_key, &*path),
        (&*fork.session_key, &*other.session_file),
        (&*format!(":fork:{}", fork.session_id), &*fork.session_file),
        (&*fork.session_key, Path::new("sessions.json")),
    ] {
        let result = clean_up(&sessions.folder(), key, file, true);
        assert!(
            matches!(result, Err(Error::NotAFork { .. })),
            "{key} {}: {result:?}",
            file.display()
        );
    }
    let result = clean_up(&sessions.folder(), &fork.session_key, &stray, true);
    assert!(matches!(result, Err(Error::Outside { .. })), "{result:?}");
    assert!(stray.exists());
    fs::remove_file(&fork.session_file).unwrap();
    std::os::unix::fs::symlink(&path, &fork.session_file).unwrap();
    assert!(
        clean_up(&sessions.folder(), &fork.session_key, &fork.session_file, true).is_err(),
        "a link is no transcript"
    );
    assert_eq!(sessions.names(), before);
}

#[test]
fn leftovers_are_this_owners_forks_and_nothing_else() {
    let (sessions, path) = with_parent();
    let [alive, registered, orphan] = [0, 1, 2].map(|_| sessions.forked(&path, &Cut::Leaf));
    // What a kill between the transcript and its entry leaves.
    let store = sessions.path("sessions.json");
    parall::session::delete_entry(&store, &orphan.session_key).unwrap();
    // A fork of the host's own without an entry, one of another account, one of an earlier version whose transcript is gone.
    let hosts =
        sessions.path("2026-01-01T00-00-00-000Z_11111111-2222-4333-8444-555555555555.jsonl");
    fs::write(&hosts, HEADER).unwrap();
    let stranger = Owner::new("another", KEY).unwrap();
    let mut foreign = Sessions::new();
    foreign.owner = stranger;
    let made =
        foreign.forked(&foreign.write(&[HEADER, &user("u", ""), &answer("a", "u")]), &Cut::Leaf);
    let foreign_file = sessions.path(made.session_file.file_name().unwrap().to_str().unwrap());
    fs::copy(&made.session_file, &foreign_file).unwrap();
    let earlier = format!("{KEY}:fork:99999999-2222-4333-8444-555555555555");
    parall::session::upsert_entry(&store, &earlier, r#"{"sessionFile":"gone.jsonl"}"#).unwrap();

    let found =
        find_leftovers(&sessions.folder(), &sessions.owner, &[alive.session_key.to_uppercase()])
            .unwrap();
    assert_eq!(found.session_keys, [registered.session_key.clone(), earlier]);
    let mut expected = [registered.session_file.clone(), orphan.session_file.clone()];
    expected.sort();
    assert_eq!(found.session_files, expected);
    remove_leftovers(&sessions.folder(), &found, true).unwrap();
    assert!(
        alive.session_file.exists() && hosts.exists() && foreign_file.exists() && path.exists()
    );
    assert!(!registered.session_file.exists() && !orphan.session_file.exists());
    assert_eq!(
        sessions.store().as_object().unwrap().keys().collect::<Vec<_>>(),
        [&alive.session_key]
    );
    let again = find_leftovers(&sessions.folder(), &sessions.owner, &[alive.session_key]).unwrap();
    assert_eq!(again, parall::session::Leftovers::default());
}

#[test]
fn a_transcript_that_another_entry_uses_is_no_leftover() {
    let (sessions, path) = with_parent();
    let fork = sessions.forked(&path, &Cut::Leaf);
    let name = fork.session_file.file_name().unwrap().to_str().unwrap();
    let entry = format!(r#"{{"sessionFile":{name:?}}}"#);
    parall::session::upsert_entry(&sessions.path("sessions.json"), "agent:main:somebody", &entry)
        .unwrap();
    let found = find_leftovers(&sessions.folder(), &sessions.owner, &[]).unwrap();
    assert_eq!(found.session_files, Vec::<std::path::PathBuf>::new());
}
