//! What the last process left of a turn: the events that were in it, and how far their answer is.

use std::collections::HashMap;

use crate::journal::{DispatchRecord, OpenDispatch};
use crate::orchestrator::batch::Member;
use crate::orchestrator::delivery::part_key::completes;
use crate::orchestrator::event::Origin;

/// Dispatches that were given to one turn together, or one that was not given to any.
#[derive(Debug)]
pub(crate) struct LeftTurn {
    /// The one that the parts of the answer belong to.
    pub owner: OpenDispatch,
    /// The others.
    pub others: Vec<DispatchRecord>,
}

impl LeftTurn {
    /// What belongs together, in the order of the first dispatches.
    pub(crate) fn group(dispatches: Vec<OpenDispatch>) -> Vec<Self> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut turns: Vec<Self> = Vec::new();
        for open in dispatches {
            let place =
                open.record.turn_id.clone().map(|id| *places.entry(id).or_insert(turns.len()));
            match place.and_then(|place| turns.get_mut(place)) {
                Some(turn) => turn.add(open),
                None => turns.push(Self { owner: open, others: Vec::new() }),
            }
        }
        turns
    }

    /// The parts tell the owner. Before there are any it is the first one.
    fn add(&mut self, open: OpenDispatch) {
        if self.owner.parts.is_empty() && !open.parts.is_empty() {
            let before = std::mem::replace(&mut self.owner, open);
            self.others.insert(0, before.record);
        } else {
            self.others.push(open.record);
        }
    }

    /// Whether all of the answer is known, or that there is none.
    pub(crate) fn has_answer(&self) -> bool {
        self.owner.is_answered() || self.has_last_part()
    }

    /// Whether this dispatch of it needs no other turn: its turn has a whole answer, or it is over by itself.
    pub(crate) fn is_answered(&self, record: &DispatchRecord) -> bool {
        record.is_answered() || self.has_last_part()
    }

    fn has_last_part(&self) -> bool {
        self.owner.parts.iter().any(|part| completes(&part.part.key))
    }

    /// All dispatches, the owner first.
    pub(crate) fn records(&self) -> impl Iterator<Item = &DispatchRecord> {
        std::iter::once(&self.owner.record).chain(&self.others)
    }

    /// The events that the turn answers.
    pub(crate) fn members(&self) -> Vec<Member> {
        let member = |record: &DispatchRecord| Member {
            key: record.id.clone(),
            origin: Origin::from(record),
        };
        self.records().map(member).collect()
    }
}
