//! How long the journal remembers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parall::journal::{Claim, Journal, NewDispatch, NewPart, Origin};

/// A journal in memory whose clock the test moves.
struct Bench {
    now: Arc<AtomicI64>,
    journal: Journal,
}

impl Bench {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(1_800_000_000_000));
        let clock = Arc::clone(&now);
        let journal = Journal::in_memory(Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
        Self { now, journal }
    }

    fn pass(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

fn dispatch(id: &str) -> NewDispatch {
    NewDispatch {
        id: id.to_owned(),
        origin: Origin::Inbox,
        source_type: "message".to_owned(),
        source_id: format!("msg_{id}"),
        event_type: None,
    }
}

async fn finish(journal: &Journal, id: &str) {
    journal.claim(dispatch(id)).await.unwrap();
    journal.no_reply([id], None).await.unwrap();
    journal.acknowledged(id).await.unwrap();
}

const DAY: i64 = 86_400_000;

#[tokio::test]
async fn tombstones_stay_for_thirty_days_or_twenty_thousand_whichever_is_more() {
    let bench = Bench::new();
    let journal = &bench.journal;
    for number in 0..5 {
        finish(journal, &format!("old-{number}")).await;
    }
    bench.pass(32 * DAY);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0);
    for number in 0..19_999 {
        finish(journal, &format!("new-{number}")).await;
    }
    // All but one of the old ones are both too old and too many.
    bench.pass(1);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0, "ties at the border are kept");
    finish(journal, "newest").await;
    assert_eq!(journal.prune().await.unwrap().tombstones, 5);
    assert_eq!(journal.claim(dispatch("new-0")).await.unwrap(), Claim::Done);
    assert_eq!(journal.claim(dispatch("old-0")).await.unwrap(), Claim::New);
}

#[tokio::test]
async fn a_clock_that_is_a_day_ahead_or_years_ahead_forgets_nothing_early_and_nothing_never() {
    let bench = Bench::new();
    let journal = &bench.journal;
    bench.pass(3_650 * DAY);
    for number in 0..5 {
        finish(journal, &format!("of the future {number}")).await;
    }
    bench.pass(-3_650 * DAY);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0);
    bench.pass(1);
    for number in 0..20_000 {
        finish(journal, &format!("{number}")).await;
    }
    // Nearly thirty days pass, and the clock is a day ahead.
    bench.pass(30 * DAY - 1 + DAY);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0);
    bench.pass(1);
    assert_eq!(journal.prune().await.unwrap().tombstones, 5);
}

#[tokio::test]
async fn the_delivered_parts_of_an_answer_are_known_for_a_day_by_any_clock() {
    let bench = Bench::new();
    let journal = &bench.journal;
    journal.claim(dispatch("dsp_1")).await.unwrap();
    let part = NewPart {
        ordinal: 0,
        key: "key".to_owned(),
        target: "tsk_1".to_owned(),
        thread_root_id: None,
        text: "ok".to_owned(),
        files: Vec::new(),
    };
    journal.intend("dsp_1", vec![part]).await.unwrap();
    journal.answer_complete(["dsp_1"]).await.unwrap();
    journal.part_delivered("dsp_1", 0, "cmt_1").await.unwrap();
    journal.acknowledged("dsp_1").await.unwrap();
    bench.pass(DAY + DAY);
    journal.prune().await.unwrap();
    assert!(journal.is_delivered("cmt_1").await.unwrap());
    assert!(!journal.is_delivered("cmt_2").await.unwrap());
    bench.pass(1);
    journal.prune().await.unwrap();
    assert!(!journal.is_delivered("cmt_1").await.unwrap());
}

#[tokio::test]
async fn what_an_operator_retries_is_due_at_once_whichever_clock_is_ahead() {
    for ahead in [-DAY, 0, DAY] {
        let bench = Bench::new();
        let journal = &bench.journal;
        journal.claim(dispatch("dsp_1")).await.unwrap();
        journal.dead_letter("dsp_1", "poison").await.unwrap();
        bench.pass(ahead);
        journal.retry("dsp_1").await.unwrap();
        bench.pass(-ahead);
        assert_eq!(journal.due().await.unwrap().len(), 1, "{ahead}");
    }
}

#[tokio::test]
async fn too_many_dead_letters_are_discarded_from_the_oldest_on() {
    let journal = Bench::new().journal;
    for number in 0..1_003 {
        let id = format!("dsp_{number}");
        journal.claim(dispatch(&id)).await.unwrap();
        journal.dead_letter(&id, "poison").await.unwrap();
    }
    assert_eq!(journal.prune().await.unwrap().dead_letters, 3);
    let discarded: Vec<_> =
        journal.finished().await.unwrap().into_iter().map(|record| record.id).collect();
    assert_eq!(discarded, ["dsp_0", "dsp_1", "dsp_2"]);
}
