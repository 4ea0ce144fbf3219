use proptest::prelude::*;

use super::*;

fn task(key: &str) -> Identity {
    Identity { key: key.to_owned(), source: None }
}

fn message(key: &str, id: &str) -> Identity {
    Identity { key: key.to_owned(), source: Some(id.to_owned()) }
}

fn done(key: &str) -> EventState {
    EventState::Done { key: key.to_owned() }
}

#[test]
fn a_key_is_new_once_and_keeps_its_end() {
    let in_flight = InFlight::default();
    assert_eq!(in_flight.claim(&task("a")), EventState::New);
    assert_eq!(in_flight.claim(&task("a")), EventState::Running);
    in_flight.done("a");
    assert_eq!(in_flight.claim(&task("a")), done("a"));
    assert_eq!(in_flight.claim(&task("b")), EventState::New);
    in_flight.release("b");
    assert_eq!(in_flight.claim(&task("b")), EventState::New);
    in_flight.failed("b");
    assert_eq!(in_flight.claim(&task("b")), EventState::Failed);
}

#[test]
fn a_message_is_one_event_whatever_way_it_comes() {
    let in_flight = InFlight::default();
    assert_eq!(in_flight.claim(&message("msg_1", "msg_1")), EventState::New);
    assert_eq!(in_flight.claim(&message("dsp_1", "msg_1")), EventState::Running);
    in_flight.done("msg_1");
    assert_eq!(in_flight.claim(&message("dsp_1", "msg_1")), done("msg_1"));
    in_flight.release("msg_1");
    assert_eq!(in_flight.claim(&message("dsp_1", "msg_1")), EventState::New);
    assert_eq!(in_flight.claim(&message("msg_1", "msg_1")), EventState::Running);
}

#[test]
fn an_event_that_the_journal_knows_by_another_key_leads_there() {
    let in_flight = InFlight::default();
    in_flight.claim(&message("dsp_1", "msg_1"));
    in_flight.done("msg_1");
    in_flight.merge("dsp_1", "msg_1");
    assert_eq!(in_flight.claim(&message("dsp_1", "msg_1")), done("msg_1"));
    assert_eq!(*in_flight.load.borrow(), Load::default());
}

#[tokio::test]
async fn there_is_room_until_events_or_bytes_are_too_many() {
    let in_flight = InFlight::new(2);
    in_flight.claim(&task("a"));
    in_flight.weigh("a", MOST_BYTES);
    assert!(in_flight.is_full() && !in_flight.is_heavy(), "it would wait for itself");
    in_flight.loaded("a", MOST_BYTES);
    assert!(in_flight.is_full() && in_flight.is_heavy());
    in_flight.loaded("a", 1);
    assert!(!in_flight.is_full() && !in_flight.is_heavy());
    in_flight.claim(&task("b"));
    assert!(in_flight.is_full() && !in_flight.is_heavy());
    in_flight.done("a");
    in_flight.room().await;
    in_flight.half_empty().await;
    in_flight.release("b");
    assert_eq!(*in_flight.load.borrow(), Load::default());
}

#[test]
fn memory_is_bounded() {
    let in_flight = InFlight::default();
    for number in 0..FINISHED_LIMIT + 5 {
        in_flight.claim(&message(&number.to_string(), &format!("msg_{number}")));
        in_flight.done(&number.to_string());
    }
    let keys = in_flight.lock();
    let sizes = [keys.finished.len(), keys.sources.len(), keys.running.len()];
    assert_eq!(sizes, [FINISHED_LIMIT, FINISHED_LIMIT, 0]);
    drop(keys);
    assert_eq!(in_flight.claim(&message("0", "msg_0")), EventState::New);
}

#[test]
fn an_operator_who_tries_again_and_again_pushes_nobody_out_and_leaves_the_count_right() {
    let in_flight = InFlight::new(10);
    in_flight.claim(&task("answered"));
    in_flight.done("answered");
    for _ in 0..=FINISHED_LIMIT {
        in_flight.claim(&task("retried"));
        in_flight.failed("retried");
        in_flight.release("retried");
    }
    assert_eq!(in_flight.claim(&task("answered")), done("answered"));
    for number in 0..10 {
        assert!(!in_flight.is_full());
        in_flight.claim(&task(&number.to_string()));
    }
    assert!(in_flight.is_full());
}

proptest! {
    #[test]
    fn whatever_happens_the_load_is_that_of_what_runs(
        steps in prop::collection::vec((0..7_u8, 0..5_u8, 0..100_usize), 0..200),
    ) {
        let in_flight = InFlight::default();
        for (step, key, bytes) in steps {
            let key = key.to_string();
            match step {
                0 | 1 => drop(in_flight.claim(&message(&key, &format!("msg_{}", bytes % 3)))),
                2 => in_flight.weigh(&key, bytes),
                3 => in_flight.loaded(&key, bytes),
                4 => in_flight.done(&key),
                5 => in_flight.failed(&key),
                _ => in_flight.release(&key),
            }
            let keys = in_flight.lock();
            let bytes = keys.running.values().map(|event| event.bytes).sum();
            let loaded = keys.running.values().filter(|event| event.is_loaded);
            let loaded = loaded.map(|event| event.bytes).sum();
            let load = Load { events: keys.running.len(), bytes, loaded };
            prop_assert_eq!(*in_flight.load.borrow(), load);
            prop_assert!(keys.running.keys().all(|key| !keys.finished.contains_key(key)));
        }
    }
}
