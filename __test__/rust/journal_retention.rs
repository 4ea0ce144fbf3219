//! How long the journal remembers.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parall::journal::{Claim, Journal, NewDispatch, Origin};

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
        details: None,
    }
}

#[tokio::test]
async fn tombstones_stay_for_thirty_days_or_twenty_thousand_whichever_is_more() {
    const DAY: i64 = 86_400_000;
    let bench = Bench::new();
    let journal = &bench.journal;
    let finish = async |id: String| {
        journal.claim(dispatch(&id)).await.unwrap();
        journal.no_reply(&id, None).await.unwrap();
        journal.acknowledged(&id).await.unwrap();
    };
    for number in 0..5 {
        finish(format!("old-{number}")).await;
    }
    bench.pass(31 * DAY);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0);
    for number in 0..19_999 {
        finish(format!("new-{number}")).await;
    }
    // All but one of the old ones are both too old and too many.
    bench.pass(1);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0, "ties at the border are kept");
    finish("newest".into()).await;
    assert_eq!(journal.prune().await.unwrap().tombstones, 5);
    bench.pass(29 * DAY);
    assert_eq!(journal.prune().await.unwrap().tombstones, 0);
    assert_eq!(journal.claim(dispatch("new-0")).await.unwrap(), Claim::Done);
    assert_eq!(journal.claim(dispatch("old-0")).await.unwrap(), Claim::New);
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
