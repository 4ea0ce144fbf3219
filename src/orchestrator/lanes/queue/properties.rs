//! Order, fairness and limits, with lanes that end in any order.

use std::time::Duration;

use proptest::prelude::*;

use super::tests::{event, ids};
use super::*;
use crate::orchestrator::lanes::limits::HOUR;

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
