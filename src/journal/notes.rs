//! Small values that change often: the event cursor, counters of the loop budget. Only the newest one counts, so they are
//! written together and a little later.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::access::Access;
use super::error::Fault;
use super::{Error, Journal};

/// Name of the note that holds the event cursor.
const CURSOR: &str = "last_seq";

/// Values by name.
pub(super) type Values = BTreeMap<&'static str, String>;

/// Notes that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Values>);

impl Notes {
    /// Notes a value; says whether it is the first one that waits.
    fn set(&self, name: &'static str, value: String) -> bool {
        let mut pending = self.lock();
        let first = pending.is_empty();
        pending.insert(name, value);
        first
    }

    fn pending(&self, name: &str) -> Option<String> {
        self.lock().get(name).cloned()
    }

    /// Takes what waits.
    pub(super) fn take(&self) -> Values {
        std::mem::take(&mut *self.lock())
    }

    /// Puts back what could not be written, unless there is something newer.
    pub(super) fn put_back(&self, values: Values) {
        let mut pending = self.lock();
        for (name, value) in values {
            pending.entry(name).or_insert(value);
        }
    }

    /// Writes values to the database.
    pub(super) fn write(access: &Access<'_>, values: &Values) -> Result<(), Fault> {
        for (name, value) in values {
            access.execute(
                "INSERT INTO notes (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
                [*name, value],
            )?;
        }
        Ok(())
    }

    /// What the database holds.
    pub(super) fn read(access: &Access<'_>) -> Result<Vec<(String, String)>, Fault> {
        access.all("SELECT name, value FROM notes", [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    /// How far the event stream was read when the account last ran.
    pub async fn cursor(&self) -> Result<Option<u64>, Error> {
        Ok(self.note(CURSOR).await?.and_then(|value| value.parse().ok()))
    }

    /// Notes how far the event stream was read. Call it only when everything up to there is claimed. Cheap: it is on disk
    /// within a second, or after [`Journal::flush`].
    pub fn set_cursor(&self, last_seq: u64) {
        self.set_note(CURSOR, last_seq.to_string());
    }

    /// A value that was noted under a name.
    pub async fn note(&self, name: &'static str) -> Result<Option<String>, Error> {
        if let Some(value) = self.notes.pending(name) {
            return Ok(Some(value));
        }
        self.call(move |access| {
            access.first("SELECT value FROM notes WHERE name = ?1", [name], |row| row.get(0))
        })
        .await
    }

    /// Notes a value under a name, as cheaply as the cursor. Never a secret.
    pub fn set_note(&self, name: &'static str, value: String) {
        if self.notes.set(name, value) {
            self.wake();
        }
    }

    /// Writes cursor and notes now.
    pub async fn flush(&self) -> Result<(), Error> {
        let notes = self.notes.take();
        let values = notes.clone();
        let result = self.call(move |access| Notes::write(access, &values)).await;
        if result.is_err() {
            self.notes.put_back(notes);
            self.wake();
        }
        result
    }
}
