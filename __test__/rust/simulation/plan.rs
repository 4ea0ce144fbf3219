//! What a seed decides about its world.

use fastrand::Rng;
use parall::orchestrator::DEFAULT_SENDER_TURNS;

use super::crowds;

/// A world to be.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub seed: u64,
    pub faults: Faults,
    pub habits: Habits,
    pub max_forks: usize,
    pub agent_turns: usize,
    /// Turns that one sender may have in an hour.
    pub sender_turns: usize,
    /// An older server: no inbox, frames only, replayed from the cursor unless it forgets them.
    pub announces: bool,
    /// An older server replays nothing once the account knows how far it has read.
    pub forgets: bool,
    /// A server with an inbox announces everything by frames, too, and its list is missing at times.
    pub is_double: bool,
    pub letters: Vec<Letter>,
    pub lives: Vec<Life>,
}

/// Probabilities in 1,000, and times in milliseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// A call is refused for the moment: 429, 503 or no connection.
    pub call_fails: u32,
    /// A write happens, and its answer is lost.
    pub answer_lost: u32,
    /// Longest delay of a call.
    pub call_delay: u64,
    /// A frame comes twice.
    pub frame_doubled: u32,
    /// A frame is lost although the connection holds.
    pub frame_lost: u32,
    /// Longest delay of a frame.
    pub frame_delay: u64,
    /// Mean length of a connection in seconds; zero for one that holds.
    pub connection: u64,
    /// How many outages of the server, and how many times the disk is full.
    pub outages: u32,
    pub disk_full: u32,
    /// Longest time until something is on disk.
    pub disk_delay: u64,
}

impl Faults {
    /// Nothing goes wrong but crashes.
    pub(crate) fn is_mild(&self) -> bool {
        let failures = [self.call_fails, self.frame_lost, self.outages, self.disk_full];
        let delays = [self.call_delay, self.frame_delay, self.disk_delay, self.connection];
        failures.iter().all(|rate| *rate == 0) && delays.iter().all(|delay| *delay <= 5)
    }
}

/// How agent and host behave, in 1,000.
#[derive(Debug, Clone, Default)]
pub(crate) struct Habits {
    /// A turn fails.
    pub fails: u32,
    /// A turn begins no run; its answer comes later through the host's own way.
    pub late: u32,
    /// The agent says nothing.
    pub silent: u32,
    /// Longest turn.
    pub turn: u64,
    /// A fork is refused.
    pub fork_refused: u32,
    /// A fork cannot be removed.
    pub removal_fails: u32,
    /// The host takes up interrupted turns by itself after a crash.
    pub recovers: bool,
    /// The agent writes a note with its message tool, into any chat.
    pub notes: u32,
    /// The agent answers with its message tool and ends without another word.
    pub tool_answers: u32,
    /// The host does not show from which run a text is sent.
    pub hides_runs: bool,
    /// The host ends an answer without a part that it calls the last one.
    pub only_blocks: u32,
    /// A schedule of the host writes into chats.
    pub schedules: u32,
}

/// Something that somebody writes.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// When, milliseconds after the first start.
    pub at: u64,
    /// Where: the number of a chat or of a task.
    pub place: usize,
    pub kind: LetterKind,
    /// Whose it is; one of three people without it.
    pub author: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterKind {
    /// A person asks.
    Question,
    /// A person asks for no answer.
    Hint,
    /// Nothing to read.
    Empty,
    /// The agent's own message.
    Own,
    /// Deleted before anybody could read it.
    Deleted,
    /// A question that the server can never show.
    Unreadable,
    /// A question on which every turn fails.
    Poison,
    /// A question in a chat that takes no answers.
    Refused,
    /// The first word of an agent that answers every answer.
    Chatterbox,
    /// A task for this agent.
    Task,
}

/// How long the process lives, and how it ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Life {
    /// It dies at this moment, milliseconds after its start.
    Until(u64),
    /// It dies at this effect.
    Effects(u64),
    /// It is stopped at this moment.
    Stopped(u64),
    /// The account is stopped at this moment and starts again in the same process so many milliseconds later; the runs of
    /// the host go on.
    Reloaded(u64, u64),
}

impl Plan {
    /// Whether far more is written than can be answered at once.
    pub(crate) fn is_crowd(&self) -> bool {
        self.seed >= crowds::FIRST_SEED
    }

    pub(crate) fn new(seed: u64) -> Self {
        if seed >= crowds::FIRST_SEED {
            return crowds::plan(seed);
        }
        let mut dice = Rng::with_seed(seed);
        let dice = &mut dice;
        let stormy = dice.u32(0..4);
        let faults = if stormy == 0 {
            Faults { disk_delay: 1, call_delay: 5, ..Faults::default() }
        } else {
            Faults {
                call_fails: up_to(dice, 200),
                answer_lost: up_to(dice, 250),
                call_delay: pick(dice, &[0, 20, 400, 4_000]),
                frame_doubled: up_to(dice, 300),
                frame_lost: up_to(dice, 100),
                frame_delay: pick(dice, &[0, 50, 3_000]),
                connection: pick(dice, &[0, 5, 30]),
                outages: dice.u32(0..3),
                disk_full: dice.u32(0..2),
                disk_delay: pick(dice, &[0, 1, 20, 200]),
            }
        };
        let habits = Habits {
            fails: up_to(dice, 200),
            late: up_to(dice, 200),
            silent: up_to(dice, 200),
            turn: pick(dice, &[5, 500, 8_000, 40_000]),
            fork_refused: up_to(dice, 200),
            removal_fails: up_to(dice, 200),
            recovers: dice.u8(0..4) == 0,
            notes: up_to(dice, 400),
            tool_answers: up_to(dice, 200),
            hides_runs: dice.u8(0..4) == 0,
            only_blocks: up_to(dice, 200),
            schedules: pick(dice, &[0, 0, 1, 4]),
        };
        let chats = dice.usize(1..=4);
        let announces = dice.u8(0..6) == 0;
        let span = pick(dice, &[500, 5_000, 30_000]);
        let mut letters: Vec<Letter> =
            (0..dice.usize(3..=12)).map(|_| letter(dice, chats, span)).collect();
        letters.sort_by_key(|letter| letter.at);
        // Beside the dice, so that these worlds are otherwise as they were.
        if seed.is_multiple_of(49)
            && let Some(letter) =
                letters.iter_mut().find(|letter| letter.kind == LetterKind::Question)
        {
            letter.kind = LetterKind::Unreadable;
        }
        let lives = (0..dice.usize(0..=3)).map(|_| life(dice, span)).collect();
        Self {
            seed,
            faults,
            habits,
            max_forks: dice.usize(0..=3),
            agent_turns: pick(dice, &[2, 8]),
            sender_turns: DEFAULT_SENDER_TURNS,
            announces,
            forgets: announces && seed.is_multiple_of(2),
            is_double: !announces && seed.is_multiple_of(5),
            letters,
            lives,
        }
    }
}

fn letter(dice: &mut Rng, chats: usize, span: u64) -> Letter {
    let kind = match dice.u8(0..40) {
        0 => LetterKind::Hint,
        1 => LetterKind::Empty,
        2 => LetterKind::Own,
        3 => LetterKind::Deleted,
        4 => LetterKind::Poison,
        5 => LetterKind::Refused,
        6 => LetterKind::Chatterbox,
        7..=9 => LetterKind::Task,
        _ => LetterKind::Question,
    };
    Letter { at: dice.u64(0..span), place: dice.usize(0..chats), kind, author: None }
}

fn life(dice: &mut Rng, span: u64) -> Life {
    match dice.u8(0..8) {
        0..=4 => Life::Effects(dice.u64(1..400)),
        5 => Life::Until(dice.u64(1..span * 2)),
        6 => Life::Reloaded(dice.u64(1..span * 2), dice.u64(0..3_000)),
        _ => Life::Stopped(dice.u64(1..span * 2)),
    }
}

fn up_to(dice: &mut Rng, most: u32) -> u32 {
    // Every fault is absent in half of the worlds, so that no fault hides another.
    if dice.bool() { 0 } else { dice.u32(1..=most) }
}

fn pick<T: Copy>(dice: &mut Rng, values: &[T]) -> T {
    values[dice.usize(0..values.len())]
}
