//! Worlds with a crowd: members who flood chats and tasks, agents that give work to each other, and a few people with one
//! question each. Nothing else goes wrong in them, so what they show is fairness.

use std::collections::BTreeMap;

use fastrand::Rng;
use parall::orchestrator::DEFAULT_SENDER_TURNS;

use super::ledger::Run;
use super::plan::{Faults, Habits, Letter, LetterKind, Life, Plan};
use super::world::State;

/// Seeds from here on are crowds.
pub(crate) const FIRST_SEED: u64 = 1 << 40;
/// From the moment at which a message was loaded until it waits in the queue and the forks that were being made for others
/// have begun their turns, milliseconds.
const LOADING: i64 = 300;

/// What a seed decides about a crowd.
pub(crate) fn plan(seed: u64) -> Plan {
    let mut dice = Rng::with_seed(seed);
    let dice = &mut dice;
    let span = 2_000;
    let mut letters = Vec::new();
    for flooder in 0..dice.usize(1..=3) {
        let (places, at) = (dice.usize(1..=6), dice.u64(0..span));
        for _ in 0..dice.usize(8..=25) {
            let place = 10 * (flooder + 1) + dice.usize(0..places);
            let kind = if dice.u8(0..10) == 0 { LetterKind::Task } else { LetterKind::Question };
            letters.push(Letter { at, place, kind, author: Some(format!("usr_flood_{flooder}")) });
        }
    }
    for quiet in 0..dice.usize(1..=3) {
        letters.push(Letter {
            at: dice.u64(0..span),
            place: 50 + quiet,
            kind: LetterKind::Question,
            author: Some(format!("usr_quiet_{quiet}")),
        });
    }
    // Hours pass until a sender with few turns has had them all; the budget of agents is counted by the hour.
    let is_limited = dice.u8(0..4) == 0;
    let sender_turns = if is_limited { dice.usize(5..=10) } else { DEFAULT_SENDER_TURNS };
    for bot in 0..if is_limited { 0 } else { dice.usize(0..=2) } {
        letters.push(Letter {
            at: dice.u64(0..span),
            place: 60 + bot,
            kind: if dice.bool() { LetterKind::Task } else { LetterKind::Chatterbox },
            author: Some(format!("usr_bot_{bot}")),
        });
    }
    letters.sort_by_key(|letter| letter.at);
    let lives = match dice.u8(0..3) {
        0 => Vec::new(),
        1 => vec![Life::Reloaded(dice.u64(1..span), dice.u64(0..500))],
        _ => vec![Life::Until(dice.u64(1..span))],
    };
    Plan {
        seed,
        faults: Faults { disk_delay: 1, call_delay: 5, ..Faults::default() },
        habits: Habits { turn: [500, 2_000, 8_000][dice.usize(0..3)], ..Habits::default() },
        max_forks: dice.usize(0..=3),
        agent_turns: [2, 8][dice.usize(0..2)],
        sender_turns,
        announces: false,
        forgets: false,
        is_double: false,
        letters,
        lives,
    }
}

/// While the first question of a sender waits, every other sender gets at most one turn. Says of whom that is not true.
pub(crate) fn unfair(state: &State) -> Vec<String> {
    let mut texts = Vec::new();
    for (number, run) in state.ledger.runs.iter().enumerate() {
        let Some(sender) = sender(state, run).filter(|sender| sender.starts_with("usr_quiet"))
        else {
            continue;
        };
        let Some(loaded) = state.ledger.loaded.get(&run.source_id) else { continue };
        if !is_first(state, number)
            || state.ledger.starts_at(run.at) != state.ledger.starts_at(*loaded)
        {
            continue;
        }
        let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
        for (earlier, other) in state.ledger.runs[..number].iter().enumerate() {
            if other.at > loaded + LOADING
                && is_first(state, earlier)
                && let Some(other) = self::sender(state, other)
            {
                *turns.entry(other).or_default() += 1;
            }
        }
        let over = turns.into_iter().filter(|(_, turns)| *turns > 1);
        texts.extend(
            over.map(|(other, turns)| format!("{sender} waits for {turns} turns of {other}")),
        );
    }
    texts
}

fn sender<'state>(state: &'state State, run: &Run) -> Option<&'state str> {
    state.parall.posted[run.place].author.as_deref()
}

/// Whether a run is the first one of its event: what is run again after a crash does not wait in the queue.
fn is_first(state: &State, number: usize) -> bool {
    let runs = &state.ledger.runs;
    runs[..number].iter().all(|run| run.source_id != runs[number].source_id)
}
