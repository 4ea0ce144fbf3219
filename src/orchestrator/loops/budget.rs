//! Keeps agents from answering each other for ever.
//!
//! A turn that an agent caused counts three times over: for the agent, for the chat or task, and for the chain of messages that
//! led to it. When one of these has had its turns for the hour, further events of agents are not answered there until the
//! hour has moved on or a person writes.

pub(crate) mod usage;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

/// Agent-only turns that are allowed, unless configured otherwise.
pub const DEFAULT_TURNS: usize = 8;
/// The time over which they are counted, milliseconds.
pub(crate) const DEFAULT_WINDOW: i64 = 60 * 60 * 1_000;
/// Most turns that are remembered, and most chats and tasks that are in a chain. The oldest are forgotten first.
const MOST_REMEMBERED: usize = 10_000;
/// Most agents that a text names.
const MOST_NAMED: usize = 5;

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BudgetLimits {
    /// Agent-only turns for each agent, chat and chain.
    pub(crate) turns: usize,
    /// The time over which they are counted, milliseconds.
    pub(crate) window: i64,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self { turns: DEFAULT_TURNS, window: DEFAULT_WINDOW }
    }
}

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause<'a> {
    /// A person.
    Person,
    /// The agent with this id, or somebody of whom the server does not say that it is a person. The id is empty when the
    /// server does not say who it is either.
    Agent(&'a str),
    /// Something happened to what a person made, and the server does not say who did it: a person's task can be passed on and
    /// commented on by agents. It counts for the task and the chain, and resets nothing.
    Unclear,
}

/// An event that wants a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    /// What tells it from others; an event that is tried again counts once.
    pub(crate) key: &'a str,
    /// The chat it is in, or the task it is about.
    pub(crate) chat: &'a str,
    /// Who caused it.
    pub(crate) cause: Cause<'a>,
    /// It asks for no answer, and so cannot keep a loop going.
    pub(crate) no_reply: bool,
}

/// Whether a message gets its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It does.
    Allowed,
    /// It does not.
    Spent(Spent),
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Whose.
    pub(crate) by: Counted,
    /// The chat or task of the event that gets no turn.
    pub(crate) chat: String,
    /// The agents that caused the turns, each once; empty where the server does not say who.
    pub(crate) agents: Vec<String>,
    /// How many turns it had.
    pub(crate) turns: usize,
    /// When the next one is possible, milliseconds since the epoch.
    pub(crate) until: i64,
}

/// What turns are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// An agent, in all chats and tasks.
    Pair,
    /// A chat or task, with all agents.
    Chat,
    /// What follows from each other, through chats, tasks and agents.
    Chain,
}

impl fmt::Display for Spent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, chat, turns, .. } = self;
        let agents = self.named();
        match by {
            Counted::Pair => write!(formatter, "{turns} turns with {agents}, at last in {chat},"),
            Counted::Chat => write!(formatter, "{turns} turns in {chat} with {agents}"),
            Counted::Chain => write!(
                formatter,
                "{turns} turns in a chain of chats and tasks that reached {chat}, with {agents},"
            ),
        }?;
        formatter.write_str(" without a word from a person")
    }
}

impl Spent {
    fn named(&self) -> String {
        let (first, others) = self.agents.split_at(self.agents.len().min(MOST_NAMED));
        let names = first.join(", ");
        match (self.agents.len(), others.len()) {
            (0, _) => "senders that Parall does not name".to_owned(),
            (1, _) => format!("agent {names}"),
            (_, 0) => format!("agents {names}"),
            (_, more) => format!("agents {names} and {more} more"),
        }
    }
}

/// A turn that an agent caused, or somebody of whom it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AgentTurn {
    at: i64,
    key: String,
    chat: String,
    /// The agent's id; nothing when it is not known who it was.
    sender: Option<String>,
    chain: u64,
}

/// A chat's place in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    chain: u64,
    at: i64,
}

/// The turns that agents caused within the window. Serialisable, so that a restart does not give a loop a new budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LoopBudget {
    #[serde(skip)]
    limits: BudgetLimits,
    turns: VecDeque<AgentTurn>,
    chains: HashMap<String, Link>,
    chains_begun: u64,
    /// Something is new since [`LoopBudget::take_changed`]. What the hour takes away is not: it goes at every start.
    #[serde(skip)]
    is_changed: bool,
}

impl LoopBudget {
    /// A budget as [`LoopBudget::save`] left it. What cannot be read is a new one.
    pub(crate) fn restore(saved: Option<&str>, limits: BudgetLimits) -> Self {
        let saved = saved.and_then(|saved| serde_json::from_str(saved).ok());
        Self { limits, ..saved.unwrap_or_default() }
    }

    /// The state as text.
    pub(crate) fn save(&self) -> String {
        // Numbers, strings and maps with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether there is something to save since this was last asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    /// Decides about an event, and counts it if it gets a turn. `now` is in milliseconds since the epoch.
    pub(crate) fn consider(&mut self, incoming: &Incoming<'_>, now: i64) -> Decision {
        self.forget(now);
        let (sender, most) = match incoming.cause {
            Cause::Person => {
                self.reset(incoming.chat);
                return Decision::Allowed;
            }
            Cause::Agent(_) if incoming.no_reply => {
                // What its turn says elsewhere is no new matter.
                self.chain(incoming.chat, now);
                return Decision::Allowed;
            }
            Cause::Agent(sender) => (Some(sender), self.limits.turns),
            // What a person begins is answered, whatever agents may cause.
            Cause::Unclear => (None, self.limits.turns.max(1)),
        };
        self.count(incoming, sender, most, now)
    }

    /// Notes that a turn for `from` sent something to another chat: what agents answer there belongs to the same chain.
    pub(crate) fn spoke(&mut self, from: &str, to: &str, now: i64) {
        if from == to {
            return;
        }
        match self.chains.get(from).copied() {
            Some(link) => self.link(to, Link { at: now, ..link }),
            // A person's turn: a new matter.
            None => self.is_changed |= self.chains.remove(to).is_some(),
        }
    }

    fn count(
        &mut self,
        incoming: &Incoming<'_>,
        sender: Option<&str>,
        most: usize,
        now: i64,
    ) -> Decision {
        let Incoming { key, chat, .. } = *incoming;
        if self.turns.iter().any(|turn| turn.key == key) {
            return Decision::Allowed;
        }
        let chain = self.chains.get(chat).map(|link| link.chain);
        let of_sender = |turn: &AgentTurn| sender.is_some() && turn.sender.as_deref() == sender;
        let of_chat = |turn: &AgentTurn| turn.chat == chat;
        let of_chain = |turn: &AgentTurn| Some(turn.chain) == chain;
        let spent = self
            .spent(Counted::Pair, incoming, most, of_sender)
            .or_else(|| self.spent(Counted::Chat, incoming, most, of_chat))
            .or_else(|| self.spent(Counted::Chain, incoming, most, of_chain));
        if let Some(spent) = spent {
            return Decision::Spent(spent);
        }
        let chain = self.chain(chat, now);
        self.turns.push_back(AgentTurn {
            at: now,
            key: key.to_owned(),
            chat: chat.to_owned(),
            sender: sender.map(str::to_owned),
            chain,
        });
        if self.turns.len() > MOST_REMEMBERED {
            self.turns.pop_front();
        }
        self.is_changed = true;
        Decision::Allowed
    }

    /// The chain that a chat or task belongs to from now on: its own, or a new one.
    fn chain(&mut self, chat: &str, now: i64) -> u64 {
        let begun = self.chains.get(chat).map(|link| link.chain);
        let chain = begun.unwrap_or_else(|| {
            self.chains_begun += 1;
            self.chains_begun
        });
        self.link(chat, Link { chain, at: now });
        chain
    }

    fn link(&mut self, chat: &str, link: Link) {
        if self.chains.len() >= MOST_REMEMBERED
            && !self.chains.contains_key(chat)
            && let Some(oldest) = self.chains.iter().min_by_key(|(_, link)| link.at)
        {
            let oldest = oldest.0.clone();
            self.chains.remove(&oldest);
        }
        self.chains.insert(chat.to_owned(), link);
        self.is_changed = true;
    }

    fn spent(
        &self,
        by: Counted,
        incoming: &Incoming<'_>,
        most: usize,
        counts: impl Fn(&AgentTurn) -> bool,
    ) -> Option<Spent> {
        let turns: Vec<&AgentTurn> = self.turns.iter().filter(|turn| counts(turn)).collect();
        // The turn that has to leave the window before another one fits.
        let leaves = match most {
            0 => turns.last().map_or(i64::MAX - self.limits.window, |turn| turn.at),
            most => turns.get(turns.len().checked_sub(most)?)?.at,
        };
        let of_turns = turns.iter().filter_map(|turn| turn.sender.as_deref());
        let this = match incoming.cause {
            Cause::Agent(sender) => Some(sender),
            Cause::Person | Cause::Unclear => None,
        };
        let agents: BTreeSet<&str> = of_turns.chain(this).filter(|id| !id.is_empty()).collect();
        Some(Spent {
            by,
            chat: incoming.chat.to_owned(),
            agents: agents.into_iter().map(str::to_owned).collect(),
            turns: turns.len(),
            until: leaves + self.limits.window,
        })
    }

    /// A person wrote in a chat: what agents did there counts no more, and what follows there is a new matter. What the chain
    /// did in other chats still counts: nobody wrote there.
    fn reset(&mut self, chat: &str) {
        let before = self.turns.len();
        self.turns.retain(|turn| turn.chat != chat);
        self.is_changed |= self.chains.remove(chat).is_some() || self.turns.len() < before;
    }

    fn forget(&mut self, now: i64) {
        let oldest = now.saturating_sub(self.limits.window);
        // A clock that was set back must not make an hour longer.
        self.turns.iter_mut().for_each(|turn| turn.at = turn.at.min(now));
        self.chains.values_mut().for_each(|link| link.at = link.at.min(now));
        self.turns.retain(|turn| turn.at > oldest);
        self.chains.retain(|_, link| link.at > oldest);
    }
}

#[cfg(test)]
mod tests;
