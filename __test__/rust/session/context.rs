//! Forks of what the host shows its model.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use parall::session::{Cut, Error, Fork, History, Outcome};
use serde_json::Value;

use crate::support::{HEADER, Sessions, answer, entry, ids, lines, tool_call, user};

fn compaction(id: &str, parent: &str, first_kept: &str) -> String {
    entry(
        id,
        parent,
        &format!(
            r#""type":"compaction","summary":"so far \u00e9","firstKeptEntryId":"{first_kept}","tokensBefore":9"#
        ),
    )
}

/// Two turns, a compaction that keeps the second, a third turn and a running fourth.
fn compacted() -> Vec<String> {
    vec![
        HEADER.into(),
        user("u1", ""),
        answer("a1", "u1"),
        user("u2", "a1"),
        answer("a2", "u2"),
        compaction("c", "a2", "u2"),
        user("u3", "c"),
        answer("a3", "u3"),
        user("u4", "a3"),
    ]
}

fn write(sessions: &Sessions, lines: &[String]) -> PathBuf {
    sessions.write(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn context(sessions: &Sessions, path: &Path, cut: &Cut) -> Vec<String> {
    ids(&budgeted(sessions, path, cut, None).unwrap())
}

fn budgeted(
    sessions: &Sessions,
    path: &Path,
    cut: &Cut,
    budget: Option<u64>,
) -> Result<Fork, Error> {
    match sessions.fork_history(path, cut, History::Context, budget)? {
        Outcome::Forked(fork) => Ok(fork),
        Outcome::Nothing(nothing) => panic!("nothing to fork: {nothing:?}"),
    }
}

#[test]
fn a_context_begins_with_what_the_last_compaction_kept() {
    let sessions = Sessions::new();
    let path = write(&sessions, &compacted());
    assert_eq!(context(&sessions, &path, &Cut::LastCompleted), ["u2", "a2", "c", "u3", "a3"]);
    assert_eq!(context(&sessions, &path, &Cut::Leaf), ["u2", "a2", "c", "u3", "a3", "u4"]);
    assert_eq!(context(&sessions, &path, &Cut::Entry("u2".into())), ["u1", "a1", "u2"]);
}

#[test]
fn a_compaction_right_after_a_turn_belongs_to_it_and_one_in_the_running_turn_does_not() {
    let sessions = Sessions::new();
    let mut all = compacted();
    all.truncate(6);
    let path = write(&sessions, &all);
    assert_eq!(context(&sessions, &path, &Cut::LastCompleted), ["u2", "a2", "c"]);
    all.insert(5, tool_call("t", "a2"));
    all[6] = compaction("c", "t", "u2");
    let path = write(&sessions, &all);
    assert_eq!(context(&sessions, &path, &Cut::LastCompleted), ["u1", "a1", "u2", "a2"]);
}

#[test]
fn a_context_of_which_nothing_was_kept_still_holds_an_answer() {
    let sessions = Sessions::new();
    let mut all = compacted();
    all.truncate(5);
    for first_kept in ["c", "nowhere"] {
        let mut all = all.clone();
        all.push(compaction("c", "a2", first_kept));
        let path = write(&sessions, &all);
        // Hosts empty a transcript without an answer. It is not shown: nothing was kept.
        assert_eq!(context(&sessions, &path, &Cut::Leaf), ["a2", "c"], "{first_kept}");
    }
}

#[test]
fn labels_stay_with_what_they_mark() {
    let sessions = Sessions::new();
    let mut all = compacted();
    let label = |id: &str, parent: &str, target: &str| {
        entry(id, parent, &format!(r#""type":"label","targetId":"{target}","label":"l-{target}""#))
    };
    all.extend([label("l1", "u4", "a1"), label("l2", "l1", "a2"), label("l3", "l2", "a3")]);
    let fork = budgeted(&sessions, &write(&sessions, &all), &Cut::LastCompleted, None).unwrap();
    let labels: Vec<String> =
        lines(&fork).into_iter().filter(|line| line.contains("label")).collect();
    assert_eq!(labels.len(), 2);
    assert!(labels[0].contains("l-a2") && labels[1].contains("l-a3"));
}

/// A hole takes no space and reads as zeros: a line of four gigabytes that no scan would get through in a test's time.
#[test]
fn what_stands_before_the_context_is_not_read() {
    let sessions = Sessions::new();
    let path = write(&sessions, &[HEADER.into()]);
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4 << 30)).unwrap();
    writeln!(file).unwrap();
    for line in &compacted()[1..] {
        writeln!(file, "{line}").unwrap();
    }
    assert_eq!(context(&sessions, &path, &Cut::LastCompleted), ["u2", "a2", "c", "u3", "a3"]);
}

#[test]
fn over_the_budget_the_newest_turns_stay_and_a_line_says_what_is_missing() {
    let sessions = Sessions::new();
    let long = |id: &str, parent: &str| {
        let text = "x".repeat(4000);
        entry(
            id,
            parent,
            &format!(r#""type":"message","message":{{"role":"user","content":"{text}"}}"#),
        )
    };
    let mut all = compacted();
    all.splice(6.., [long("u3", "c"), answer("a3", "u3"), long("u4", "a3"), answer("a4", "u4")]);
    all[5] = compaction("c", "a2", "u1");
    let path = write(&sessions, &all);
    let fork = budgeted(&sessions, &path, &Cut::LastCompleted, Some(1500)).unwrap();
    let made = lines(&fork);
    assert_eq!(ids(&fork)[1..], ["u4", "a4"]);
    assert_eq!(fork.left_out, 6);
    let summary = r#""summary":"so far \u00e9\n\n[Left out of this copy of the conversation: 6 earlier messages, which would not fit into the model's context]""#;
    assert!(made[0].contains(summary), "{}", made[0]);
    let parent: Value = serde_json::from_str(&made[1]).unwrap();
    assert_eq!(parent["parentId"], *ids(&fork)[0]);
    let all_of_it = budgeted(&sessions, &path, &Cut::LastCompleted, Some(4000)).unwrap();
    assert_eq!((ids(&all_of_it).len(), all_of_it.left_out), (9, 0));
}

#[test]
fn a_newest_turn_that_does_not_fit_is_refused_and_nothing_is_written() {
    let sessions = Sessions::new();
    let counted = r#""type":"message","message":{"role":"assistant","content":[],"stopReason":"stop","usage":{"input":900,"cacheRead":50,"output":50}}"#;
    let path = write(&sessions, &[HEADER.into(), user("u", ""), entry("a", "u", counted)]);
    assert!(budgeted(&sessions, &path, &Cut::LastCompleted, Some(1000)).is_ok());
    let before = sessions.names();
    let refused = budgeted(&sessions, &path, &Cut::LastCompleted, Some(999)).unwrap_err();
    assert!(matches!(refused, Error::OverBudget { tokens: 1000, budget: 999 }));
    assert_eq!(sessions.names(), before);
}

#[test]
fn old_versions_and_headers_that_are_not_first_are_read_as_a_whole() {
    let sessions = Sessions::new();
    for (first, version) in [("", 2), ("broken\n", 3)] {
        let mut all = compacted();
        all[0] = format!(
            "{first}{}",
            HEADER.replace("\"version\":3", &format!("\"version\":{version}"))
        );
        let path = write(&sessions, &all);
        assert_eq!(context(&sessions, &path, &Cut::LastCompleted), ["u2", "a2", "c", "u3", "a3"]);
        fs::remove_file(path).unwrap();
    }
}
