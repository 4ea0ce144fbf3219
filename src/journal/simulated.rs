//! A journal whose disk a test plays: nothing is written before the test says so, and what was written outlives every
//! crash.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use tokio::sync::Notify;

use super::database::access::Access;
use super::database::store::{Durability, Store};
use super::database::writer::Message;
use super::entries::fork::{ForkRecord, forks};
use super::open::in_memory;
use super::{Clock, DispatchRecord, Error, Journal, OpenDispatch, PartRecord};

/// A disk in memory. It takes the place of the journal's thread: calls wait until [`SimulatedDisk::write`].
pub struct SimulatedDisk {
    store: Store,
    /// What the journal of the running process has asked for.
    messages: Option<Receiver<Message>>,
    asked: Arc<Notify>,
}

impl SimulatedDisk {
    /// An empty disk. `clock` is read at every write and by the journals.
    pub fn new(clock: Clock) -> Result<Self, Error> {
        Ok(Self { store: in_memory(clock)?, messages: None, asked: Arc::default() })
    }

    /// The journal of a process that starts. What an earlier one asked for and did not get written is gone, as after a
    /// crash.
    pub fn open(&mut self) -> Journal {
        self.store.notes = Arc::default();
        let (queue, messages) = channel();
        self.messages = Some(messages);
        Journal::served_elsewhere(&self.store, queue, Arc::clone(&self.asked))
    }

    /// Wakes when there may be something to write.
    pub fn asked(&self) -> Arc<Notify> {
        Arc::clone(&self.asked)
    }

    /// Writes at most `most` calls that wait, as one transaction, and tells their callers. Returns how many there were.
    pub fn write(&mut self, most: usize) -> usize {
        let Some(messages) = &self.messages else { return 0 };
        let mut jobs = Vec::new();
        let mut closing = None;
        let mut taken = 0;
        for message in messages.try_iter().take(most) {
            taken += 1;
            match message {
                Message::Job(job) | Message::Written(job) | Message::Later(job) => jobs.push(job),
                Message::Notes => {}
                Message::Close(closed) => {
                    closing = Some(closed);
                    break;
                }
            }
        }
        self.store.run(jobs, Durability::Disk);
        if let Some(closed) = closing {
            self.write_notes();
            self.messages = None;
            // Whoever wanted it closed may have gone.
            let _ = closed.send(());
        }
        taken
    }

    /// Writes cursor and notes. The journal's thread does so half a second after the first of them.
    pub fn write_notes(&self) {
        // What cannot be written stays for the next time.
        let _ = self.store.flush();
    }

    /// Makes every write fail from now on, as on a full disk, or ends that.
    pub fn refuse_writes(&self, refused: bool) -> Result<(), Error> {
        self.store
            .connection
            .pragma_update(None, "query_only", refused)
            .map_err(|error| Error::sqlite(&self.store.path, error))
    }

    /// A dispatch with its answer, as it would be found after a crash now.
    pub fn dispatch(&self, id: &str) -> Result<Option<OpenDispatch>, Error> {
        self.read(|access| {
            let sql = format!("SELECT {} FROM dispatches WHERE id = ?1", super::entries::record::COLUMNS);
            let Some(record) = access.first(&sql, [id], DispatchRecord::read)? else {
                return Ok(None);
            };
            let sql = format!(
                "SELECT {} FROM parts JOIN dispatches ON sequence = dispatch WHERE id = ?1 ORDER BY ordinal",
                super::entries::part::COLUMNS
            );
            Ok(Some(OpenDispatch { record, parts: access.all(&sql, [id], PartRecord::read)? }))
        })
    }

    /// A note, as it would be found after a crash now.
    pub fn note(&self, name: &str) -> Result<Option<String>, Error> {
        self.read(|access| {
            access.first("SELECT value FROM notes WHERE name = ?1", [name], |row| row.get(0))
        })
    }

    /// The forks that are not removed, as they would be found after a crash now.
    pub fn forks(&self) -> Result<Vec<ForkRecord>, Error> {
        self.read(forks)
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Access<'_>) -> Result<T, super::error::Fault>,
    ) -> Result<T, Error> {
        let access = Access { connection: &self.store.connection, now: (self.store.clock)() };
        work(&access).map_err(|fault| fault.at(&self.store.path))
    }
}
