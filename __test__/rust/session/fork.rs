//! What a fork holds.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use parall::session::{Cut, Error, NothingToFork, Outcome};

use crate::support::{HEADER, KEY, Sessions, answer, entry, ids, lines, tool_call, user};

fn conversation() -> Vec<String> {
    vec![
        HEADER.into(),
        user("u1", ""),
        answer("a1", "u1"),
        user("u2", "a1"),
        tool_call("t2", "u2"),
        entry("r2", "t2", r#""type":"message","message":{"role":"toolResult"}"#),
    ]
}

fn write(sessions: &Sessions, lines: &[String]) -> std::path::PathBuf {
    sessions.write(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_running_turn_is_left_out_unless_asked_for() {
    let sessions = Sessions::new();
    let path = write(&sessions, &conversation());
    assert_eq!(ids(&sessions.forked(&path, &Cut::LastCompleted)), ["u1", "a1"]);
    assert_eq!(ids(&sessions.forked(&path, &Cut::Leaf)), ["u1", "a1", "u2", "t2", "r2"]);
    assert_eq!(ids(&sessions.forked(&path, &Cut::Entry("t2".into()))), ["u1", "a1", "u2", "t2"]);
}

#[test]
fn what_the_host_sent_on_its_own_account_ends_no_turn() {
    let sessions = Sessions::new();
    let mut all = conversation();
    all.push(entry(
        "m",
        "r2",
        r#""type":"message","message":{"role":"assistant","provider":"openclaw","model":"delivery-mirror","stopReason":"stop"}"#,
    ));
    let path = write(&sessions, &all);
    assert_eq!(ids(&sessions.forked(&path, &Cut::LastCompleted)), ["u1", "a1"]);
}

#[test]
fn a_fork_is_for_its_owner_alone_registered_and_made_beside_its_parent() {
    let sessions = Sessions::new();
    let path = write(&sessions, &conversation());
    let fork = sessions.forked(&path, &Cut::LastCompleted);
    assert_eq!(fork.session_file.parent(), path.parent());
    assert_eq!(fs::metadata(&fork.session_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fork.session_key, format!("{KEY}:fork:{}", fork.session_id));
    let stored = &sessions.store()[&fork.session_key];
    assert_eq!(stored["sessionFile"].as_str(), fork.session_file.file_name().unwrap().to_str());
    assert_eq!(stored["sessionId"], *fork.session_id);
    assert_eq!(stored["spawnedBy"], KEY);
    assert_eq!(stored["parentSessionKey"], KEY);
    assert_eq!(stored["forkedFromParent"], true);
    assert!(stored["updatedAt"].as_u64().unwrap() > 1_700_000_000_000);
    let header: serde_json::Value = serde_json::from_str(
        fs::read_to_string(&fork.session_file).unwrap().lines().next().unwrap(),
    )
    .unwrap();
    let keys: Vec<&String> = header.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type", "version", "id", "timestamp", "cwd", "parentSession"]);
    assert_eq!(header["parentSession"].as_str(), path.to_str());
}

#[test]
fn lines_are_copied_byte_for_byte() {
    let sessions = Sessions::new();
    let odd = r#"{ "type":"message", "id" : "a", "parentId":null, "n":[1.0,-0,1E400,9007199254740993], "s":"\ud800\u00e9\/", "k":1,"k":2, "message":{"role":"assistant"}}"#;
    let path = sessions.write(&[HEADER, odd]);
    assert_eq!(lines(&sessions.forked(&path, &Cut::Leaf)), [odd]);
}

#[test]
fn labels_keep_their_time_and_their_order_and_close_the_fork() {
    let sessions = Sessions::new();
    let path = write(
        &sessions,
        &[
            HEADER.into(),
            user("u", ""),
            answer("a", "u"),
            entry("l1", "a", r#""type":"label","timestamp":"T1","targetId":"u","label":"first""#),
            entry("l2", "l1", r#""type":"label","timestamp":"T2","targetId":"a","label":"gone""#),
            entry("l3", "l2", r#""type":"label","timestamp":"T3","targetId":"a","label":"""#),
            entry(
                "l4",
                "l3",
                r#""type":"label","timestamp":"T4","targetId":"a","label":{"any":"value"}"#,
            ),
            entry("l5", "l4", r#""type":"label","timestamp":"T5","targetId":"u","label":"second""#),
            entry(
                "l6",
                "l5",
                r#""type":"label","timestamp":"T6","targetId":"not on the path","label":"x""#,
            ),
        ],
    );
    let fork = sessions.forked(&path, &Cut::Leaf);
    let labels: Vec<serde_json::Value> =
        lines(&fork)[2..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = labels
        .iter()
        .map(|label| (&label["targetId"], &label["timestamp"], &label["label"]))
        .collect();
    assert_eq!(
        serde_json::to_string(&told).unwrap(),
        r#"[["u","T5","second"],["a","T4",{"any":"value"}]]"#
    );
    assert_eq!(labels[0]["parentId"], "a");
    assert_eq!(labels[1]["parentId"], labels[0]["id"]);
}

#[test]
fn a_label_inside_the_chain_is_bridged_and_a_compaction_that_kept_from_it_keeps_from_the_next_entry()
 {
    let sessions = Sessions::new();
    let path = write(
        &sessions,
        &[
            HEADER.into(),
            user("u", ""),
            entry("l", "u", r#""type":"label","targetId":"u","label":"x""#),
            answer("a", "l"),
            entry(
                "c",
                "a",
                r#""type":"compaction","summary":"s","firstKeptEntryId":"l","tokensBefore":1"#,
            ),
        ],
    );
    let fork = sessions.forked(&path, &Cut::Leaf);
    let parsed: Vec<serde_json::Value> =
        lines(&fork).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(parsed[1]["parentId"], "u");
    assert_eq!(parsed[2]["firstKeptEntryId"], "a");
}

#[test]
fn a_leaf_line_of_newer_hosts_moves_the_leaf_and_its_children_continue_there() {
    let sessions = Sessions::new();
    let mut all = conversation();
    all.push(entry("leaf", "r2", r#""type":"leaf","targetId":"a1""#));
    let path = write(&sessions, &all);
    assert_eq!(ids(&sessions.forked(&path, &Cut::Leaf)), ["u1", "a1"]);
    all.push(user("u3", "leaf"));
    all.push(answer("a3", "u3"));
    let path = write(&sessions, &all);
    let fork = sessions.forked(&path, &Cut::Leaf);
    assert_eq!(ids(&fork), ["u1", "a1", "u3", "a3"]);
    assert!(lines(&fork)[2].contains(r#""parentId":"a1""#));
}

#[test]
fn an_entry_beside_the_path_does_not_move_a_leaf_that_leaf_lines_control() {
    let sessions = Sessions::new();
    let path = write(
        &sessions,
        &[
            HEADER.into(),
            user("u1", ""),
            answer("a1", "u1"),
            entry("x", "a1", r#""type":"leaf","targetId":"a1""#),
            entry("side", "a1", r#""type":"custom","appendMode":"side""#),
            entry("new", "side", r#""type":"never seen before""#),
            entry("bad", "new", r#""type":"leaf","targetId":"nowhere""#),
            user("u2", "new"),
        ],
    );
    assert_eq!(ids(&sessions.forked(&path, &Cut::Leaf)), ["u1", "a1", "u2"]);
}

#[test]
fn cycles_end_where_they_would_begin_again() {
    let sessions = Sessions::new();
    let path = write(&sessions, &[HEADER.into(), user("u", "a"), answer("a", "u")]);
    let fork = sessions.forked(&path, &Cut::Leaf);
    assert_eq!(ids(&fork), ["u", "a"]);
    assert!(lines(&fork)[0].contains(r#""parentId":null"#));
}

#[test]
fn nothing_to_fork_writes_nothing_and_says_why() {
    let sessions = Sessions::new();
    let names = |sessions: &Sessions| sessions.names();
    let missing = sessions.fork(&sessions.path("none.jsonl"), &Cut::Leaf).unwrap();
    assert_eq!(missing, Outcome::Nothing(NothingToFork::NoTranscript));
    let path = sessions.write(&[HEADER]);
    assert_eq!(
        sessions.fork(&path, &Cut::Leaf).unwrap(),
        Outcome::Nothing(NothingToFork::NoEntries)
    );
    let path = write(&sessions, &[HEADER.into(), user("u", "")]);
    assert_eq!(
        sessions.fork(&path, &Cut::Leaf).unwrap(),
        Outcome::Nothing(NothingToFork::NoAnswer)
    );
    let path = write(&sessions, &[HEADER.into(), user("u", ""), tool_call("t", "u")]);
    assert_eq!(
        sessions.fork(&path, &Cut::LastCompleted).unwrap(),
        Outcome::Nothing(NothingToFork::NoAnswer)
    );
    assert_eq!(names(&sessions), ["parent.jsonl", "sessions.json"]);
}

#[test]
fn what_is_no_transcript_or_has_no_such_entry_is_an_error_and_left_alone() {
    let sessions = Sessions::new();
    let path = sessions.write(&["not a session"]);
    assert!(matches!(sessions.fork(&path, &Cut::Leaf), Err(Error::NotATranscript { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "not a session\n");
    let path = write(&sessions, &conversation());
    let cut = Cut::Entry("nobody".into());
    assert!(
        matches!(sessions.fork(&path, &cut), Err(Error::NoSuchEntry { entry, .. }) if entry == "nobody")
    );
}

#[test]
fn a_transcript_outside_the_folder_is_refused_whatever_way_leads_there() {
    let sessions = Sessions::new();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("other.jsonl");
    fs::write(&target, format!("{HEADER}\n")).unwrap();
    std::os::unix::fs::symlink(&target, sessions.path("link.jsonl")).unwrap();
    fs::create_dir(sessions.path("sub")).unwrap();
    for path in [
        target.clone(),
        sessions.path("link.jsonl"),
        sessions.path("sub/x.jsonl"),
        "../other.jsonl".into(),
        "/".into(),
    ] {
        assert!(
            matches!(sessions.fork(&path, &Cut::Leaf), Err(Error::Outside { .. })),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_fork_whose_entry_cannot_be_written_leaves_no_transcript() {
    let sessions = Sessions::new();
    let path = write(&sessions, &conversation());
    fs::write(sessions.path("sessions.json"), "{ broken").unwrap();
    assert!(matches!(sessions.fork(&path, &Cut::Leaf), Err(Error::BadStore { .. })));
    assert_eq!(sessions.names(), ["parent.jsonl", "sessions.json"]);
    assert_eq!(fs::read_to_string(sessions.path("sessions.json")).unwrap(), "{ broken");
}

#[test]
fn a_growing_transcript_is_forked_as_it_is_each_time() {
    let sessions = Sessions::new();
    let mut all = vec![HEADER.to_owned()];
    let mut expected: Vec<String> = Vec::new();
    for turn in 0..50 {
        let parent = expected.last().cloned().unwrap_or_default();
        all.push(user(&format!("u{turn}"), &parent));
        all.push(answer(&format!("a{turn}"), &format!("u{turn}")));
        expected.extend([format!("u{turn}"), format!("a{turn}")]);
        let path = write(&sessions, &all);
        assert_eq!(ids(&sessions.forked(&path, &Cut::Leaf)), expected);
    }
    let path = write(&sessions, &all[..5]);
    assert_eq!(ids(&sessions.forked(&path, &Cut::Leaf)), expected[..4], "cut back by the host");
}

#[test]
fn long_files_are_read_in_parallel_and_in_order() {
    let sessions = Sessions::new();
    let mut all = vec![HEADER.to_owned()];
    let mut expected: Vec<String> = Vec::new();
    for turn in 0..3000 {
        let parent = expected.last().cloned().unwrap_or_default();
        let filler = "x\\n".repeat(if turn % 500 == 7 { 700_000 } else { turn % 1000 });
        let id = format!("e{turn}");
        all.push(entry(
            &id,
            &parent,
            &format!(r#""type":"message","message":{{"role":"assistant","content":"{filler}"}}"#),
        ));
        if turn % 100 == 3 {
            all.push("{ broken".into());
        }
        expected.push(id);
    }
    let path = write(&sessions, &all);
    assert!(fs::metadata(&path).unwrap().len() > 4 << 20);
    let fork = sessions.forked(&path, &Cut::LastCompleted);
    assert_eq!(ids(&fork), expected);
    assert_eq!(ids(&sessions.forked(&path, &Cut::Entry("e1500".into()))), expected[..=1500]);
}
