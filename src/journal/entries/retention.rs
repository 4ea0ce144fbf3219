//! How long things are remembered.

use crate::journal::{Error, Journal};

const DAY: i64 = 24 * 60 * 60 * 1_000;
/// How far the machine's clock may have been set between two starts without anything being forgotten too early.
const CLOCK_ERROR: i64 = DAY;
/// A finished dispatch is remembered for this long ...
const TOMBSTONE_LIFETIME: i64 = 30 * DAY + CLOCK_ERROR;
/// ... and at least while it is one of this many, whichever keeps more.
const TOMBSTONES_KEPT: i64 = 20_000;
/// How long the delivered parts of a finished dispatch are recognised.
const PARTS_LIFETIME: i64 = DAY + CLOCK_ERROR;
/// How long an operator can see what happened to a finished dispatch.
const STEPS_LIFETIME: i64 = 7 * DAY;
/// How long a result that main knows is remembered, so that it is not added again.
const TOLD_RESULTS_LIFETIME: i64 = 30 * DAY + CLOCK_ERROR;
/// Most dead letters. The oldest beyond that are discarded.
const MOST_DEAD: i64 = 1_000;
/// Most rows that one transaction removes, so that nobody waits long behind it.
const ROWS_AT_ONCE: u32 = 2_000;
/// Most free pages, of 4 KiB, that are given back to the file system at a time.
const PAGES_AT_ONCE: u32 = 5_000;

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Finished dispatches that were forgotten.
    pub tombstones: usize,
    /// Dead letters that were discarded because there are too many; they are acknowledged to the server.
    pub dead_letters: usize,
}

impl Journal {
    /// Forgets what is too old and gives space back. Call it once an hour.
    pub async fn prune(&self) -> Result<Pruned, Error> {
        let dead_letters = self
            .call(|access| {
                access.execute(
                    "UPDATE dispatches SET state = 'no_reply', changed_at = ?2 WHERE sequence IN
                        (SELECT sequence FROM dispatches WHERE state = 'dead' AND state <> 'acknowledged'
                         ORDER BY sequence DESC LIMIT -1 OFFSET ?1)",
                    (MOST_DEAD, access.now),
                )
            })
            .await?;
        self.call(|access| {
            // Written when the clock was ahead; it would stay until then.
            access.execute(
                "UPDATE dispatches SET changed_at = ?1 WHERE state = 'acknowledged' AND changed_at > ?1",
                [access.now],
            )
        })
        .await?;
        let tombstones = self
            .remove(
                format!(
                    "DELETE FROM dispatches WHERE sequence IN
                        (SELECT sequence FROM dispatches WHERE state = 'acknowledged' AND changed_at < min(?1,
                            (SELECT changed_at FROM dispatches WHERE state = 'acknowledged'
                             ORDER BY changed_at DESC LIMIT 1 OFFSET {TOMBSTONES_KEPT} - 1))
                         LIMIT ?2)"
                ),
                TOMBSTONE_LIFETIME,
            )
            .await?;
        let parts = "DELETE FROM parts WHERE (dispatch, ordinal) IN
            (SELECT dispatch, ordinal FROM parts JOIN dispatches ON sequence = dispatch
             WHERE dispatches.state = 'acknowledged' AND parts.changed_at < ?1 LIMIT ?2)";
        self.remove(parts.to_owned(), PARTS_LIFETIME).await?;
        let steps = "DELETE FROM steps WHERE (dispatch, ordinal) IN
            (SELECT dispatch, ordinal FROM steps JOIN dispatches ON sequence = dispatch
             WHERE state = 'acknowledged' AND changed_at < ?1 LIMIT ?2)";
        self.remove(steps.to_owned(), STEPS_LIFETIME).await?;
        let results = "DELETE FROM results WHERE sequence IN
            (SELECT sequence FROM results WHERE told_at < ?1 LIMIT ?2)";
        self.remove(results.to_owned(), TOLD_RESULTS_LIFETIME).await?;
        self.call(|access| {
            let sql = format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})");
            access.all(&sql, [], |_| Ok(())).map(drop)
        })
        .await?;
        Ok(Pruned { tombstones, dead_letters })
    }

    /// Runs a deletion of at most `?2` rows older than `?1` until nothing is left to delete.
    async fn remove(&self, sql: String, lifetime: i64) -> Result<usize, Error> {
        let mut total = 0;
        loop {
            let sql = sql.clone();
            let removed = self
                .call(move |access| access.execute(&sql, (access.now - lifetime, ROWS_AT_ONCE)))
                .await?;
            total += removed;
            if removed < ROWS_AT_ONCE as usize {
                return Ok(total);
            }
        }
    }
}
