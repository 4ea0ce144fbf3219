//! One gateway for each account: a lock that the operating system takes back when its holder dies.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::task::spawn_blocking;

use super::access::Access;
use super::files::{Files, private_file};
use crate::journal::Error;
use crate::journal::error::Fault;

/// How often a waiting gateway looks whether the account is free.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The right to serve an account. Dropping it gives it back; so does the end of the process, however it ends.
#[derive(Debug)]
pub struct Lease {
    pub(in crate::journal) files: Files,
    _lock: File,
}

/// Who serves an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Name of the machine; empty when it has none.
    pub host: String,
    /// Since when, milliseconds since the epoch.
    pub since: i64,
}

/// What became of an attempt at a lease.
#[derive(Debug)]
pub enum LeaseAttempt {
    /// It is ours.
    Acquired(Lease),
    /// Somebody else has it; who, if that is known.
    Held(Option<Holder>),
}

impl Lease {
    /// Tries to get the lease of an account whose files are in `folder`, which is made if need be. Blocks for a moment
    /// only.
    pub fn try_acquire(folder: &Path, account: &str) -> Result<LeaseAttempt, Error> {
        let files = Files::prepare(folder, account)?;
        let path = files.lock();
        let lock = private_file(&path).map_err(|error| Error::file(&path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(LeaseAttempt::Acquired(Self { files, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(LeaseAttempt::Held(holder(&files.database()))),
            Err(TryLockError::Error(error)) => Err(Error::file(&path, error)),
        }
    }

    /// Waits for the lease. `held` hears who has it, at first and whenever that changes. Dropping the future ends the
    /// wait.
    pub async fn acquire(
        folder: &Path,
        account: &str,
        mut held: impl FnMut(Option<&Holder>),
    ) -> Result<Self, Error> {
        let mut reported = None;
        loop {
            // The system's lock and the look at the holder's database block; the caller's thread serves other accounts.
            let (folder, account) = (folder.to_owned(), account.to_owned());
            let attempt = spawn_blocking(move || Self::try_acquire(&folder, &account));
            // It only fails to return when the runtime ends.
            let holder = match attempt.await.map_err(|_| Error::Closed)?? {
                LeaseAttempt::Acquired(lease) => return Ok(lease),
                LeaseAttempt::Held(holder) => holder,
            };
            if reported.as_ref() != Some(&holder) {
                held(holder.as_ref());
                reported = Some(holder);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}

/// Writes down who holds the lease, for those who wait.
pub(in crate::journal) fn sign(access: &Access<'_>) -> Result<(), Fault> {
    access.execute(
        "INSERT INTO lease (row, pid, host, since) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET pid = excluded.pid, host = excluded.host, since = excluded.since",
        (std::process::id(), host_name(), access.now),
    )?;
    Ok(())
}

/// Who signed last. Best effort: the holder may be about to make the database.
fn holder(database: &Path) -> Option<Holder> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).ok()?;
    connection.busy_timeout(LOOK_INTERVAL).ok()?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Holder { pid: row.get(0)?, host: row.get(1)?, since: row.get(2)? })
    };
    connection.query_row("SELECT pid, host, since FROM lease", [], read).optional().ok()?
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if name.trim().is_empty() {
        ["HOSTNAME", "COMPUTERNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .unwrap_or_default()
    } else {
        name
    };
    name.trim().to_owned()
}
