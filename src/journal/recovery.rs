//! What a start finds that the last run did not finish.

use std::collections::HashMap;

use super::dispatch::{self, DispatchRecord};
use super::error::Fault;
use super::fork::{ForkRecord, forks};
use super::part::{self, NewPart, PartRecord, PartState, digest};
use super::store::Access;
use super::{Error, Journal, State};

/// Everything that is not over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Dispatches that are neither acknowledged nor dead, in the order in which they came.
    pub dispatches: Vec<OpenDispatch>,
    /// Forks that are left over.
    pub forks: Vec<ForkRecord>,
    /// How many results were bound to a turn that never told main; they wait for the next one again.
    pub released_results: usize,
}

/// A dispatch that is not over, with its answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDispatch {
    /// The dispatch.
    pub record: DispatchRecord,
    /// The parts of its answer in order.
    pub parts: Vec<PartRecord>,
}

impl OpenDispatch {
    /// Whether the whole answer is known, so that no other turn is needed.
    pub fn is_answered(&self) -> bool {
        matches!(self.record.state, State::Answered | State::NoReply)
    }

    /// The parts that have to be sent, or sent again under the same key.
    pub fn undelivered(&self) -> impl Iterator<Item = &PartRecord> {
        self.parts.iter().filter(|part| part.state == PartState::Intended)
    }

    /// The ordinal that the next part of the answer gets.
    pub fn next_ordinal(&self) -> u32 {
        self.parts.last().map_or(0, |last| last.part.ordinal + 1)
    }
}

impl Journal {
    /// What the last run did not finish. Call it once, before anything else is taken on.
    pub async fn recover(&self) -> Result<Recovery, Error> {
        self.call(|access| {
            let sql = format!(
                "SELECT {} FROM dispatches WHERE state <> 'acknowledged' AND state <> 'dead' ORDER BY sequence",
                dispatch::COLUMNS
            );
            let records = access.all(&sql, [], DispatchRecord::read)?;
            let mut parts = open_parts(access)?;
            let dispatches = records
                .into_iter()
                .map(|record| OpenDispatch {
                    parts: parts.remove(&record.sequence).unwrap_or_default(),
                    record,
                })
                .collect();
            // A turn that had begun to answer will not run again, and it knew what it was told.
            access.execute(
                "UPDATE results SET told_at = ?1, question = '', answer = ''
                 WHERE told_in IS NOT NULL AND told_at IS NULL AND EXISTS
                    (SELECT 1 FROM dispatches JOIN parts ON dispatch = sequence WHERE turn_id = told_in)",
                [access.now],
            )?;
            let released_results = access.execute(
                "UPDATE results SET told_in = NULL WHERE told_in IS NOT NULL AND told_at IS NULL",
                [],
            )?;
            Ok(Recovery { dispatches, forks: forks(access)?, released_results })
        })
        .await
    }
}

/// The parts of all dispatches that are not over, by the dispatch's sequence. A part whose text is not what was written is
/// not sent.
fn open_parts(access: &Access<'_>) -> Result<HashMap<i64, Vec<PartRecord>>, Fault> {
    const DAMAGED: &str = "its text was damaged on disk";
    let sql = format!(
        "SELECT {}, digest, dispatch FROM parts JOIN dispatches ON sequence = dispatch
         WHERE dispatches.state <> 'acknowledged' AND dispatches.state <> 'dead' ORDER BY dispatch, ordinal",
        part::COLUMNS
    );
    let rows = access.all(&sql, [], |row| {
        Ok((PartRecord::read(row)?, row.get::<_, String>(8)?, row.get::<_, i64>(9)?))
    })?;
    let mut parts: HashMap<i64, Vec<PartRecord>> = HashMap::new();
    for (mut record, written, sequence) in rows {
        let NewPart { ordinal, target, text, .. } = &record.part;
        if record.state == PartState::Intended && digest(target, text) != written {
            access.execute(
                "UPDATE parts SET state = 'refused', cause = ?3 WHERE dispatch = ?1 AND ordinal = ?2",
                (sequence, ordinal, DAMAGED),
            )?;
            record.state = PartState::Refused;
            record.cause = Some(DAMAGED.to_owned());
        }
        parts.entry(sequence).or_default().push(record);
    }
    Ok(parts)
}
