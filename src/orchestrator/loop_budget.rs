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
pub const DEFAULT_WINDOW: i64 = 60 * 60 * 1_000;
/// Most turns that are remembered. The oldest are forgotten first.
const MOST_REMEMBERED: usize = 10_000;

/// How much is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Agent-only turns for each agent, chat and chain.
    pub turns: usize,
    /// The time over which they are counted, milliseconds.
    pub window: i64,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self { turns: DEFAULT_TURNS, window: DEFAULT_WINDOW }
    }
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderKind {
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
pub struct Incoming<'a> {
    /// What tells it from others; a message that is tried again counts once.
    pub key: &'a str,
    /// The chat or task it stands in.
    pub chat: &'a str,
    /// Who wrote it.
    pub sender: &'a str,
    /// What kind of sender that is.
    pub kind: SenderKind,
    /// It asks for no answer, and so cannot keep a loop going.
    pub no_reply: bool,
}

/// Whether a message gets its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Allowed,
    /// It does not.
    Spent(Spent),
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Whose.
    pub by: Counted,
    /// How many turns it had.
    pub turns: usize,
    /// When the next one is possible, milliseconds since the epoch.
    pub until: i64,
}

/// What turns are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
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
pub struct LoopBudget {
    #[serde(skip)]
    limits: BudgetLimits,
    turns: VecDeque<AgentTurn>,
    chains: HashMap<String, Link>,
    chains_begun: u64,
}

impl LoopBudget {
    /// A budget of which nothing is used.
    pub fn new(limits: BudgetLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// A budget as [`LoopBudget::save`] left it. What cannot be read is a new one.
    pub fn restore(saved: Option<&str>, limits: BudgetLimits) -> Self {
        let saved = saved.and_then(|saved| serde_json::from_str(saved).ok());
        Self { limits, ..saved.unwrap_or_default() }
    }

    /// The state as text.
    pub fn save(&self) -> String {
        // Numbers, strings and maps with string keys always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Decides about a message, and counts it if it gets a turn. `now` is in milliseconds since the epoch.
    pub fn consider(&mut self, incoming: &Incoming<'_>, now: i64) -> Verdict {
        self.forget(now);
        match incoming.kind {
            SenderKind::Human => self.reset(incoming.chat),
            SenderKind::Agent if !incoming.no_reply => return self.count(incoming, now),
            SenderKind::Agent | SenderKind::Unknown => {}
        }
        Verdict::Allowed
    }

    /// Notes that a turn for `from` sent something to another chat: what agents answer there belongs to the same chain.
    pub fn spoke(&mut self, from: &str, to: &str, now: i64) {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const START: i64 = 1_800_000_000_000;

    struct Room {
        budget: LoopBudget,
        now: i64,
        messages: usize,
    }

    impl Room {
        fn new() -> Self {
            Self { budget: LoopBudget::new(BudgetLimits::default()), now: START, messages: 0 }
        }

        fn hears(&mut self, chat: &str, sender: &str, kind: SenderKind) -> Verdict {
            self.messages += 1;
            let key = format!("msg_{}", self.messages);
            self.budget
                .consider(&Incoming { key: &key, chat, sender, kind, no_reply: false }, self.now)
        }

        /// How many messages of an agent in a row get a turn.
        fn turns(&mut self, chat: &str, sender: &str) -> usize {
            (0..100)
                .take_while(|_| self.hears(chat, sender, SenderKind::Agent) == Verdict::Allowed)
                .count()
        }
    }

    #[test]
    fn two_agents_stop_after_eight_turns_and_a_person_lets_them_go_on() {
        let mut room = Room::new();
        assert_eq!(room.turns("cht_1", "bot"), 8);
        let Verdict::Spent(spent) = room.hears("cht_1", "bot", SenderKind::Agent) else { panic!() };
        assert_eq!(
            (spent.by.clone(), spent.until),
            (Counted::Pair("bot".into()), START + DEFAULT_WINDOW)
        );
        assert_eq!(spent.to_string(), "8 turns with agent bot without a word from a person");
        assert_eq!(room.hears("cht_1", "ada", SenderKind::Human), Verdict::Allowed);
        assert_eq!(room.turns("cht_1", "bot"), 8);
    }

    #[test]
    fn a_pair_cannot_go_on_in_another_chat() {
        let mut room = Room::new();
        for number in 0..8 {
            assert_eq!(
                room.hears(&format!("cht_{number}"), "bot", SenderKind::Agent),
                Verdict::Allowed
            );
        }
        assert_eq!(room.turns("cht_new", "bot"), 0);
        assert_eq!(room.turns("cht_new", "other bot"), 8);
    }

    #[test]
    fn a_ring_in_one_chat_stops() {
        let mut room = Room::new();
        let senders = ["bot b", "bot c", "bot d"];
        let turns = (0..100)
            .take_while(|round| {
                room.hears("cht_1", senders[round % 3], SenderKind::Agent) == Verdict::Allowed
            })
            .count();
        assert_eq!(turns, 8);
        let Verdict::Spent(spent) = room.hears("cht_1", "bot e", SenderKind::Agent) else {
            panic!()
        };
        assert_eq!(spent.by, Counted::Chat("cht_1".into()));
    }

    #[test]
    fn a_ring_through_several_chats_and_agents_stops() {
        let mut room = Room::new();
        let mut turns = 0;
        for round in 0..100 {
            // Each message comes from another agent in another chat, and the turn writes into the next one.
            let chat = format!("cht_{round}");
            if room.hears(&chat, &format!("bot {round}"), SenderKind::Agent) != Verdict::Allowed {
                break;
            }
            turns += 1;
            room.budget.spoke(&chat, &format!("cht_{}", round + 1), room.now);
        }
        assert_eq!(turns, 8);
        let Verdict::Spent(spent) = room.hears("cht_8", "bot x", SenderKind::Agent) else {
            panic!()
        };
        assert_eq!(spent.by, Counted::Chain("cht_8".into()));
        // A person in any chat of the chain lets it go on.
        room.hears("cht_8", "ada", SenderKind::Human);
        assert_eq!(room.hears("cht_8", "bot x", SenderKind::Agent), Verdict::Allowed);
    }

    #[test]
    fn what_a_person_starts_in_another_chat_is_a_new_matter() {
        let mut room = Room::new();
        assert_eq!(room.turns("cht_1", "bot b"), 8);
        room.budget.spoke("cht_1", "cht_2", room.now);
        assert_eq!(room.turns("cht_2", "bot c"), 0);
        // Now a person asks in a third chat, and the turn writes to the second.
        room.hears("cht_3", "ada", SenderKind::Human);
        room.budget.spoke("cht_3", "cht_2", room.now);
        assert_eq!(room.turns("cht_2", "bot c"), 8);
    }

    #[test]
    fn a_slow_loop_stops_too_and_the_window_slides() {
        let mut room = Room::new();
        let mut turns = Vec::new();
        for minute in 0..120 {
            if room.hears("cht_1", "bot", SenderKind::Agent) == Verdict::Allowed {
                turns.push(minute);
            }
            room.now += MINUTE;
        }
        assert_eq!(turns, [0, 1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63, 64, 65, 66, 67]);
    }

    #[test]
    fn hints_unknown_senders_and_repeated_attempts_do_not_count() {
        let mut room = Room::new();
        for _ in 0..20 {
            assert_eq!(room.hears("cht_1", "?", SenderKind::Unknown), Verdict::Allowed);
            let hint = Incoming {
                key: "k",
                chat: "cht_1",
                sender: "bot",
                kind: SenderKind::Agent,
                no_reply: true,
            };
            assert_eq!(room.budget.consider(&hint, room.now), Verdict::Allowed);
            let again = Incoming { no_reply: false, key: "same", ..hint };
            assert_eq!(room.budget.consider(&again, room.now), Verdict::Allowed);
        }
        assert_eq!(room.turns("cht_1", "bot"), 7);
        room.hears("cht_1", "?", SenderKind::Unknown);
        assert_eq!(room.turns("cht_1", "bot"), 0, "an unknown sender does not reset");
    }

    #[test]
    fn a_restart_keeps_the_count_and_rubbish_is_a_new_budget() {
        let mut room = Room::new();
        assert_eq!(room.turns("cht_1", "bot"), 8);
        room.budget = LoopBudget::restore(Some(&room.budget.save()), BudgetLimits::default());
        assert_eq!(room.turns("cht_1", "bot"), 0);
        room.budget = LoopBudget::restore(Some("{]"), BudgetLimits::default());
        assert_eq!(room.turns("cht_1", "bot"), 8);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_the_hour_longer() {
        let mut room = Room::new();
        assert_eq!(room.turns("cht_1", "bot"), 8);
        room.now -= 24 * 60 * MINUTE;
        assert_eq!(room.turns("cht_1", "bot"), 0);
        room.now += 61 * MINUTE;
        assert_eq!(room.turns("cht_1", "bot"), 8);
    }

    #[test]
    fn no_turns_at_all_can_be_configured() {
        let mut budget = LoopBudget::new(BudgetLimits { turns: 0, ..BudgetLimits::default() });
        let incoming = Incoming {
            key: "k",
            chat: "c",
            sender: "bot",
            kind: SenderKind::Agent,
            no_reply: false,
        };
        assert!(matches!(budget.consider(&incoming, START), Verdict::Spent(_)));
    }

    proptest! {
        #[test]
        fn no_pair_and_no_chat_has_more_turns_in_an_hour_than_allowed(
            steps in prop::collection::vec((0usize..4, 0usize..3, 0i64..20), 1..300),
        ) {
            let mut room = Room::new();
            let mut allowed: Vec<(i64, usize, usize)> = Vec::new();
            for (chat, sender, minutes) in steps {
                room.now += minutes * MINUTE;
                if room.hears(&format!("cht_{chat}"), &format!("bot {sender}"), SenderKind::Agent) == Verdict::Allowed {
                    allowed.push((room.now, chat, sender));
                }
                let recent = allowed.iter().filter(|(at, ..)| *at > room.now - DEFAULT_WINDOW);
                prop_assert!(recent.clone().filter(|(_, of, _)| *of == chat).count() <= DEFAULT_TURNS);
                prop_assert!(recent.filter(|(_, _, by)| *by == sender).count() <= DEFAULT_TURNS);
            }
        }
    }
}
