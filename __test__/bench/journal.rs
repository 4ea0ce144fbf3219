//! What the journal costs: admitting a burst, a dispatch's whole life, opening a large database.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured"
)]

use std::path::Path;
use std::time::Instant;

use futures_util::StreamExt;
use parall::journal::{Journal, Lease, LeaseAttempt, NewDispatch, NewPart, Origin, system_clock};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The disk of the project, not a file system in memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let folder = folder.path();
    println!("resident at start: {} MiB", resident());
    let journal = open(folder);
    for at_once in [1, 16, 256, 10_000] {
        let started = Instant::now();
        burst(&journal, &format!("burst-{at_once}"), 10_000, at_once).await;
        report(&format!("10,000 claims, {at_once} at once"), 10_000, started);
    }
    let started = Instant::now();
    lives(&journal, 2_000, 5).await;
    report("2,000 whole lives of one part, 5 at once", 2_000, started);
    println!("resident after 42,000: {} MiB", resident());
    burst(&journal, "more", 60_000, 1_000).await;
    let started = Instant::now();
    let counters = journal.counters().await.unwrap();
    println!(
        "counters of {} pending: {:?}, {} bytes",
        counters.pending(),
        started.elapsed(),
        counters.bytes
    );
    println!("resident after 102,000: {} MiB", resident());
    journal.close().await;
    let started = Instant::now();
    let journal = open(folder);
    println!("opening with 102,000 dispatches: {:?}", started.elapsed());
    let started = Instant::now();
    let recovered = journal.recover().await.unwrap().dispatches.len();
    println!("recovering {recovered} of them: {:?}", started.elapsed());
    journal.close().await;
}

fn open(folder: &Path) -> Journal {
    match Lease::try_acquire(folder, "bench").unwrap() {
        LeaseAttempt::Acquired(lease) => Journal::open(lease, system_clock()).unwrap().journal,
        LeaseAttempt::Held(holder) => panic!("held by {holder:?}"),
    }
}

fn dispatch(name: &str, number: usize) -> NewDispatch {
    NewDispatch {
        id: format!("dsp_{name}_{number:026}"),
        origin: Origin::Inbox,
        source_type: "message".into(),
        source_id: format!("msg_{name}_{number:026}"),
        event_type: None,
    }
}

async fn burst(journal: &Journal, name: &str, count: usize, at_once: usize) {
    futures_util::stream::iter(0..count)
        .for_each_concurrent(at_once, |number| async move {
            journal.claim(dispatch(name, number)).await.unwrap();
        })
        .await;
}

async fn lives(journal: &Journal, count: usize, at_once: usize) {
    futures_util::stream::iter(0..count)
        .for_each_concurrent(at_once, |number| async move {
            let dispatch = dispatch("life", number);
            let id = dispatch.id.clone();
            journal.claim(dispatch).await.unwrap();
            journal.adopt([&id], "turn", "agent:main:parall").await.unwrap();
            let part = NewPart {
                ordinal: 0,
                key: format!("openclaw:{id}:0"),
                target: "cht_1".into(),
                thread_root_id: None,
                text: "An answer of some length. ".repeat(40),
                files: Vec::new(),
            };
            journal.intend(&id, vec![part]).await.unwrap();
            journal.answer_complete([id.as_str()]).await.unwrap();
            journal.part_delivered(&id, 0, "msg_1").await.unwrap();
            journal.acknowledged(&id).await.unwrap();
        })
        .await;
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn report(what: &str, count: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what}: {seconds:.2} s, {:.0} a second", count as f64 / seconds);
}

/// Resident memory of this process in MiB; zero where it cannot be told.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
        / 1_024
}
