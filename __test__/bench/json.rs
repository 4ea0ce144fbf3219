//! Scanning the lines of a transcript: our scanner beside `serde_json`, which does less (the first row of it) or the same (the second).
//!
//! `cargo bench --bench json`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured"
)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use parall::session::scan_members;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Bytes of all lines together.
const SIZE: usize = 60_000_000;
/// Runs of each; they take turns, so that a busy moment of the machine hits all of them.
const RUNS: usize = 15;
const WORDS: [&str; 12] = [
    "the", "session", "fork", "writes", "entries", "when", "agent", "tool", "result", "path",
    "error", "ok",
];
/// About one word in six needs an escape or is not ASCII, as in code and prose.
const MARKS: [&str; 8] =
    ["\\\"key\\\": 1,", "\\n    ", "\\t", "/src/index.ts:42", "=> {", "C:\\\\dir", "é", "漢字"];

/// What is measured: its name, and the work on a line.
type Row<'s> = (&'s str, &'s dyn Fn(&[u8]) -> usize);

fn main() {
    let lines = transcript();
    let bytes: usize = lines.iter().map(String::len).sum();
    let run = |what: &str, scan: &dyn Fn(&[u8]) -> usize| {
        let started = Instant::now();
        let found: usize = lines.iter().map(|line| scan(black_box(line.as_bytes()))).sum();
        assert!(found > 0, "{what}");
        started.elapsed().as_secs_f64()
    };
    let rows: [Row<'_>; 3] = [
        ("ours: validity, members of two levels", &|line| scan_members(line).unwrap()),
        ("serde_json: validity alone", &|line| {
            serde_json::from_slice::<IgnoredAny>(line).unwrap();
            line.len()
        }),
        ("serde_json: members of two levels", &two_levels),
    ];
    let mut times = rows.map(|_| Vec::new());
    for _ in 0..RUNS {
        for ((what, scan), times) in rows.iter().zip(&mut times) {
            times.push(run(what, *scan));
        }
    }
    let medians = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[RUNS / 2]
    });
    println!("{} lines, {} MB", lines.len(), bytes / 1_000_000);
    for ((what, _), median) in rows.iter().zip(medians) {
        let megabytes = u32::try_from(bytes / 1_000_000).unwrap();
        println!(
            "{what:40} {:6.0} MB/s, {:.2} times as long",
            f64::from(megabytes) / median,
            median / medians[0]
        );
    }
}

/// What `serde_json` needs for the same: where the members of the line and of its objects are.
fn two_levels(line: &[u8]) -> usize {
    type Members<'t> = HashMap<Cow<'t, str>, &'t RawValue>;
    let members: Members<'_> = serde_json::from_slice(line).unwrap();
    let inner = members.values().filter(|value| value.get().starts_with('{')).map(|value| {
        let members: Members<'_> = serde_json::from_str(value.get()).unwrap();
        members.len()
    });
    members.len() + inner.sum::<usize>()
}

/// Lines as hosts write them: a few kilobytes each, now and then a large one.
fn transcript() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut lines = Vec::new();
    let mut size = 0;
    while size < SIZE {
        let length = if random.u8(..) < 3 { 150_000 } else { random.usize(500..5_000) };
        let mut line = format!(
            r#"{{"type":"message","id":"{:08x}","parentId":"{:08x}","timestamp":"2026-04-01T00:00:00.000Z","message":{{"role":"assistant","content":[{{"type":"text","text":""#,
            random.u32(..),
            random.u32(..)
        );
        while line.len() < length {
            let word = if random.u8(..) < 46 { random.choice(MARKS) } else { random.choice(WORDS) };
            write!(line, "{} ", word.unwrap()).unwrap();
        }
        line.push_str(r#""}],"provider":"anthropic","usage":{"input":1200,"output":40,"cost":{"total":0.12}},"stopReason":"stop"}}"#);
        size += line.len();
        lines.push(line);
    }
    lines
}
