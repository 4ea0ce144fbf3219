//! What an operator sees of an account at one moment. The lists are cut: the counters say how much there is.

use super::fork::forks;
use super::queue::{Counters, count};
use super::record::COLUMNS;
use crate::journal::database::access::Access;
use crate::journal::error::Fault;
use crate::journal::{DispatchRecord, Error, ForkRecord, Journal};

/// What is not over, read in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// How much there is of everything.
    pub counters: Counters,
    /// Dispatches in a turn, in the order in which they came.
    pub running: Vec<DispatchRecord>,
    /// Dispatches that wait for a turn, or whose answer is not acknowledged yet, in the order in which they came.
    pub waiting: Vec<DispatchRecord>,
    /// Dispatches given up, the newest first.
    pub dead: Vec<DispatchRecord>,
    /// Forks that are not removed, the oldest first.
    pub forks: Vec<ForkRecord>,
}

impl Journal {
    /// What is not over, at most so many of each kind.
    pub async fn overview(&self, most: u32) -> Result<Overview, Error> {
        let database = self.path().to_owned();
        self.call(move |access| {
            let waiting = "'claimed', 'failed', 'answered', 'no_reply'";
            Ok(Overview {
                counters: count(access, &database)?,
                running: dispatches(access, "'adopted'", "ASC", most)?,
                waiting: dispatches(access, waiting, "ASC", most)?,
                dead: dispatches(access, "'dead'", "DESC", most)?,
                forks: forks(access)?,
            })
        })
        .await
    }
}

/// The first or last dispatches in some states. The index alone finds them, so thousands that wait cost next to nothing.
fn dispatches(
    access: &Access<'_>,
    states: &str,
    order: &str,
    most: u32,
) -> Result<Vec<DispatchRecord>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM dispatches WHERE sequence IN
            (SELECT sequence FROM dispatches WHERE state IN ({states}) AND state <> 'acknowledged'
             ORDER BY claimed_at {order}, sequence {order} LIMIT ?1)
         ORDER BY sequence {order}"
    );
    access.all(&sql, [most], DispatchRecord::read)
}
