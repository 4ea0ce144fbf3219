//! Order, fairness and limits, with lanes that end in any order.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::orchestrator::event::{Origin, Subject};
use crate::orchestrator::lanes::limits::HOUR;

fn event(number: usize, chat: &str, sender: &str) -> Event {
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

fn ids(batch: &Batch) -> Vec<&str> {
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

/// Lanes that serve a queue, and what is known of every sender's wait.
struct World {
    queue: Queue,
    max_forks: usize,
    main: Option<Batch>,
    forks: Vec<Batch>,
    finished: HashMap<Target, Vec<String>>,
    /// Turns of the others since a sender heads a chat and no lane answers it.
    overtaken: HashMap<String, HashMap<String, usize>>,
    now: Instant,
}

impl World {
    fn new(limits: Limits, now: Instant) -> Self {
        Self {
            queue: Queue::new(&limits),
            max_forks: limits.max_forks,
            main: None,
            forks: Vec::new(),
            finished: HashMap::new(),
            overtaken: HashMap::new(),
            now,
        }
    }

    fn assign(&mut self) {
        if self.main.is_none()
            && let Some(batch) = self.queue.next(self.now)
        {
            self.begins(&batch);
            self.main = Some(batch);
        }
        while self.forks.len() < self.max_forks
            && let Some(batch) = self.queue.next(self.now)
        {
            self.begins(&batch);
            self.forks.push(batch);
        }
        let answered: HashSet<&str> =
            self.main.iter().chain(&self.forks).map(|batch| batch.owner().sender()).collect();
        let is_waiting = |sender: &&String| {
            !answered.contains(sender.as_str())
                && self.queue.turns.limited_until(sender, self.now).is_none()
        };
        let waiting: HashSet<String> = self.queue.ring.iter().filter(is_waiting).cloned().collect();
        self.overtaken.retain(|sender, _| waiting.contains(sender));
        for sender in waiting {
            self.overtaken.entry(sender).or_default();
        }
    }

    fn begins(&mut self, batch: &Batch) {
        let event = batch.owner();
        self.overtaken.remove(event.sender());
        for (waiting, others) in &mut self.overtaken {
            let turns = others.entry(event.sender().to_owned()).or_default();
            *turns += 1;
            assert!(*turns <= 1, "{waiting} waits for {turns} turns of {}", event.sender());
        }
    }

    /// One lane ends its turn.
    fn finish(&mut self, lane: usize, fails: bool) {
        let lane = lane % (self.forks.len() + 1);
        let batch = if lane == 0 { self.main.take() } else { Some(self.forks.remove(lane - 1)) };
        let Some(batch) = batch else { return };
        let target = batch.target();
        if lane > 0 && fails {
            for others in self.overtaken.values_mut() {
                others.remove(batch.owner().sender());
            }
            self.queue.give_back(batch);
            return self.assign();
        }
        let ids = ids(&batch).into_iter().map(str::to_owned);
        self.finished.entry(target.clone()).or_default().extend(ids);
        if lane == 0 {
            self.queue.done(&target);
        } else if let Some(next) = self.queue.next_of(&target, self.now) {
            self.begins(&next);
            self.forks.insert(lane - 1, next);
        }
        self.assign();
    }

    fn is_over(&self) -> bool {
        self.main.is_none() && self.forks.is_empty() && self.queue.is_at_rest()
    }

    fn check(&self) {
        let lanes: Vec<Target> = self.main.iter().chain(&self.forks).map(Batch::target).collect();
        let chats: HashSet<&Target> = lanes.iter().collect();
        assert_eq!(chats.len(), lanes.len(), "a chat in two lanes: {lanes:?}");
        assert!(self.forks.len() <= self.max_forks);
        assert!(
            self.main.is_some() || self.queue.ring.is_empty(),
            "main is idle and something waits"
        );
    }
}

proptest! {
    #[test]
    fn nobody_gets_a_second_turn_while_somebody_else_waits_for_the_first(
        steps in prop::collection::vec((0..8_u8, 0..6_usize, 0..5_usize), 1..300),
        max_forks in 0..4_usize,
        events in 1..4_usize,
    ) {
        let collect = CollectLimits { events, ..CollectLimits::default() };
        let limits = Limits { max_forks, collect, ..Limits::default() };
        let mut world = World::new(limits, Instant::now());
        let mut sent: HashMap<Target, Vec<String>> = HashMap::new();
        for (number, (kind, place, sender)) in steps.into_iter().enumerate() {
            if kind < 5 {
                let event = event(number, &format!("cht_{place}"), &format!("usr_{sender}"));
                sent.entry(event.target()).or_default().push(event.source_id().to_owned());
                world.queue.push(event).unwrap();
                world.assign();
            } else {
                world.finish(place, kind == 7);
            }
            world.check();
        }
        while !world.is_over() {
            (0..=world.forks.len()).rev().for_each(|lane| world.finish(lane, false));
        }
        prop_assert_eq!(world.finished, sent);
        prop_assert!(world.queue.counts.is_empty() && world.queue.served.is_empty());
        prop_assert!(world.queue.ring.is_empty() && world.queue.heads.is_empty());
    }

    #[test]
    fn no_sender_has_more_turns_in_an_hour_than_allowed_and_each_keeps_its_order(
        steps in prop::collection::vec((0..8_u8, 0..4_usize, 0..3_usize, 0..900_u64), 1..200),
        max_forks in 0..3_usize,
        sender_turns in 1..6_usize,
        events in 1..4_usize,
    ) {
        let start = Instant::now();
        let collect = CollectLimits { events, ..CollectLimits::default() };
        let limits = Limits { max_forks, sender_turns, collect, ..Limits::default() };
        let mut world = World::new(limits, start);
        let mut turns: Vec<(Instant, String, String)> = Vec::new();
        let mut senders_of: HashMap<usize, usize> = HashMap::new();
        for (number, (kind, place, sender, seconds)) in steps.into_iter().enumerate() {
            world.now += Duration::from_secs(seconds);
            if kind < 5 {
                world.queue.push(event(number, &format!("cht_{place}"), &format!("usr_{sender}"))).unwrap();
                senders_of.insert(number, sender);
                world.assign();
            } else {
                world.finish(place, false);
            }
            world.check();
            for event in world.main.iter().chain(&world.forks).flat_map(Batch::iter) {
                let (id, sender) = (event.source_id(), event.sender());
                if turns.iter().all(|(_, known, _)| known != id) {
                    turns.push((world.now, id.to_owned(), sender.to_owned()));
                }
                let recent = turns.iter().filter(|(at, _, by)| by == sender && world.now - *at < HOUR);
                prop_assert!(recent.count() <= sender_turns);
            }
        }
        let mut hours = 0;
        while world.finished.values().map(Vec::len).sum::<usize>() < senders_of.len() {
            (0..=world.forks.len()).rev().for_each(|lane| world.finish(lane, false));
            if world.main.is_none() {
                world.now += HOUR;
                hours += 1;
                world.assign();
            }
            prop_assert!(hours < 300, "what is held back is never run");
        }
        prop_assert_eq!(world.queue.len(), 0);
        for (target, ids) in &world.finished {
            for sender in 0..3 {
                let of_sender = ids.iter().map(|id| id["msg_".len()..].parse::<usize>().unwrap());
                let of_sender = of_sender.filter(|number| senders_of[number] == sender);
                prop_assert!(of_sender.is_sorted(), "{target}: {ids:?}");
            }
        }
    }
}
