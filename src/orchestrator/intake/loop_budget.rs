//! Keeps agents from answering each other for ever.
//!
//! A turn that an agent caused counts three times over: for the agent, for the chat, and for the chain of messages that led
//! to it. When one of these has had its turns for the hour, further messages of agents are not answered there until the
//! hour has moved on or a person writes.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

/// Agent-only turns that are allowed, unless configured otherwise.
pub const DEFAULT_TURNS: usize = 8;
/// The time over which they are counted, milliseconds.
pub(crate) const DEFAULT_WINDOW: i64 = 60 * 60 * 1_000;
/// Most turns that are remembered. The oldest are forgotten first.
const MOST_REMEMBERED: usize = 10_000;

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

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SenderKind {
    /// A person.
    Human,
    /// An agent.
    Agent,
    /// The server does not say: such a message neither counts nor resets.
    Unknown,
}

impl From<Option<&str>> for SenderKind {
    fn from(kind: Option<&str>) -> Self {
        match kind {
            Some("human") => Self::Human,
            Some("agent") => Self::Agent,
            _ => Self::Unknown,
        }
    }
}

/// A message that wants a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    /// What tells it from others; a message that is tried again counts once.
    pub(crate) key: &'a str,
    /// The chat or task it stands in.
    pub(crate) chat: &'a str,
    /// Who wrote it.
    pub(crate) sender: &'a str,
    /// What kind of sender that is.
    pub(crate) kind: SenderKind,
    /// It asks for no answer, and so cannot keep a loop going.
    pub(crate) no_reply: bool,
}

/// Whether a message gets its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
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
    /// How many turns it had.
    pub(crate) turns: usize,
    /// When the next one is possible, milliseconds since the epoch.
    pub(crate) until: i64,
}

/// What turns are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counted {
    /// An agent, in all chats.
    Pair(String),
    /// A chat, with all agents.
    Chat(String),
    /// Messages that follow from each other, through chats and agents; the chat it arrived in.
    Chain(String),
}

impl fmt::Display for Spent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let turns = self.turns;
        match &self.by {
            Counted::Pair(agent) => write!(formatter, "{turns} turns with agent {agent}"),
            Counted::Chat(chat) => write!(formatter, "{turns} turns among agents in {chat}"),
            Counted::Chain(chat) => {
                write!(formatter, "{turns} turns in a chain of agents that reached {chat}")
            }
        }?;
        formatter.write_str(" without a word from a person")
    }
}

/// A turn that an agent caused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AgentTurn {
    at: i64,
    key: String,
    chat: String,
    sender: String,
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
}

impl LoopBudget {
    /// A budget of which nothing is used.
    pub(crate) fn new(limits: BudgetLimits) -> Self {
        Self { limits, ..Self::default() }
    }

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

    /// Decides about a message, and counts it if it gets a turn. `now` is in milliseconds since the epoch.
    pub(crate) fn consider(&mut self, incoming: &Incoming<'_>, now: i64) -> Verdict {
        self.forget(now);
        match incoming.kind {
            SenderKind::Human => self.reset(incoming.chat),
            SenderKind::Agent if !incoming.no_reply => return self.count(incoming, now),
            SenderKind::Agent | SenderKind::Unknown => {}
        }
        Verdict::Allowed
    }

    /// Notes that a turn for `from` sent something to another chat: what agents answer there belongs to the same chain.
    pub(crate) fn spoke(&mut self, from: &str, to: &str, now: i64) {
        if from == to {
            return;
        }
        match self.chains.get(from).copied() {
            Some(link) => self.chains.insert(to.to_owned(), Link { at: now, ..link }),
            // A person's turn: a new matter.
            None => self.chains.remove(to),
        };
    }

    fn count(&mut self, incoming: &Incoming<'_>, now: i64) -> Verdict {
        if self.turns.iter().any(|turn| turn.key == incoming.key) {
            return Verdict::Allowed;
        }
        let chain = self.chains.get(incoming.chat).map(|link| link.chain);
        let Incoming { chat, sender, .. } = *incoming;
        let spent = self
            .spent(Counted::Pair(sender.to_owned()), |turn| turn.sender == sender)
            .or_else(|| self.spent(Counted::Chat(chat.to_owned()), |turn| turn.chat == chat))
            .or_else(|| {
                self.spent(Counted::Chain(chat.to_owned()), |turn| Some(turn.chain) == chain)
            });
        if let Some(spent) = spent {
            return Verdict::Spent(spent);
        }
        let chain = chain.unwrap_or_else(|| {
            self.chains_begun += 1;
            self.chains_begun
        });
        self.chains.insert(chat.to_owned(), Link { chain, at: now });
        self.turns.push_back(AgentTurn {
            at: now,
            key: incoming.key.to_owned(),
            chat: chat.to_owned(),
            sender: sender.to_owned(),
            chain,
        });
        if self.turns.len() > MOST_REMEMBERED {
            self.turns.pop_front();
        }
        Verdict::Allowed
    }

    fn spent(&self, by: Counted, counts: impl Fn(&AgentTurn) -> bool) -> Option<Spent> {
        let turns: Vec<i64> =
            self.turns.iter().filter(|turn| counts(turn)).map(|turn| turn.at).collect();
        // The turn that has to leave the window before another one fits.
        let leaves = match self.limits.turns {
            0 => turns.last().copied().unwrap_or(i64::MAX - self.limits.window),
            most => *turns.get(turns.len().checked_sub(most)?)?,
        };
        Some(Spent { by, turns: turns.len(), until: leaves + self.limits.window })
    }

    /// A person wrote in a chat: what agents did there, and in the chain it belongs to, counts no more.
    fn reset(&mut self, chat: &str) {
        let chain = self.chains.remove(chat).map(|link| link.chain);
        self.turns.retain(|turn| turn.chat != chat && Some(turn.chain) != chain);
        self.chains.retain(|_, link| Some(link.chain) != chain);
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
