//! The connection, and how calls become transactions.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::access::Access;
use super::pending::{Notes, Values};
use crate::journal::error::Fault;
use crate::journal::{Clock, Error, Lease};

/// The open database with everything that belongs to it. Closing happens in the order of the fields.
pub(in crate::journal) struct Store {
    pub connection: Connection,
    pub path: PathBuf,
    pub notes: Arc<Notes>,
    pub clock: Clock,
    /// Held as long as the database is open; none for an operator's command and in memory.
    pub _lease: Option<Lease>,
}

/// When a transaction is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) enum Durability {
    /// It is in the file: the end of the process does not harm it.
    File,
    /// It is on the disk, with all before it: a loss of power does not either.
    Disk,
}

/// A call that waits for its transaction.
pub(in crate::journal) trait Job: Send {
    /// Does the work, keeping its result.
    fn run(&mut self, access: &Access<'_>) -> Result<(), Fault>;
    /// Tells the caller: the kept result once it is durable, or why nothing was recorded.
    fn finish(self: Box<Self>, committed: Result<(), Error>);
}

/// A [`Job`] made of a closure.
pub(in crate::journal) struct Call<T, F> {
    pub work: Option<F>,
    pub result: Option<T>,
    pub reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Job for Call<T, F>
where
    T: Send,
    F: FnOnce(&Access<'_>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, access: &Access<'_>) -> Result<(), Fault> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(access)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), Error>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => Err(Error::Closed),
            (Err(error), _) => Err(error),
        };
        // A caller that went away does not want to know.
        let _ = self.reply.send(result);
    }
}

impl Store {
    /// Runs jobs in order, in as few transactions as possible. A job that fails leaves no trace and does not disturb the
    /// others, unless `SQLite` gives up the whole transaction. Notes that wait are written with what changes something: a turn
    /// that is on disk is counted there, too. Jobs that only read go on while nothing can be written.
    pub(in crate::journal) fn run(&self, jobs: Vec<Box<dyn Job>>, durability: Durability) {
        let mut waiting = VecDeque::from(jobs);
        while !waiting.is_empty() {
            let mut done = Vec::new();
            let mut notes = Values::default();
            let committed = self.transact(durability, |access| {
                let unchanged = access.connection.total_changes();
                while let Some(mut job) = waiting.pop_front() {
                    match isolated(access, |access| job.run(access)) {
                        Ok(()) => done.push(job),
                        Err(fault) if access.connection.is_autocommit() => {
                            done.push(job);
                            return Err(fault);
                        }
                        Err(fault) => job.finish(Err(fault.at(&self.path))),
                    }
                }
                if access.connection.total_changes() > unchanged {
                    notes = self.notes.take();
                    Notes::write(access, &notes)?;
                }
                Ok(())
            });
            if committed.is_err() {
                self.notes.put_back(notes);
            }
            if committed.is_err() && done.is_empty() {
                // The transaction could not even begin.
                done.extend(waiting.drain(..));
            }
            for job in done {
                job.finish(committed.clone());
            }
        }
    }

    /// Writes the notes that changed. On failure they stay to be written.
    pub(in crate::journal) fn flush(&self) -> Result<(), Error> {
        let pending = self.notes.take();
        if pending.is_empty() {
            return Ok(());
        }
        let result = self.transact(Durability::Disk, |access| Notes::write(access, &pending));
        if result.is_err() {
            self.notes.put_back(pending);
        }
        result
    }

    pub(in crate::journal) fn transact(
        &self,
        durability: Durability,
        work: impl FnOnce(&Access<'_>) -> Result<(), Fault>,
    ) -> Result<(), Error> {
        if durability == Durability::Disk {
            return self.transaction(work);
        }
        let synchronous = |mode| {
            let set = self.connection.pragma_update(None, "synchronous", mode);
            set.map_err(|error| Error::sqlite(&self.path, error))
        };
        synchronous("NORMAL")?;
        let result = self.transaction(work);
        // It is the connection's usual mode.
        synchronous("FULL")?;
        result
    }

    fn transaction(
        &self,
        work: impl FnOnce(&Access<'_>) -> Result<(), Fault>,
    ) -> Result<(), Error> {
        let at = |error| Error::sqlite(&self.path, error);
        let transaction =
            rusqlite::Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
                .map_err(at)?;
        let access = Access { connection: &self.connection, now: (self.clock)() };
        work(&access).map_err(|fault| fault.at(&self.path))?;
        transaction.commit().map_err(at)
    }
}

/// Runs one job so that its failure undoes only what it did itself.
fn isolated(
    access: &Access<'_>,
    work: impl FnOnce(&Access<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    access.execute("SAVEPOINT job", [])?;
    let result = work(access);
    if !access.connection.is_autocommit() {
        if result.is_err() {
            access.execute("ROLLBACK TO job", [])?;
        }
        access.execute("RELEASE job", [])?;
    }
    result
}
