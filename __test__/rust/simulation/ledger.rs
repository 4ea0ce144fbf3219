//! What the world remembers to judge the orchestrator by.

use std::collections::{BTreeMap, BTreeSet};

/// Every turn that was asked for, and every broken promise.
#[derive(Default)]
pub(crate) struct Ledger {
    pub runs: Vec<Run>,
    pub violations: Vec<String>,
    /// The place of the youngest event that had a turn, by chat.
    pub newest_turn: BTreeMap<String, usize>,
    /// The place of the youngest event that had an answer, by chat.
    pub newest_answer: BTreeMap<String, usize>,
    /// Forks that the host could not remove in this life.
    pub unremoved: Vec<String>,
    /// Events that were over when this life began.
    pub over_before: BTreeSet<String>,
    /// Something has to run with nothing beside it in this life.
    pub runs_alone: bool,
    /// When a turn ended the last time, and when a fork could not be made.
    pub lane_freed: i64,
    pub no_fork: i64,
    pub crashes: u32,
    pub stops: u32,
    pub forks_made: u32,
    pub late_answers: u32,
    pub notes: u32,
    pub reloads: u32,
    /// Runs that a start took over from the one before.
    pub taken_over: u32,
    /// Events that a scheduled text may have been taken for the late answer of: nobody can tell.
    pub mistaken: BTreeSet<String>,
    /// When the account started, each time.
    pub starts: Vec<i64>,
    /// When a message was loaded last, by its id.
    pub loaded: BTreeMap<String, i64>,
}

/// A turn.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Id of the message or task.
    pub source_id: String,
    /// Everything that it is asked about; the last one is the source.
    pub members: Vec<String>,
    /// Place among all events.
    pub place: usize,
    /// When it began.
    pub at: i64,
    pub target: String,
    pub session: String,
    pub main: bool,
    pub life: u32,
    /// Events whose results it was told.
    pub told: Vec<String>,
    pub end: End,
    /// The number of the part that the host calls the last one.
    pub last: Option<usize>,
    /// The agent has said something, wherever that went.
    pub spoke: bool,
    /// Parts that the account said stand in the chat.
    pub confirmed: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It goes on, or was cut off.
    Open,
    /// The agent had its say.
    Complete,
    /// The agent chose to say nothing.
    Silent,
    /// It failed.
    Failed,
    /// The host takes its time.
    Late,
}

impl Run {
    /// Whether it is asked about a source.
    pub(crate) fn is_about(&self, source: &str) -> bool {
        self.members.iter().any(|member| member == source)
    }
}

impl Ledger {
    pub(crate) fn violation(&mut self, promise: &str, text: String) {
        self.violations.push(format!("{promise}: {text}"));
    }

    /// How often the account had started by then.
    pub(crate) fn starts_at(&self, at: i64) -> usize {
        self.starts.iter().filter(|start| **start <= at).count()
    }
}

/// The number of the part with which a host ends a turn that it has taken up by itself.
pub(crate) const CONTINUED: usize = 9;

/// What a host says before it goes on with such a turn.
pub(crate) const NOTICE: &str =
    "I'm continuing your interrupted request now (the gateway has just restarted).";

/// How a text begins that answers nothing.
pub(crate) const NOTE: &str = "note";

/// What a part of an answer says, so that it can be recognised.
pub(crate) fn part(source_id: &str, run: usize, number: usize) -> String {
    format!("answer to {source_id} run {run} part {number}")
}

/// Source, run and number of a part.
pub(crate) fn parse_part(text: &str) -> Option<(String, usize, usize)> {
    let mut words = text.split(' ');
    (words.next() == Some("answer") && words.next() == Some("to")).then_some(())?;
    let source = words.next()?.to_owned();
    let run = words.nth(1)?.parse().ok()?;
    Some((source, run, words.nth(1)?.parse().ok()?))
}
