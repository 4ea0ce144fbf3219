//! Opening: a new database, a current one, an older one, a newer one, a damaged one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::database::access::Access;
use super::database::files::{Files, appended, private_file};
use super::database::lease;
use super::database::schema::{
    APPLICATION_ID, MIGRATIONS, is_intact, migrate, target_version, version,
};
use super::database::store::{Durability, Store};
use super::entries::recovery::read_through;
use super::error::Fault;
use super::{Clock, Error, Journal, Lease, system_clock};
use crate::fs::sync_folder;
use crate::time::stamp;

/// How long to wait for another process, an operator's command, to finish its transaction.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// How many pages, of 4 KiB, the write-ahead log may have before its content goes into the database. It grows beyond that
/// only by the transaction that it is in, and while another process reads.
const LOG_PAGES: i64 = 256;
/// Most bytes of the write-ahead log that are kept when it is empty.
const LOG_LIMIT: i64 = LOG_PAGES * 4_096;
/// How many statements stay prepared: more than the journal has.
const STATEMENTS: usize = 128;

/// An open journal and what was found.
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// What the status can say about it.
    pub condition: Condition,
}

/// In which condition the journal was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There was none.
    Created,
    /// As it was left.
    Sound,
    /// Of an older version; brought up to date. The old one is kept as `backup`.
    Migrated {
        /// Its schema version.
        from: i64,
        /// The copy that was made before.
        backup: PathBuf,
    },
    /// Damaged. The old one is kept, a new and empty one is in its place: what the server still lists comes again, other
    /// memories are lost.
    Rebuilt {
        /// Where the damaged one is now.
        set_aside: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// What a look at the file says.
enum Finding {
    Absent,
    Version(i64),
    Damaged(String),
}

impl Journal {
    /// Opens the journal of the account that the lease is for, and keeps the lease until it is closed. Blocks: it reads
    /// the whole database to find damage.
    pub fn open(lease: Lease, clock: Clock) -> Result<Opened, Error> {
        let files = lease.files.clone();
        let path = files.database();
        let supported = target_version(MIGRATIONS);
        let condition = match look(&path)? {
            Finding::Version(found) if found > supported => {
                return Err(Error::Version { path, found, supported });
            }
            Finding::Version(found) if found == supported => Condition::Sound,
            Finding::Version(from) => {
                let backup = appended(
                    &path,
                    &format!(
                        ".version-{from}-{}",
                        stamp(u64::try_from(clock()).unwrap_or_default())
                    ),
                );
                Condition::Migrated { from, backup }
            }
            Finding::Absent => {
                create(&files, clock())?;
                Condition::Created
            }
            Finding::Damaged(cause) => {
                let set_aside = set_aside(&path, clock())?;
                create(&files, clock())?;
                Condition::Rebuilt { set_aside, cause }
            }
        };
        let at = |error| Error::sqlite(&path, error);
        let mut connection = connect(&path).map_err(at)?;
        if let Condition::Migrated { backup, .. } = &condition {
            migrate(&mut connection, MIGRATIONS, Some(backup)).map_err(at)?;
        }
        let store = store(connection, path, clock, Some(lease));
        store.transact(Durability::Disk, lease::sign)?;
        Ok(Opened { journal: Self::start(store)?, condition })
    }

    /// Opens the journal in `folder` next to a gateway that may be running, lets `work` use it and closes it again.
    pub async fn beside<T, F>(
        folder: PathBuf,
        account: String,
        work: impl FnOnce(Self) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let open = move || Self::open_beside(&folder, &account, system_clock());
        // Opening only fails to return when the runtime ends.
        let journal = tokio::task::spawn_blocking(open).await.map_err(|_| Error::Closed)??;
        let result = work(journal.clone()).await;
        journal.close().await;
        result
    }

    /// Opens a journal next to the gateway that serves the account, for an operator's command. It must exist and be of
    /// this version; nothing is repaired.
    pub fn open_beside(folder: &Path, account: &str, clock: Clock) -> Result<Self, Error> {
        let path = Files::at(folder, account).database();
        let supported = target_version(MIGRATIONS);
        if !path.try_exists().map_err(|error| Error::file(&path, error))? {
            return Err(Error::Missing { path });
        }
        let at = |error| Error::sqlite(&path, error);
        match connect_to_read(&path).and_then(|connection| version(&connection)).map_err(at)? {
            found if found != supported => Err(Error::Version { path, found, supported }),
            _ => {
                let connection = connect(&path).map_err(at)?;
                Self::start(store(connection, path, clock, None))
            }
        }
    }

    /// A journal that is kept in memory and does everything on the thread of its caller: for tests with virtual time. Notes
    /// are kept by [`Journal::flush`] only.
    pub fn in_memory(clock: Clock) -> Result<Self, Error> {
        in_memory(clock).map(Self::inline)
    }
}

/// An empty journal in memory.
pub(super) fn in_memory(clock: Clock) -> Result<Store, Error> {
    let path = PathBuf::from(":memory:");
    let at = |error| Error::sqlite(&path, error);
    let mut connection = Connection::open_in_memory().map_err(at)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(at)?;
    migrate(&mut connection, MIGRATIONS, None).map_err(at)?;
    Ok(store(connection, path, clock, None))
}

fn store(connection: Connection, path: PathBuf, clock: Clock, lease: Option<Lease>) -> Store {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Store { connection, path, notes: Arc::default(), clock, _lease: lease }
}

/// Looks at the database without writing to it.
fn look(path: &Path) -> Result<Finding, Error> {
    if !path.try_exists().map_err(|error| Error::file(path, error))? {
        // A log without its database must not be applied to a new one.
        let log = appended(path, "-wal");
        let stray = log.try_exists().map_err(|error| Error::file(&log, error))?;
        return Ok(if stray {
            Finding::Damaged("its log is there, the database is not".to_owned())
        } else {
            Finding::Absent
        });
    }
    match examine(path).map_err(|fault| fault.at(path)) {
        Err(Error::Corrupt { source, .. }) => Ok(Finding::Damaged(source.to_string())),
        finding => finding,
    }
}

fn examine(path: &Path) -> Result<Finding, Fault> {
    let connection = connect_to_read(path)?;
    let found = version(&connection)?;
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if id != APPLICATION_ID || found < 1 {
        return Ok(Finding::Damaged("it is not a journal".to_owned()));
    }
    if found > target_version(MIGRATIONS) {
        return Ok(Finding::Version(found));
    }
    let verdict: String =
        connection.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Finding::Damaged(verdict));
    }
    if found == target_version(MIGRATIONS) {
        if !is_intact(&connection)? {
            return Ok(Finding::Damaged("its tables are not those of a journal".to_owned()));
        }
        read_through(&Access { connection: &connection, now: 0 })?;
    }
    Ok(Finding::Version(found))
}

fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    Ok(connection)
}

/// Makes an empty database: complete and on disk before it gets its name, so that a crash leaves all of it or nothing.
fn create(files: &Files, now: i64) -> Result<(), Error> {
    let unfinished = files.unfinished();
    let database = files.database();
    let file = |error| Error::file(&unfinished, error);
    let sqlite = |error| Error::sqlite(&unfinished, error);
    for path in [unfinished.clone(), appended(&unfinished, "-wal"), appended(&unfinished, "-shm")] {
        remove_if_present(&path).map_err(file)?;
    }
    if appended(&database, "-wal").exists() {
        set_aside(&database, now)?;
    }
    drop(private_file(&unfinished).map_err(file)?);
    let mut connection = connect(&unfinished).map_err(sqlite)?;
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(sqlite)?;
    migrate(&mut connection, MIGRATIONS, None).map_err(sqlite)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
    connection.close().map_err(|(_, error)| sqlite(error))?;
    fs::rename(&unfinished, &database).map_err(file)?;
    sync_folder(files.folder()).map_err(file)
}

/// Moves a damaged database out of the way, with its log, and says where it is now.
fn set_aside(path: &Path, now: i64) -> Result<PathBuf, Error> {
    let file = |error| Error::file(path, error);
    let aside = free_name(appended(
        path,
        &format!(".corrupt-{}", stamp(u64::try_from(now).unwrap_or_default())),
    ));
    // The log goes first: left behind, it would be applied to the new database.
    for suffix in ["-wal", "-shm", ""] {
        match fs::rename(appended(path, suffix), appended(&aside, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(file(error)),
            _ => {}
        }
    }
    if let Some(folder) = path.parent() {
        sync_folder(folder).map_err(file)?;
    }
    Ok(aside)
}

fn remove_if_present(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The path itself or, when something has that name, one with a number.
fn free_name(path: PathBuf) -> PathBuf {
    let taken = |path: &Path| path.exists() || appended(path, "-wal").exists();
    if !taken(&path) {
        return path;
    }
    (2..=1_000)
        .map(|number: u32| appended(&path, &format!("-{number}")))
        .find(|path| !taken(path))
        .unwrap_or(path)
}
