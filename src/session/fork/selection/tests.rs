//! Whatever the transcript, its end decides the same as the whole of it, or nothing.

use std::fmt::Write;
use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::session::fork::copy::{Manner, path_pieces};
use crate::session::fork::pieces::Piece;
use crate::session::transcript::cache::IndexCache;
use crate::session::transcript::tail::Tail;

const HEADER: &str = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n";
const MANNER: Manner = Manner { is_version_2: false, is_context: true };

/// What would be written, apart from the ids of new labels.
fn written(source: &OpenTranscript, index: &Index, selection: &Selection) -> Vec<String> {
    let pieces = path_pieces(source, index, &selection.path, selection.head.as_ref(), MANNER);
    let mut bytes = Vec::new();
    for piece in pieces.unwrap() {
        match piece {
            Piece::Copy(range) => bytes.extend(source.read(range).unwrap()),
            Piece::Bytes(own) => bytes.extend(own),
        }
    }
    let lines = String::from_utf8(bytes).unwrap();
    let is_label = |line: &str| line.starts_with(r#"{"type":"label","id":""#);
    lines
        .lines()
        .map(|line| if is_label(line) { line.split_once("targetId").unwrap().1 } else { line })
        .map(str::to_owned)
        .collect()
}

/// The selection from the whole transcript, as it would be written; an entry that does not exist is nothing.
fn from_whole(source: &OpenTranscript, cut: &Cut) -> Option<Vec<String>> {
    let index = IndexCache::new().index(source, None).unwrap();
    match selection(source, &index, cut, History::Context, None) {
        Ok(selection) => Some(written(source, &index, &selection)),
        Err(_) => None,
    }
}

/// The selection from the end, and how many steps back it took.
fn from_tail(source: &OpenTranscript, cut: &Cut, block: u64) -> Option<(Vec<String>, usize)> {
    let mut tail = Tail::new(source, HEADER.len() as u64, block);
    let mut steps = 0;
    while let Some(index) = tail.step_back().unwrap() {
        steps += 1;
        if let Ok(selection) = selection(source, &index, cut, History::Context, None) {
            return Some((written(source, &index, &selection), steps));
        }
    }
    None
}

fn open(text: &str) -> (tempfile::TempDir, OpenTranscript) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parent.jsonl");
    fs::write(&path, text).unwrap();
    let source = OpenTranscript::open(&path).unwrap().unwrap();
    (folder, source)
}

/// What follows what: the entry before, most often; else any other, one that comes later, none, or one that does not exist.
#[derive(Debug, Clone)]
enum Parent {
    Previous,
    Entry(usize),
    None,
    Missing,
}

#[derive(Debug, Clone)]
struct Made {
    kind: &'static str,
    parent: Parent,
    target: usize,
    is_side: bool,
    id: Option<usize>,
}

fn entries() -> impl Strategy<Value = Vec<Made>> {
    let parent = prop_oneof![
        20 => Just(Parent::Previous),
        2 => (0..24_usize).prop_map(Parent::Entry),
        1 => Just(Parent::None),
        1 => Just(Parent::Missing),
    ];
    let kinds = [
        "user",
        "user",
        "answer",
        "answer",
        "answer",
        "call",
        "compaction",
        "compaction",
        "label",
        "label",
        "custom",
        "branch_summary",
        "leaf",
        "x",
        "session",
        "broken",
    ];
    let one = (
        select(kinds.to_vec()),
        parent,
        0..24_usize,
        prop::bool::weighted(0.05),
        prop::option::weighted(0.05, 0..24_usize),
    );
    let one = one.prop_map(|(kind, parent, target, is_side, id)| Made {
        kind,
        parent,
        target,
        is_side,
        id,
    });
    vec(one, 1..24)
}

fn transcript(entries: &[Made]) -> String {
    let mut text = HEADER.to_owned();
    let mut previous = "null".to_owned();
    for (place, made) in entries.iter().enumerate() {
        let id = format!("\"e{}\"", made.id.unwrap_or(place));
        let parent = match made.parent {
            Parent::Previous => previous.clone(),
            Parent::Entry(other) => format!("\"e{other}\""),
            Parent::None => "null".into(),
            Parent::Missing => "\"nowhere\"".into(),
        };
        let target = format!("\"e{}\"", made.target);
        let (kind, rest) = match made.kind {
            "user" => ("message", r#""message":{"role":"user","content":"q"}"#.to_owned()),
            "answer" => (
                "message",
                r#""message":{"role":"assistant","stopReason":"stop","content":[]}"#.into(),
            ),
            "call" => (
                "message",
                r#""message":{"role":"assistant","stopReason":"toolUse","content":[]}"#.into(),
            ),
            "compaction" => ("compaction", format!(r#""summary":"s","firstKeptEntryId":{target}"#)),
            "label" => ("label", format!(r#""targetId":{target},"label":"l{}""#, made.target)),
            "leaf" => ("leaf", format!(r#""targetId":{target}"#)),
            "broken" => ("message", "oops".into()),
            other => (other, r#""n":1"#.into()),
        };
        let side = if made.is_side { r#","appendMode":"side""# } else { "" };
        writeln!(text, "{{\"type\":\"{kind}\",\"id\":{id},\"parentId\":{parent}{side},{rest}}}")
            .unwrap();
        if made.kind != "broken" && made.kind != "session" {
            previous = id;
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1200, ..ProptestConfig::default() })]

    #[test]
    fn the_end_decides_the_same_as_the_whole_or_nothing(
        entries in entries(),
        block in 1..400_u64,
        cut in prop_oneof![Just(Cut::LastCompleted), Just(Cut::Leaf), (0..24_usize).prop_map(|id| Cut::Entry(format!("e{id}")))],
    ) {
        let (_folder, source) = open(&transcript(&entries));
        if let Some((tail, _)) = from_tail(&source, &cut, block) {
            prop_assert_eq!(Some(tail), from_whole(&source, &cut));
        }
    }

    /// A transcript as hosts write it: one chain, with a compaction that keeps the last turn before it.
    #[test]
    fn an_ordinary_transcript_is_decided_by_what_follows_its_last_compaction(before in 5..60_usize, after in 0..4_usize, block in 50..300_u64) {
        let made = |kind, target| Made { kind, parent: Parent::Previous, target, is_side: false, id: None };
        let turns = |count: usize| (0..count).flat_map(move |_| [made("user", 0), made("answer", 0)]);
        let mut entries: Vec<Made> = turns(before).collect();
        entries.push(made("compaction", before * 2 - 2));
        entries.extend(turns(after));
        let (_folder, source) = open(&transcript(&entries));
        let (tail, _) = from_tail(&source, &Cut::LastCompleted, block).expect("decided");
        prop_assert_eq!(tail.len(), 3 + 2 * after);
        prop_assert_eq!(Some(tail), from_whole(&source, &Cut::LastCompleted));
    }
}

#[test]
fn nothing_before_the_boundary_is_read() {
    let made =
        |kind, target| Made { kind, parent: Parent::Previous, target, is_side: false, id: None };
    let mut entries: Vec<Made> =
        (0..5000).flat_map(|_| [made("user", 0), made("answer", 0)]).collect();
    entries.push(made("compaction", 9_999));
    entries.extend([made("user", 0), made("answer", 0)]);
    let (_folder, source) = open(&transcript(&entries));
    let (_, steps) = from_tail(&source, &Cut::LastCompleted, 1024).expect("decided");
    assert_eq!(steps, 1, "of about ten that the file has");
}
