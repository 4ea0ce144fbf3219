//! Small values that change often: the event cursor, counters of the loop budget. Only the newest one counts, so they are
//! written together and a little later.

use crate::journal::database::pending::Notes;
use crate::journal::{Error, Journal};

/// Name of the note that holds the event cursor.
const CURSOR: &str = "last_seq";

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
