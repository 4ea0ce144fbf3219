//! The journal as the orchestrator uses it: claims, turns, parts, forks, results, and what a new start finds.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

#[path = "journal_lifecycle/files.rs"]
mod files;
#[path = "journal_lifecycle/forks.rs"]
mod forks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parall::journal::{
    Claim, Clock, Condition, Details, DispatchRecord, Error, Intent, Journal, Lease, LeaseAttempt,
    NewDispatch, NewPart, Opened, Origin, PartState, SimulatedDisk, State,
};
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
    now: Arc<AtomicI64>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            now: Arc::new(AtomicI64::new(1_800_000_000_000)),
        }
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Arc::new(move || now.load(Ordering::Relaxed))
    }

    fn pass(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }

    fn open(&self) -> Opened {
        match Lease::try_acquire(&self.folder.path().join("parall"), "default").unwrap() {
            LeaseAttempt::Acquired(lease) => Journal::open(lease, self.clock()).unwrap(),
            LeaseAttempt::Held(holder) => panic!("held by {holder:?}"),
        }
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

fn part(id: &str, ordinal: u32, text: &str) -> NewPart {
    NewPart {
        ordinal,
        key: format!("openclaw:{id}:{ordinal}:{text}"),
        target: "cht_1".to_owned(),
        thread_root_id: None,
        text: text.to_owned(),
        files: Vec::new(),
    }
}

#[tokio::test]
async fn a_message_is_one_event_by_whatever_way_it_comes_and_after_a_restart() {
    let bench = Bench::new();
    let Opened { journal, .. } = bench.open();
    let announced = NewDispatch {
        id: "msg_1".to_owned(),
        origin: Origin::Announcement,
        source_id: "msg_1".to_owned(),
        ..dispatch("")
    };
    let dispatched = NewDispatch { source_id: "msg_1".to_owned(), ..dispatch("dsp_1") };
    let again = NewDispatch { source_id: "msg_1".to_owned(), ..dispatch("dsp_2") };
    let same = |state| Claim::Same { id: "msg_1".to_owned(), state };
    assert_eq!(journal.claim(announced.clone()).await.unwrap(), Claim::New);
    assert_eq!(journal.claim(dispatched.clone()).await.unwrap(), same(State::Claimed));
    journal.no_reply(["msg_1"], None).await.unwrap();
    journal.acknowledged("msg_1").await.unwrap();
    journal.close().await;
    drop(journal);
    let Opened { journal, .. } = bench.open();
    let claims = journal.claim_all(vec![announced, dispatched, again]).await.unwrap();
    let over = State::Acknowledged;
    assert_eq!(claims, [Claim::Done, same(over), same(over)]);
}

#[tokio::test]
async fn what_happened_to_a_message_and_a_task_that_is_assigned_again_are_other_events() {
    let bench = Bench::new();
    let Opened { journal, .. } = bench.open();
    let message = |id: &str, event_type: Option<&str>| NewDispatch {
        source_id: "msg_1".to_owned(),
        event_type: event_type.map(str::to_owned),
        ..dispatch(id)
    };
    let task = |id: &str, origin| NewDispatch {
        origin,
        source_type: "task".to_owned(),
        source_id: "tsk_1".to_owned(),
        ..dispatch(id)
    };
    for new in [
        message("dsp_1", Some("reaction.added")),
        message("dsp_2", None),
        message("dsp_3", Some("reaction.added")),
        task("dsp_4", Origin::Inbox),
        task("dsp_5", Origin::Inbox),
    ] {
        assert_eq!(journal.claim(new.clone()).await.unwrap(), Claim::New, "{new:?}");
    }
    let found = journal.dispatch("dsp_3").await.unwrap().unwrap();
    assert_eq!(found.event_type.as_deref(), Some("reaction.added"));
    let announced =
        NewDispatch { source_id: "tsk_9".to_owned(), ..task("tsk_9", Origin::Announcement) };
    assert_eq!(journal.claim(announced).await.unwrap(), Claim::New);
    let dispatched = NewDispatch { source_id: "tsk_9".to_owned(), ..task("dsp_9", Origin::Inbox) };
    let same = Claim::Same { id: "tsk_9".to_owned(), state: State::Claimed };
    assert_eq!(journal.claim(dispatched).await.unwrap(), same);
    let later = NewDispatch { source_id: "tsk_9".to_owned(), ..task("dsp_10", Origin::Inbox) };
    assert_eq!(journal.claim(later).await.unwrap(), Claim::New, "assigned again");
    let listed = NewDispatch { source_id: "tsk_9".to_owned(), ..task("dsp_9", Origin::Inbox) };
    assert_eq!(journal.claim(listed).await.unwrap(), same, "listed again");
    let late = task("tsk_1", Origin::Announcement);
    let same = Claim::Same { id: "dsp_4".to_owned(), state: State::Claimed };
    assert_eq!(journal.claim(late).await.unwrap(), same, "announced after its dispatch");
}

#[tokio::test]
async fn a_dispatch_is_taken_on_once_and_remembered_after_a_restart() {
    let bench = Bench::new();
    let Opened { journal, condition } = bench.open();
    assert_eq!(condition, Condition::Created);
    assert_eq!(journal.claim(dispatch("dsp_1")).await.unwrap(), Claim::New);
    assert_eq!(journal.claim(dispatch("dsp_1")).await.unwrap(), Claim::Running(State::Claimed));
    assert_eq!(journal.adopt(["dsp_1"], "turn-1", "agent:main").await.unwrap().attempt, 1);
    let intents = journal.intend("dsp_1", vec![part("dsp_1", 0, "Hello")]).await.unwrap();
    assert_eq!(intents, [Intent::Send]);
    journal.answer_complete(["dsp_1"]).await.unwrap();
    assert!(matches!(
        journal.acknowledged("dsp_1").await,
        Err(Error::Undelivered { parts: 1, .. })
    ));
    journal.part_delivered("dsp_1", 0, "msg_9").await.unwrap();
    journal.acknowledged("dsp_1").await.unwrap();
    journal.acknowledged("dsp_1").await.unwrap();
    journal.close().await;
    assert!(matches!(journal.claim(dispatch("dsp_1")).await, Err(Error::Closed)));

    let Opened { journal, condition } = bench.open();
    assert_eq!(condition, Condition::Sound);
    assert_eq!(journal.claim(dispatch("dsp_1")).await.unwrap(), Claim::Done);
    assert!(journal.recover().await.unwrap().dispatches.is_empty());
}

#[tokio::test]
async fn nothing_is_acknowledged_before_its_answer_is_known() {
    let journal = Bench::new().open().journal;
    journal.claim(dispatch("a")).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(
            journal.acknowledged("a").await,
            Err(Error::Order { state: State::Claimed, .. })
        ));
    }
    journal.adopt(["a"], "turn-1", "s").await.unwrap();
    assert!(matches!(
        journal.acknowledged("a").await,
        Err(Error::Order { state: State::Adopted, .. })
    ));
    journal.no_reply(["a"], None).await.unwrap();
    journal.acknowledged("a").await.unwrap();
    assert!(matches!(journal.acknowledged("b").await, Err(Error::Unknown { .. })));
}

#[tokio::test]
async fn a_finished_answer_is_found_after_a_restart_with_its_keys() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    for id in ["dsp_1", "dsp_2"] {
        journal.claim(dispatch(id)).await.unwrap();
    }
    let details = Details {
        target: "cht_1".into(),
        sender_kind: Some("agent".into()),
        no_reply: true,
        ..Details::default()
    };
    journal.describe("dsp_1", details.clone()).await.unwrap();
    journal.adopt(["dsp_1"], "turn-1", "agent:main").await.unwrap();
    let parts = vec![part("dsp_1", 0, "one"), part("dsp_1", 1, "two"), part("dsp_1", 2, "three")];
    journal.intend("dsp_1", parts.clone()).await.unwrap();
    journal.answer_complete(["dsp_1"]).await.unwrap();
    journal.part_delivered("dsp_1", 0, "msg_a").await.unwrap();
    journal.part_refused("dsp_1", 1, "too long").await.unwrap();
    journal.close().await;

    let journal = bench.open().journal;
    let recovery = journal.recover().await.unwrap();
    let [first, second] = recovery.dispatches.as_slice() else { panic!("{recovery:?}") };
    assert_eq!((first.record.id.as_str(), first.record.state), ("dsp_1", State::Answered));
    assert_eq!(first.record.details, Some(details));
    assert!(first.is_answered() && !second.is_answered());
    let undelivered: Vec<_> = first.undelivered().map(|record| record.part.clone()).collect();
    assert_eq!(undelivered, [parts[2].clone()]);
    assert_eq!((first.next_ordinal(), second.next_ordinal()), (3, 0));
    // The same parts come again: each keeps its fate.
    let intents = journal.intend("dsp_1", parts).await.unwrap();
    assert_eq!(
        intents,
        [
            Intent::Delivered { message_id: "msg_a".into() },
            Intent::Refused { cause: "too long".into() },
            Intent::Send
        ]
    );
}

#[tokio::test]
async fn an_answer_that_is_complete_takes_no_more_parts() {
    let journal = Bench::new().open().journal;
    journal.claim(dispatch("a")).await.unwrap();
    journal.intend("a", vec![part("a", 0, "x")]).await.unwrap();
    journal.answer_complete(["a"]).await.unwrap();
    let late = journal.intend("a", vec![part("a", 0, "x"), part("a", 1, "again")]).await.unwrap();
    assert_eq!(late, [Intent::Send, Intent::TooLate]);
    assert_eq!(journal.parts("a").await.unwrap().len(), 1);
    let conflict = journal.intend("a", vec![part("a", 0, "other")]).await;
    assert!(matches!(conflict, Err(Error::PartConflict { ordinal: 0, .. })));
}

#[tokio::test]
async fn attempts_count_crashes_and_failures_but_not_an_orderly_stop() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    journal.claim(dispatch("a")).await.unwrap();
    assert_eq!(journal.adopt(["a"], "t1", "s").await.unwrap().attempt, 1);
    journal.release(["a"]).await.unwrap();
    assert_eq!(journal.adopt(["a"], "t2", "s").await.unwrap().attempt, 1);
    // Adopted again without an end: the process died.
    assert_eq!(journal.adopt(["a"], "t3", "s").await.unwrap().attempt, 2);
    journal.fail(["a"], "model is gone", bench.clock()() + 1_000).await.unwrap();
    assert!(journal.due().await.unwrap().is_empty());
    bench.pass(1_000);
    let due = journal.due().await.unwrap();
    assert_eq!(
        (due[0].attempts, due[0].failures, due[0].cause.as_deref()),
        (2, 1, Some("model is gone"))
    );
}

#[tokio::test]
async fn a_dead_letter_waits_for_an_operator_who_retries_or_discards_it() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    for id in ["a", "b"] {
        journal.claim(dispatch(id)).await.unwrap();
        journal.adopt([id], "t", "s").await.unwrap();
        journal.intend(id, vec![part(id, 0, "half")]).await.unwrap();
        journal.dead_letter(id, "five times").await.unwrap();
    }
    assert_eq!(
        journal.claim(dispatch("a")).await.unwrap(),
        Claim::Dead { cause: "five times".into() }
    );
    assert!(journal.recover().await.unwrap().dispatches.is_empty());
    assert_eq!(journal.counters().await.unwrap().dead, 2);

    // The operator's command runs beside the gateway.
    let beside =
        Journal::open_beside(&bench.folder.path().join("parall"), "default", bench.clock())
            .unwrap();
    assert_eq!(beside.queue(10).await.unwrap().len(), 2);
    beside.retry("a").await.unwrap();
    assert!(matches!(beside.discard("a").await, Err(Error::Order { .. })));
    assert!(beside.parts("a").await.unwrap().is_empty());
    beside.discard("b").await.unwrap();
    beside.close().await;
    let due = journal.due().await.unwrap();
    assert_eq!((due[0].id.as_str(), due[0].attempts), ("a", 0));
    let again = journal.adopt(["a"], "t", "s").await.unwrap();
    assert_eq!((again.attempt, again.is_repeated), (1, true));
    let finished = journal.finished().await.unwrap();
    assert_eq!((finished.len(), finished[0].id.as_str()), (1, "b"));
    assert_eq!(journal.parts("b").await.unwrap()[0].state, PartState::Refused);
    journal.acknowledged("b").await.unwrap();
    assert!(matches!(journal.retry("b").await, Err(Error::Order { .. })));
}

#[tokio::test]
async fn the_cursor_and_notes_survive_closing_and_the_newest_counts() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    assert_eq!(journal.cursor().await.unwrap(), None);
    for number in 0..1_000 {
        journal.set_cursor(number);
    }
    journal.set_note("loop_budget", "{}".into());
    assert_eq!(journal.cursor().await.unwrap(), Some(999));
    journal.close().await;
    let journal = bench.open().journal;
    assert_eq!(journal.cursor().await.unwrap(), Some(999));
    assert_eq!(journal.note("loop_budget").await.unwrap().as_deref(), Some("{}"));
}

#[tokio::test]
async fn a_note_is_on_disk_with_what_is_recorded_after_it() {
    let clock: Clock = Arc::new(|| 0);
    let mut disk = SimulatedDisk::new(clock).unwrap();
    let journal = disk.open();
    journal.set_note("counter", "1".to_owned());
    let claim = tokio::spawn(async move { journal.claim(dispatch("dsp_1")).await });
    tokio::task::yield_now().await;
    assert_eq!((disk.write(1), disk.note("counter").unwrap()), (1, Some("1".to_owned())));
    assert_eq!(claim.await.unwrap().unwrap(), Claim::New);
}

#[tokio::test]
async fn a_cursor_reaches_the_disk_without_being_asked_for() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    journal.set_cursor(7);
    let beside =
        Journal::open_beside(&bench.folder.path().join("parall"), "default", bench.clock())
            .unwrap();
    while beside.cursor().await.unwrap() != Some(7) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_text_of_an_answer_goes_when_its_event_is_over() {
    let journal = Bench::new().open().journal;
    journal.claim(dispatch("a")).await.unwrap();
    journal.intend("a", vec![part("a", 0, "The answer")]).await.unwrap();
    journal.answer_complete(["a"]).await.unwrap();
    journal.part_delivered("a", 0, "msg_1").await.unwrap();
    assert_eq!(journal.parts("a").await.unwrap()[0].part.text, "The answer");
    journal.acknowledged("a").await.unwrap();
    assert_eq!(journal.parts("a").await.unwrap()[0].part.text, "");
}

#[tokio::test]
async fn counters_tell_what_waits_since_when() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    let start = bench.clock()();
    for id in ["a", "b", "c", "d"] {
        journal.claim(dispatch(id)).await.unwrap();
        bench.pass(10);
    }
    journal.no_reply(["a"], None).await.unwrap();
    journal.acknowledged("a").await.unwrap();
    journal.adopt(["b"], "t", "s").await.unwrap();
    journal.no_reply(["d"], None).await.unwrap();
    let counters = journal.counters().await.unwrap();
    assert_eq!(
        (counters.waiting, counters.running, counters.finishing, counters.pending()),
        (1, 1, 1, 3)
    );
    assert_eq!(counters.oldest_pending_at, Some(start + 10));
    assert!(counters.bytes > 4_096);
}

#[tokio::test]
async fn calls_that_fail_in_a_shared_transaction_leave_the_others_alone() {
    let journal = Bench::new().open().journal;
    let good: Vec<_> =
        (0..50).map(|number| journal.claim(dispatch(&format!("dsp_{number}")))).collect::<Vec<_>>();
    let bad = (0..50)
        .map(|number| journal.acknowledged(if number % 2 == 0 { "nobody" } else { "dsp_0" }));
    let (good, bad) = futures_util::join!(
        futures_util::future::join_all(good),
        futures_util::future::join_all(bad)
    );
    assert!(good.into_iter().all(|claim| claim.unwrap() == Claim::New));
    assert!(bad.into_iter().all(|acknowledged| acknowledged.is_err()));
    assert_eq!(journal.counters().await.unwrap().waiting, 50);
}

#[tokio::test]
async fn a_call_that_fails_half_way_records_nothing() {
    let journal = Bench::new().open().journal;
    journal.claim(dispatch("a")).await.unwrap();
    journal.intend("a", vec![part("a", 0, "x")]).await.unwrap();
    let parts = vec![part("a", 1, "new"), part("a", 0, "other")];
    assert!(journal.intend("a", parts).await.is_err());
    assert_eq!(journal.parts("a").await.unwrap().len(), 1);
    assert_eq!(journal.dispatch("a").await.unwrap().unwrap().state, State::Claimed);
}

#[cfg(unix)]
#[tokio::test]
async fn folder_and_files_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let folder = bench.folder.path().join("parall");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let journal = bench.open().journal;
    journal.claim(dispatch("a")).await.unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn the_dispatches_of_a_turn_begin_fail_and_end_together() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    for id in ["a", "b", "c"] {
        journal.claim(dispatch(id)).await.unwrap();
    }
    assert_eq!(journal.adopt(["a", "b", "c"], "turn-1", "s").await.unwrap().attempt, 1);
    let turn_of = |records: Vec<DispatchRecord>| -> Vec<Option<String>> {
        records.into_iter().map(|record| record.turn_id).collect()
    };
    assert_eq!(turn_of(journal.queue(9).await.unwrap()), vec![Some("turn-1".to_owned()); 3]);
    journal.separate(["a", "b", "c"], "the model is gone", 0).await.unwrap();
    for record in journal.queue(9).await.unwrap() {
        assert_eq!((record.state, record.attempts, record.failures), (State::Failed, 1, 1));
        assert_eq!(record.turn_id, None);
    }
    assert_eq!(journal.adopt(["a", "b", "c"], "turn-2", "s").await.unwrap().attempt, 2);
    // The source of one is gone meanwhile.
    journal.no_reply(["c"], None).await.unwrap();
    journal.answer_complete(["a", "b", "c"]).await.unwrap();
    let states: Vec<State> =
        journal.queue(9).await.unwrap().into_iter().map(|record| record.state).collect();
    assert_eq!(states, [State::Answered, State::Answered, State::NoReply]);
    // The first one must not be over already.
    assert!(matches!(journal.adopt(["a", "b"], "turn-3", "s").await, Err(Error::Order { .. })));
}
