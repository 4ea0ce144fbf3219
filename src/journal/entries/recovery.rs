//! What a start finds that the last run did not finish.

use std::collections::HashMap;

use super::fork::{ForkRecord, forks, untold};
use super::part::{self, NewPart, PartRecord, PartState, digest};
use super::record;
use crate::journal::database::access::Access;
use crate::journal::database::pending::Notes;
use crate::journal::error::Fault;
use crate::journal::{DispatchRecord, Error, Journal, State};

/// Everything that is not over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Dispatches that are neither acknowledged nor dead, in the order in which they came.
    pub dispatches: Vec<OpenDispatch>,
    /// Forks that are left over.
    pub forks: Vec<ForkRecord>,
    /// How many results were bound to a turn that never reported them to main; they wait for the next one again.
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
        self.record.is_answered()
    }

    /// The parts that have to be sent, or sent again under the same key.
    #[cfg(feature = "testing")]
    pub fn undelivered(&self) -> impl Iterator<Item = &PartRecord> {
        self.parts.iter().filter(|part| part.state == PartState::Intended)
    }

    /// The ordinal that the next part of the answer gets.
    #[cfg(feature = "testing")]
    pub fn next_ordinal(&self) -> u32 {
        self.parts.last().map_or(0, |last| last.part.ordinal + 1)
    }
}

impl Journal {
    /// What the last run did not finish. Call it once, before anything else is admitted.
    pub async fn recover(&self) -> Result<Recovery, Error> {
        self.recover_beside(Vec::new()).await
    }

    /// The same while the runs of some turns still continue: the results reported with them stay bound to them.
    pub async fn recover_beside(&self, running: Vec<String>) -> Result<Recovery, Error> {
        self.call(move |access| {
            let records = open_records(access)?;
            let mut parts = checked_parts(access)?;
            let dispatches = records
                .into_iter()
                .filter(|record| record.state != State::Dead)
                .map(|record| OpenDispatch {
                    parts: parts.remove(&record.sequence).unwrap_or_default(),
                    record,
                })
                .collect();
            // A turn that had begun to answer knew what was reported to it. What an earlier attempt said proves nothing.
            access.execute(
                "UPDATE results SET told_at = ?1, question = '', answer = ''
                 WHERE told_in IS NOT NULL AND told_at IS NULL
                    AND told_in IN (SELECT turn_id FROM parts)",
                [access.now],
            )?;
            let running = serde_json::to_string(&running).unwrap_or_default();
            let released_results = access.execute(
                "UPDATE results SET told_in = NULL WHERE told_in IS NOT NULL AND told_at IS NULL
                 AND told_in NOT IN (SELECT value FROM json_each(?1))",
                [running],
            )?;
            Ok(Recovery { dispatches, forks: forks(access)?, released_results })
        })
        .await
    }
}

/// Reads everything that a running account would read: damage that `SQLite` does not see, such as text that is no text, shows
/// here.
pub(in crate::journal) fn read_through(access: &Access<'_>) -> Result<(), Fault> {
    open_records(access)?;
    open_parts(access)?;
    forks(access)?;
    untold(access)?;
    Notes::read(access).map(drop)
}

/// All dispatches that are not over, dead ones too, in the order in which they came.
fn open_records(access: &Access<'_>) -> Result<Vec<DispatchRecord>, Fault> {
    let sql = format!(
        "SELECT {} FROM dispatches WHERE state <> 'acknowledged' ORDER BY sequence",
        record::COLUMNS
    );
    access.all(&sql, [], DispatchRecord::read)
}

/// A part, its digest when it was written, and its dispatch's sequence.
type OpenPart = (PartRecord, String, i64);

fn open_parts(access: &Access<'_>) -> Result<Vec<OpenPart>, Fault> {
    let sql = format!(
        "SELECT {}, digest, dispatch FROM parts JOIN dispatches ON sequence = dispatch
         WHERE dispatches.state <> 'acknowledged' ORDER BY dispatch, ordinal",
        part::COLUMNS
    );
    access.all(&sql, [], |row| Ok((PartRecord::read(row)?, row.get(10)?, row.get(11)?)))
}

/// The parts by their dispatch's sequence. A part whose text is not what was written is not sent.
fn checked_parts(access: &Access<'_>) -> Result<HashMap<i64, Vec<PartRecord>>, Fault> {
    const DAMAGED: &str = "its text was damaged on disk";
    let mut parts: HashMap<i64, Vec<PartRecord>> = HashMap::new();
    for (mut record, written, sequence) in open_parts(access)? {
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
