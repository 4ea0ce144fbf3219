//! The events that wait for a turn, in an order that is fair to their senders.
//!
//! Every chat and task has a queue of its own, in the order of arrival, and is served by one lane at a time. The sender of the
//! first event of a chat that no lane serves **heads** that chat. The senders that head a chat take turns: the next turn goes to
//! the one that waits longest for it, for the chat of its that waits longest. A fork keeps its chat for several turns only as
//! long as no other sender waits to whom no lane answers. Hence:
//!
//! **While a sender heads a chat and no lane answers it, every other sender gets at most one turn.**
//!
//! A turn takes what waits behind its event in the same chat and thread along, whoever wrote it, see [`Batch`]. It is the turn of the
//! first event's sender, and counts for every sender whose events are in it.
//!
//! Events of a sender that has had its turns for the hour are held back beside the queues, so they delay nobody else.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

use super::limits::{HourlyTurns, Limits};
use crate::orchestrator::batch::{Batch, CollectLimits};
use crate::orchestrator::event::Event;
use crate::orchestrator::target::Target;

/// What waits, what is served, and who is next.
pub(crate) struct Queue {
    /// What waits in each chat or task. None is empty.
    chats: BTreeMap<Target, VecDeque<Event>>,
    /// The chats and tasks that a lane serves, and whom it answers there.
    served: HashMap<Target, String>,
    /// The senders that head a chat, the next one first.
    ring: VecDeque<String>,
    /// The chats that each of them heads, the next one first. None is empty.
    heads: HashMap<String, VecDeque<Target>>,
    /// Events of senders that have had their turns for the hour.
    held: BTreeMap<String, VecDeque<Event>>,
    /// How many events of each sender wait, those held back included.
    counts: HashMap<String, usize>,
    waiting: usize,
    turns: HourlyTurns,
    most_of_a_sender: usize,
    collect: CollectLimits,
}

impl Queue {
    /// Nothing waits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            chats: BTreeMap::new(),
            served: HashMap::new(),
            ring: VecDeque::new(),
            heads: HashMap::new(),
            held: BTreeMap::new(),
            counts: HashMap::new(),
            waiting: 0,
            turns: HourlyTurns::new(limits.sender_turns),
            most_of_a_sender: limits.sender_waiting.max(1),
            collect: limits.collect,
        }
    }

    /// Appends an event; gives it back when too many of its sender wait.
    pub(crate) fn push(&mut self, event: Event) -> Result<(), Box<Event>> {
        let sender = event.sender();
        if !sender.is_empty() && self.of(sender) >= self.most_of_a_sender {
            return Err(Box::new(event));
        }
        *self.counts.entry(sender.to_owned()).or_default() += 1;
        self.waiting += 1;
        match self.held.get_mut(sender) {
            Some(held) => held.push_back(event),
            None => self.append(event),
        }
        Ok(())
    }

    /// Takes the events whose turn is next for a free lane, which then serves their chat until [`Queue::done`].
    pub(crate) fn next(&mut self, now: Instant) -> Option<Batch> {
        self.let_go(now);
        loop {
            let sender = self.ring.front()?.clone();
            if self.turns.limited_until(&sender, now).is_some() {
                self.hold(&sender);
                continue;
            }
            self.ring.pop_front();
            let target = self.leave_first_head(&sender)?;
            if self.heads.contains_key(&sender) {
                self.ring.push_back(sender);
            }
            return self.take(target, now);
        }
    }

    /// Takes the next events of a chat for the lane that serves it already. Without one the chat is free: it has nothing more,
    /// or somebody else is to be served first.
    pub(crate) fn next_of(&mut self, target: &Target, now: Instant) -> Option<Batch> {
        self.let_go(now);
        self.served.remove(target);
        let sender = self.chats.get(target).and_then(VecDeque::front).map(Event::sender);
        let goes_on = sender.is_some_and(|sender| {
            self.turns.limited_until(sender, now).is_none()
                && !self.is_urgent_for_others(sender, now)
        });
        if goes_on {
            return self.take(target.clone(), now);
        }
        self.enter(target);
        None
    }

    /// A lane works on a chat for an event that is not in this queue.
    pub(crate) fn serve(&mut self, target: &Target) {
        self.served.insert(target.clone(), String::new());
    }

    /// A lane has done its work on a chat.
    pub(crate) fn done(&mut self, target: &Target) {
        self.served.remove(target);
        self.enter(target);
    }

    /// The lane that took a batch cannot run it: it is the first of its chat and of its sender again.
    pub(crate) fn give_back(&mut self, batch: Batch) {
        let (target, sender) = (batch.target(), batch.owner().sender().to_owned());
        self.served.remove(&target);
        batch.iter().for_each(|event| self.turns.uncount(event.sender()));
        let (owner, others) = batch.into_parts();
        self.put_back(others);
        *self.counts.entry(sender.clone()).or_default() += 1;
        self.waiting += 1;
        self.chats.entry(target.clone()).or_default().push_front(owner);
        self.heads.entry(sender.clone()).or_default().push_front(target);
        self.ring.retain(|other| *other != sender);
        self.ring.push_front(sender);
    }

    /// Events of a chat that is still served wait for another turn, before everything else of their senders in it.
    pub(crate) fn put_back(&mut self, events: Vec<Event>) {
        for event in events.into_iter().rev() {
            *self.counts.entry(event.sender().to_owned()).or_default() += 1;
            self.waiting += 1;
            let queue = match self.held.get_mut(event.sender()) {
                Some(held) => held,
                None => self.chats.entry(event.target()).or_default(),
            };
            queue.push_front(event);
        }
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Whether nothing waits but what is held back.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.chats.is_empty()
    }

    /// How many events of a sender wait.
    pub(crate) fn of(&self, sender: &str) -> usize {
        self.counts.get(sender).copied().unwrap_or_default()
    }

    /// The senders whose events are held back.
    pub(crate) fn held(&self) -> impl Iterator<Item = &str> {
        self.held.keys().map(String::as_str)
    }

    /// When the first event that is held back may have its turn.
    pub(crate) fn next_release(&self, now: Instant) -> Option<Instant> {
        let free_at = |sender: &String| self.turns.limited_until(sender, now).unwrap_or(now);
        self.held.keys().map(free_at).min()
    }

    /// Whether a sender waits, other than this one, to whom no lane answers.
    fn is_urgent_for_others(&self, sender: &str, now: Instant) -> bool {
        let answered: HashSet<&String> = self.served.values().collect();
        self.ring.iter().any(|other| {
            other != sender
                && !answered.contains(other)
                && self.turns.limited_until(other, now).is_none()
        })
    }

    fn append(&mut self, event: Event) {
        let target = event.target();
        let chat = self.chats.entry(target.clone()).or_default();
        chat.push_back(event);
        if chat.len() == 1 && !self.served.contains_key(&target) {
            self.enter(&target);
        }
    }

    /// A chat may be served from now on, if something waits in it.
    fn enter(&mut self, target: &Target) {
        let Some(first) = self.chats.get(target).and_then(VecDeque::front) else { return };
        let sender = first.sender().to_owned();
        if !self.heads.contains_key(&sender) {
            self.ring.push_back(sender.clone());
        }
        self.heads.entry(sender).or_default().push_back(target.clone());
    }

    /// Takes the chat that a sender's next turn is for from those that it heads.
    fn leave_first_head(&mut self, sender: &str) -> Option<Target> {
        let heads = self.heads.get_mut(sender)?;
        let target = heads.pop_front();
        if heads.is_empty() {
            self.heads.remove(sender);
        }
        target
    }

    /// Takes the first event of a chat, and what follows it as far as it belongs to the same turn.
    fn take(&mut self, target: Target, now: Instant) -> Option<Batch> {
        let chat = self.chats.get_mut(&target)?;
        let mut batch = Batch::from(chat.pop_front()?);
        self.turns.count(batch.owner().sender(), now);
        while let Some(next) = chat.pop_front() {
            let is_limited = self.turns.limited_until(next.sender(), now).is_some();
            let sender = next.sender().to_owned();
            let refused =
                if is_limited { Err(Box::new(next)) } else { batch.join(next, &self.collect) };
            if let Err(next) = refused {
                chat.push_front(*next);
                break;
            }
            self.turns.count(&sender, now);
        }
        if chat.is_empty() {
            self.chats.remove(&target);
        }
        self.waiting -= batch.len();
        for event in batch.iter() {
            if let Some(count) = self.counts.get_mut(event.sender()) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(event.sender());
                }
            }
        }
        self.served.insert(target, batch.owner().sender().to_owned());
        Some(batch)
    }

    /// A sender has had its turns: its events wait beside the queues.
    fn hold(&mut self, sender: &str) {
        self.ring.retain(|other| other != sender);
        let headed = self.heads.remove(sender).unwrap_or_default();
        let mut held = VecDeque::new();
        self.chats.retain(|_, chat| {
            let (its, others) = chat.drain(..).partition(|event| event.sender() == sender);
            held.extend::<VecDeque<Event>>(its);
            *chat = others;
            !chat.is_empty()
        });
        for target in &headed {
            self.enter(target);
        }
        self.held.entry(sender.to_owned()).or_default().extend(held);
    }

    /// Events that may have their turn again join the queues.
    fn let_go(&mut self, now: Instant) {
        let Self { held, turns, .. } = self;
        let is_free = |sender: &String| turns.limited_until(sender, now).is_none();
        let free: Vec<String> = held.keys().filter(|sender| is_free(sender)).cloned().collect();
        for sender in free {
            let events = self.held.remove(&sender).unwrap_or_default();
            for event in events {
                self.append(event);
            }
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
