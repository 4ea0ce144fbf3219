//! Notes that wait to be written.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::access::Access;
use crate::journal::error::Fault;

/// Values by name.
pub(in crate::journal) type Values = BTreeMap<&'static str, String>;

/// Notes that are not written yet.
#[derive(Debug, Default)]
pub(in crate::journal) struct Notes(Mutex<Values>);

impl Notes {
    /// Notes a value; says whether it is the first one that waits.
    pub(in crate::journal) fn set(&self, name: &'static str, value: String) -> bool {
        let mut pending = self.lock();
        let first = pending.is_empty();
        pending.insert(name, value);
        first
    }

    pub(in crate::journal) fn pending(&self, name: &str) -> Option<String> {
        self.lock().get(name).cloned()
    }

    /// Takes what waits.
    pub(in crate::journal) fn take(&self) -> Values {
        std::mem::take(&mut *self.lock())
    }

    /// Puts back what could not be written, unless there is something newer.
    pub(in crate::journal) fn put_back(&self, values: Values) {
        let mut pending = self.lock();
        for (name, value) in values {
            pending.entry(name).or_insert(value);
        }
    }

    /// Writes values to the database.
    pub(in crate::journal) fn write(access: &Access<'_>, values: &Values) -> Result<(), Fault> {
        for (name, value) in values {
            access.execute(
                "INSERT INTO notes (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
                [*name, value],
            )?;
        }
        Ok(())
    }

    /// What the database holds.
    pub(in crate::journal) fn read(access: &Access<'_>) -> Result<Vec<(String, String)>, Fault> {
        access.all("SELECT name, value FROM notes", [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
