//! Order, fairness and limits, one by one.

use serde_json::json;

use super::*;
use crate::orchestrator::event::{Origin, Subject};
use crate::orchestrator::lanes::limits::HOUR;

pub(super) fn event(number: usize, chat: &str, sender: &str) -> Event {
    let message = json!({"id": format!("msg_{number}"), "chat_id": chat, "sender_id": sender});
    let subject = Subject::Message {
        message: serde_json::from_value(message).unwrap(),
        chat: serde_json::from_value(json!({"id": chat})).unwrap(),
    };
    Event::new(Origin::Announcement, subject)
}

fn chat(name: &str) -> Target {
    Target::Chat(name.to_owned())
}

/// A queue whose turns have one event each.
fn queue(limits: Limits) -> Queue {
    let collect = CollectLimits { events: 1, ..CollectLimits::default() };
    Queue::new(&Limits { collect, ..limits })
}

pub(super) fn ids(batch: &Batch) -> Vec<&str> {
    batch.iter().map(Event::source_id).collect()
}

/// Who gets the next turns of one lane.
fn senders(queue: &mut Queue, most: usize) -> Vec<String> {
    let mut senders = Vec::new();
    while senders.len() < most
        && let Some(event) = queue.next(Instant::now())
    {
        queue.done(&event.target());
        senders.push(event.owner().sender().to_owned());
    }
    senders
}

#[test]
fn one_sender_with_six_full_chats_does_not_make_another_wait() {
    let mut queue = queue(Limits { sender_waiting: 10_000, ..Limits::default() });
    for number in 0..1_200 {
        queue.push(event(number, &format!("cht_{}", number % 6), "usr_eve")).unwrap();
    }
    queue.push(event(1_200, "cht_ada", "usr_ada")).unwrap();
    queue.push(event(1_201, "cht_ada", "usr_ada")).unwrap();
    assert_eq!(senders(&mut queue, 4), ["usr_eve", "usr_ada", "usr_eve", "usr_ada"]);
    assert_eq!(queue.len(), 1_198);
}

#[test]
fn the_chats_of_one_sender_take_turns_too() {
    let mut queue = queue(Limits::default());
    for (number, name) in ["cht_a", "cht_a", "cht_a", "cht_b", "cht_c"].iter().enumerate() {
        queue.push(event(number, name, "usr_eve")).unwrap();
    }
    let mut chats = Vec::new();
    while let Some(event) = queue.next(Instant::now()) {
        queue.done(&event.target());
        chats.push(event.target().to_string());
    }
    assert_eq!(chats, ["cht_a", "cht_b", "cht_c", "cht_a", "cht_a"]);
}

#[test]
fn a_fork_keeps_its_chat_until_somebody_waits_to_whom_no_lane_answers() {
    let now = Instant::now();
    let mut queue = queue(Limits::default());
    for number in 0..4 {
        queue.push(event(number, "cht_a", "usr_eve")).unwrap();
    }
    assert_eq!(queue.next(now).unwrap().owner().source_id(), "msg_0");
    assert!(queue.next(now).is_none(), "a chat is in one lane");
    assert_eq!(queue.next_of(&chat("cht_a"), now).unwrap().owner().source_id(), "msg_1");
    queue.push(event(4, "cht_b", "usr_eve")).unwrap();
    assert_eq!(queue.next_of(&chat("cht_a"), now).unwrap().owner().source_id(), "msg_2");
    queue.push(event(5, "cht_ada", "usr_ada")).unwrap();
    assert!(queue.next_of(&chat("cht_a"), now).is_none());
    let next: Vec<_> =
        (0..3).map(|_| queue.next(now).unwrap().owner().source_id().to_owned()).collect();
    assert_eq!(next, ["msg_4", "msg_5", "msg_3"]);
}

#[test]
fn what_a_lane_gives_back_is_first_again() {
    let now = Instant::now();
    let mut queue = queue(Limits::default());
    queue.push(event(0, "cht_a", "usr_ada")).unwrap();
    queue.push(event(1, "cht_a", "usr_ada")).unwrap();
    queue.push(event(2, "cht_b", "usr_ben")).unwrap();
    let taken = queue.next(now).unwrap();
    queue.give_back(taken);
    assert_eq!(queue.len(), 3);
    assert_eq!(senders(&mut queue, 9), ["usr_ada", "usr_ben", "usr_ada"]);
}

#[test]
fn a_sender_has_no_more_events_waiting_than_allowed_and_the_others_do_not_notice() {
    let mut queue = queue(Limits { sender_waiting: 2, ..Limits::default() });
    assert!(queue.push(event(0, "cht_a", "usr_eve")).is_ok());
    assert!(queue.push(event(1, "cht_b", "usr_eve")).is_ok());
    let refused = queue.push(event(2, "cht_c", "usr_eve")).unwrap_err();
    assert_eq!(refused.source_id(), "msg_2");
    assert!(queue.push(event(3, "cht_a", "usr_ada")).is_ok());
    for number in 4..9 {
        assert!(queue.push(event(number, "cht_d", "")).is_ok(), "nobody is limited without a name");
    }
    assert_eq!(queue.next(Instant::now()).unwrap().owner().source_id(), "msg_0");
    assert!(queue.push(event(9, "cht_c", "usr_eve")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_hour_waits_in_order_and_delays_nobody_else_in_its_chat() {
    let start = Instant::now();
    let mut queue = queue(Limits { sender_turns: 2, ..Limits::default() });
    for (number, sender) in
        ["usr_eve", "usr_eve", "usr_eve", "usr_ada", "usr_eve"].iter().enumerate()
    {
        queue.push(event(number, "cht_group", sender)).unwrap();
    }
    let mut take = |now| {
        let event = queue.next(now)?;
        queue.done(&event.target());
        Some(event.owner().source_id().to_owned())
    };
    let ids: Vec<String> = std::iter::from_fn(|| take(start)).collect();
    assert_eq!(ids, ["msg_0", "msg_1", "msg_3"]);
    assert_eq!(queue.held().collect::<Vec<_>>(), ["usr_eve"]);
    assert!(queue.is_at_rest() && queue.len() == 2);
    assert_eq!(queue.next_release(start), Some(start + HOUR));
    queue.push(event(5, "cht_group", "usr_eve")).unwrap();
    queue.push(event(6, "cht_group", "usr_ada")).unwrap();
    let later = start + HOUR;
    let mut take = |now| {
        let event = queue.next(now)?;
        queue.done(&event.target());
        Some(event.owner().source_id().to_owned())
    };
    let ids: Vec<String> = std::iter::from_fn(|| take(later)).collect();
    assert_eq!(ids, ["msg_6", "msg_2", "msg_4"]);
    assert_eq!(queue.len(), 1);
}

fn collecting(events: usize) -> Queue {
    let collect = CollectLimits { events, ..CollectLimits::default() };
    Queue::new(&Limits { collect, ..Limits::default() })
}

#[test]
fn what_waits_in_a_chat_shares_a_turn_whoever_wrote_it_and_what_comes_later_does_not() {
    let now = Instant::now();
    let mut queue = collecting(3);
    for (number, sender) in ["usr_ada", "usr_ben", "usr_ada", "usr_ada"].iter().enumerate() {
        queue.push(event(number, "cht_a", sender)).unwrap();
    }
    queue.push(event(4, "cht_b", "usr_cyd")).unwrap();
    let batch = queue.next(now).unwrap();
    assert_eq!(ids(&batch), ["msg_0", "msg_1", "msg_2"]);
    assert_eq!((queue.len(), queue.of("usr_ada"), queue.of("usr_ben")), (2, 1, 0));
    assert_eq!(ids(&queue.next(now).unwrap()), ["msg_4"]);
    queue.push(event(5, "cht_a", "usr_ben")).unwrap();
    assert_eq!(ids(&queue.next_of(&chat("cht_a"), now).unwrap()), ["msg_3", "msg_5"]);
    assert_eq!(queue.len(), 0);
}

#[test]
fn what_failed_together_runs_alone_before_what_came_later() {
    let now = Instant::now();
    let mut queue = collecting(20);
    for number in 0..3 {
        queue.push(event(number, "cht_a", "usr_ada")).unwrap();
    }
    let mut batch = queue.next(now).unwrap();
    queue.push(event(3, "cht_a", "usr_ada")).unwrap();
    queue.push(event(4, "cht_a", "usr_ada")).unwrap();
    queue.put_back(batch.split());
    queue.done(&chat("cht_a"));
    let mut turns = Vec::new();
    while let Some(batch) = queue.next(now) {
        queue.done(&batch.target());
        turns.push(ids(&batch).join(" "));
    }
    assert_eq!(turns, ["msg_1", "msg_2", "msg_3 msg_4"]);
}

#[test]
fn a_batch_that_is_given_back_is_whole_and_first_again() {
    let now = Instant::now();
    let mut queue = collecting(20);
    queue.push(event(0, "cht_a", "usr_ada")).unwrap();
    queue.push(event(1, "cht_a", "usr_ben")).unwrap();
    let batch = queue.next(now).unwrap();
    queue.push(event(2, "cht_b", "usr_cyd")).unwrap();
    queue.give_back(batch);
    assert_eq!((queue.len(), queue.of("usr_ben")), (3, 1));
    assert_eq!(ids(&queue.next(now).unwrap()), ["msg_0", "msg_1"]);
}

#[tokio::test(start_paused = true)]
async fn every_message_of_a_turn_counts_for_its_sender() {
    let now = Instant::now();
    let limits = Limits { sender_turns: 2, ..Limits::default() };
    let mut queue = Queue::new(&limits);
    for (number, sender) in ["usr_ada", "usr_eve", "usr_eve", "usr_eve"].iter().enumerate() {
        queue.push(event(number, "cht_a", sender)).unwrap();
    }
    assert_eq!(ids(&queue.next(now).unwrap()), ["msg_0", "msg_1", "msg_2"]);
    queue.done(&chat("cht_a"));
    assert!(queue.next(now).is_none());
    assert_eq!(queue.held().collect::<Vec<_>>(), ["usr_eve"]);
    assert_eq!(ids(&queue.next(now + HOUR).unwrap()), ["msg_3"]);
}
