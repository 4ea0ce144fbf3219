//! What the statements of a transaction go through.

use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::journal::error::Fault;

/// What a job sees of the database.
pub(in crate::journal) struct Access<'connection> {
    pub connection: &'connection Connection,
    /// Milliseconds since the epoch.
    pub now: i64,
}

impl Access<'_> {
    /// Runs a statement and returns how many rows it changed.
    pub(in crate::journal) fn execute(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<usize, Fault> {
        Ok(self.connection.prepare_cached(sql)?.execute(params)?)
    }

    /// The first row of a query, if any.
    pub(in crate::journal) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        Ok(self.connection.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    /// All rows of a query.
    pub(in crate::journal) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
