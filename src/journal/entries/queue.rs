//! What an operator sees of the queue and can do about it, and what is due.

use std::path::Path;

use super::dispatch::{change, state};
use super::record::COLUMNS;
use crate::journal::database::access::Access;
use crate::journal::database::files::appended;
use crate::journal::error::Fault;
use crate::journal::{DispatchRecord, Error, Journal, State};

/// Numbers for the status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Dispatches that wait for a turn, for the first or for another time.
    pub waiting: u32,
    /// Dispatches in a turn.
    pub running: u32,
    /// Dispatches whose answer is known but not delivered or not acknowledged yet.
    pub finishing: u32,
    /// Dispatches given up.
    pub dead: u32,
    /// When the oldest dispatch that is neither over nor dead was admitted, milliseconds since the epoch.
    pub oldest_pending_at: Option<i64>,
    /// Forks that are not removed.
    pub forks: u32,
    /// Results that main does not know yet.
    pub untold_results: u32,
    /// Bytes on disk, with the write-ahead log.
    pub bytes: u64,
}

impl Counters {
    /// Everything that is neither over nor dead.
    pub fn pending(&self) -> u32 {
        self.waiting + self.running + self.finishing
    }
}

impl Journal {
    /// Numbers for the status.
    pub async fn counters(&self) -> Result<Counters, Error> {
        let database = self.path().to_owned();
        self.call(move |access| count(access, &database)).await
    }

    /// The first `limit` dispatches that are not over, dead ones too, in the order in which they came.
    pub async fn queue(&self, limit: u32) -> Result<Vec<DispatchRecord>, Error> {
        self.call(move |access| {
            let sql = format!(
                "SELECT {COLUMNS} FROM dispatches WHERE state <> 'acknowledged' ORDER BY sequence LIMIT ?1"
            );
            access.all(&sql, [limit], DispatchRecord::read)
        })
        .await
    }

    /// The dispatch that was given up last.
    pub async fn newest_dead_letter(&self) -> Result<Option<DispatchRecord>, Error> {
        self.call(|access| {
            let sql = format!(
                "SELECT {COLUMNS} FROM dispatches WHERE state = 'dead' AND state <> 'acknowledged'
                 ORDER BY changed_at DESC, sequence DESC LIMIT 1"
            );
            access.first(&sql, [], DispatchRecord::read)
        })
        .await
    }

    /// Failed dispatches whose time has come, in the order in which they came. An operator's retry shows up here.
    pub async fn due(&self) -> Result<Vec<DispatchRecord>, Error> {
        self.call(|access| {
            let sql = format!(
                "SELECT {COLUMNS} FROM dispatches WHERE state = 'failed' AND next_try_at <= ?1 ORDER BY sequence"
            );
            access.all(&sql, [access.now], DispatchRecord::read)
        })
        .await
    }

    /// Dispatches whose answer is complete and delivered, so that it can be acknowledged, in the order in which they came.
    /// What an operator discarded shows up here.
    pub async fn finished(&self) -> Result<Vec<DispatchRecord>, Error> {
        self.call(|access| {
            let sql = format!(
                "SELECT {COLUMNS} FROM dispatches WHERE state IN ('answered', 'no_reply') AND state <> 'acknowledged'
                 AND NOT EXISTS (SELECT 1 FROM parts WHERE dispatch = sequence AND parts.state = 'intended')
                 ORDER BY sequence"
            );
            access.all(&sql, [], DispatchRecord::read)
        })
        .await
    }

    /// An operator wants a failed or dead dispatch tried again, with all attempts before it. It is due at once, and its
    /// answer begins anew.
    pub async fn retry(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.call(move |access| {
            let before = match state(access, &id)? {
                before @ (State::Failed | State::Dead) => before,
                state => return Err(Error::Order { id, state, step: "tried again" }.into()),
            };
            // At once, whatever time it is for the gateway.
            access.execute(
                "UPDATE dispatches SET attempts = 0, failures = 0, next_try_at = 0 WHERE id = ?1",
                [&id],
            )?;
            // A part that the server refused once would never be sent again.
            access.execute(
                "DELETE FROM parts WHERE dispatch = (SELECT sequence FROM dispatches WHERE id = ?1)",
                [&id],
            )?;
            change(access, &id, before, State::Failed, None)
        })
        .await
    }

    /// An operator wants no answer to a dead dispatch. What was not sent yet is not sent; the server is informed that it is
    /// over. Any other dispatch is in the hands of the gateway.
    pub async fn discard(&self, id: &str) -> Result<(), Error> {
        const CAUSE: &str = "discarded by an operator";
        let id = id.to_owned();
        self.call(move |access| {
            let before = match state(access, &id)? {
                before @ State::Dead => before,
                state => return Err(Error::Order { id, state, step: "dropped" }.into()),
            };
            access.execute(
                "UPDATE parts SET state = 'refused', cause = ?2, changed_at = ?3
                 WHERE dispatch = (SELECT sequence FROM dispatches WHERE id = ?1) AND state = 'intended'",
                (&id, CAUSE, access.now),
            )?;
            change(access, &id, before, State::NoReply, Some(CAUSE))
        })
        .await
    }
}

/// Counts what is in a database file.
pub(super) fn count(access: &Access<'_>, database: &Path) -> Result<Counters, Fault> {
    let states = access.all(
        "SELECT state, count(*), min(claimed_at) FROM dispatches WHERE state <> 'acknowledged' GROUP BY state",
        [],
        |row| Ok((row.get::<_, State>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<i64>>(2)?)),
    )?;
    let mut counters = Counters::default();
    for (state, count, oldest) in states {
        let field = match state {
            State::Claimed | State::Failed => &mut counters.waiting,
            State::Adopted => &mut counters.running,
            State::Answered | State::NoReply => &mut counters.finishing,
            State::Dead => &mut counters.dead,
            State::Acknowledged => continue,
        };
        *field += count;
        if state != State::Dead {
            counters.oldest_pending_at =
                [counters.oldest_pending_at, oldest].into_iter().flatten().min();
        }
    }
    let number = |sql: &str| access.first(sql, [], |row| row.get(0)).map(Option::unwrap_or_default);
    counters.forks = number("SELECT count(*) FROM forks")?;
    counters.untold_results = number("SELECT count(*) FROM results WHERE told_at IS NULL")?;
    counters.bytes = [database.to_owned(), appended(database, "-wal")]
        .iter()
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|metadata| metadata.len())
        .sum();
    Ok(counters)
}
