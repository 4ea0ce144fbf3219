//! What a workspace remembers, in `.parall/wiki.db`: the base (every file as the server last had it, with its bytes), what the
//! files here looked like, conflicts, and changes of files that are under way.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::mount::stat::Stat;
use super::records::{Conflict, Files, Identity, Known, Move, Outcome};
use crate::wiki::Error;
use crate::wiki::hash::Hash;

/// Marks the file as a wiki workspace's: "pWik".
const APPLICATION_ID: i32 = 0x7057_696b;
const VERSION: i32 = 1;
const BUSY_LIMIT: Duration = Duration::from_secs(5);
const SCHEMA: &str = "
    CREATE TABLE wiki (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        id TEXT NOT NULL, organisation TEXT NOT NULL, slug TEXT NOT NULL,
        version TEXT NOT NULL, complete INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE base (path TEXT PRIMARY KEY, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE blobs (hash BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE seen (
        path TEXT PRIMARY KEY, hash BLOB NOT NULL,
        size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL, inode INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE conflicts (path TEXT PRIMARY KEY, kind TEXT NOT NULL, marker TEXT, copy TEXT) STRICT, WITHOUT ROWID;
    CREATE TABLE moves (
        staged TEXT PRIMARY KEY, path TEXT NOT NULL, old BLOB, new BLOB, base BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE generations (changeset TEXT PRIMARY KEY, generation INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

pub(super) struct Memory {
    connection: Connection,
    path: PathBuf,
}

impl Memory {
    /// Opens the database, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Memory { path: path.into(), source };
        let connection = Connection::open(path).map_err(failed)?;
        let memory = Self { connection, path: path.into() };
        memory
            .prepare()
            .map_err(failed)?
            .then_some(memory)
            .ok_or(Error::Version { path: path.into() })
    }

    /// `false` for one of a newer version.
    fn prepare(&self) -> rusqlite::Result<bool> {
        let connection = &self.connection;
        connection.busy_timeout(BUSY_LIMIT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
        }
        Ok(version <= VERSION)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        read(&self.connection).map_err(|source| Error::Memory { path: self.path.clone(), source })
    }

    fn write<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let result = self.connection.transaction().and_then(|transaction| {
            let value = write(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        result.map_err(|source| Error::Memory { path: self.path.clone(), source })
    }

    pub(super) fn identity(&self) -> Result<Option<Identity>, Error> {
        self.read(|connection| {
            connection
                .query_row(
                    "SELECT id, organisation, slug, version, complete FROM wiki",
                    [],
                    |row| {
                        Ok(Identity {
                            id: row.get(0)?,
                            organisation: row.get(1)?,
                            slug: row.get(2)?,
                            version: row.get(3)?,
                            complete: row.get(4)?,
                        })
                    },
                )
                .optional()
        })
    }

    pub(super) fn set_identity(&mut self, identity: &Identity) -> Result<(), Error> {
        self.write(|transaction| write_identity(transaction, identity))
    }

    pub(super) fn base(&self) -> Result<Files, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT path, hash FROM base")?
                .query_map([], |row| Ok((row.get(0)?, Hash(row.get(1)?))))?
                .collect()
        })
    }

    pub(super) fn base_count(&self) -> Result<u64, Error> {
        self.read(|connection| {
            connection.query_row("SELECT count(*) FROM base", [], |row| {
                row.get(0).map(i64::cast_unsigned)
            })
        })
    }

    pub(super) fn seen(&self) -> Result<HashMap<String, Known>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT path, hash, size, modified, changed, inode FROM seen")?
                .query_map([], |row| {
                    let stat = Stat {
                        size: row.get(2)?,
                        modified: row.get(3)?,
                        changed: row.get(4)?,
                        inode: row.get(5)?,
                    };
                    Ok((row.get(0)?, Known { hash: Hash(row.get(1)?), stat }))
                })?
                .collect()
        })
    }

    /// Remembers what files look like, and forgets others.
    pub(super) fn update_seen(
        &mut self,
        known: &[(String, Known)],
        gone: &[String],
    ) -> Result<(), Error> {
        if known.is_empty() && gone.is_empty() {
            return Ok(());
        }
        self.write(|transaction| write_seen(transaction, known, gone))
    }

    pub(super) fn conflicts(&self) -> Result<BTreeMap<String, Conflict>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT path, kind, marker, copy FROM conflicts")?
                .query_map([], |row| {
                    let conflict =
                        Conflict { kind: row.get(1)?, marker: row.get(2)?, copy: row.get(3)? };
                    Ok((row.get(0)?, conflict))
                })?
                .collect()
        })
    }

    pub(super) fn forget_conflicts(&mut self, paths: &[String]) -> Result<(), Error> {
        if paths.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            let mut forget = transaction.prepare("DELETE FROM conflicts WHERE path = ?1")?;
            paths.iter().try_for_each(|path| forget.execute([path]).map(drop))
        })
    }

    /// Whether the bytes of the whole base are at hand.
    pub(super) fn has_whole_base(&self) -> Result<bool, Error> {
        self.read(|connection| {
            connection.query_row(
                "SELECT NOT EXISTS (SELECT 1 FROM base WHERE hash NOT IN (SELECT hash FROM blobs))",
                [],
                |row| row.get(0),
            )
        })
    }

    /// Which of these are not at hand.
    pub(super) fn missing_blobs(&self, wanted: HashSet<Hash>) -> Result<HashSet<Hash>, Error> {
        let held: HashSet<Hash> = self.read(|connection| {
            connection
                .prepare("SELECT hash FROM blobs")?
                .query_map([], |row| row.get(0).map(Hash))?
                .collect()
        })?;
        Ok(wanted.into_iter().filter(|hash| !held.contains(hash)).collect())
    }

    pub(super) fn add_blobs(&mut self, blobs: &[(Hash, Vec<u8>)]) -> Result<(), Error> {
        self.write(|transaction| {
            let mut add = transaction.prepare("INSERT OR REPLACE INTO blobs VALUES (?1, ?2)")?;
            blobs.iter().try_for_each(|(hash, bytes)| add.execute(params![hash.0, bytes]).map(drop))
        })
    }

    /// The bytes with this hash, when they are at hand and whole. Damaged ones are forgotten, to be fetched anew.
    pub(super) fn blob(&self, hash: Hash) -> Result<Option<Vec<u8>>, Error> {
        let bytes: Option<Vec<u8>> = self.read(|connection| {
            connection
                .prepare_cached("SELECT bytes FROM blobs WHERE hash = ?1")?
                .query_row([hash.0], |row| row.get(0))
                .optional()
        })?;
        match bytes {
            Some(bytes) if Hash::of(&bytes) == hash => Ok(Some(bytes)),
            Some(_) => {
                self.read(|connection| {
                    connection.execute("DELETE FROM blobs WHERE hash = ?1", [hash.0])
                })?;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    pub(super) fn moves(&self) -> Result<Vec<Move>, Error> {
        self.read(|connection| {
            connection
                .prepare("SELECT staged, path, old, new, base FROM moves")?
                .query_map([], |row| {
                    let hash =
                        |index| row.get::<_, Option<[u8; 32]>>(index).map(|hash| hash.map(Hash));
                    Ok(Move {
                        staged: row.get(0)?,
                        path: row.get(1)?,
                        old: hash(2)?,
                        new: hash(3)?,
                        base: hash(4)?,
                    })
                })?
                .collect()
        })
    }

    /// Notes changes before the first of them happens, and the conflicts that they will mark.
    pub(super) fn begin(
        &mut self,
        moves: &[Move],
        conflicts: &[(String, Conflict)],
    ) -> Result<(), Error> {
        self.write(|transaction| {
            write_conflicts(transaction, conflicts)?;
            let mut add = transaction.prepare("INSERT INTO moves VALUES (?1, ?2, ?3, ?4, ?5)")?;
            moves.iter().try_for_each(|one| {
                let bytes = |hash: Option<Hash>| hash.map(|hash| hash.0);
                add.execute(params![
                    one.staged,
                    one.path,
                    bytes(one.old),
                    bytes(one.new),
                    bytes(one.base)
                ])
                .map(drop)
            })
        })
    }

    /// Takes over what happened, and forgets the notes about changes that are under way.
    pub(super) fn finish(&mut self, outcome: &Outcome) -> Result<(), Error> {
        self.write(|transaction| {
            if let Some(identity) = &outcome.identity {
                write_identity(transaction, identity)?;
            }
            let mut set = transaction.prepare("INSERT OR REPLACE INTO base VALUES (?1, ?2)")?;
            let mut remove = transaction.prepare("DELETE FROM base WHERE path = ?1")?;
            for (path, hash) in &outcome.base {
                match hash {
                    Some(hash) => set.execute(params![path, hash.0])?,
                    None => remove.execute([path])?,
                };
            }
            write_conflicts(transaction, &outcome.conflicts)?;
            write_seen(transaction, &outcome.seen, &outcome.gone)?;
            transaction.execute("DELETE FROM moves", [])?;
            if outcome.identity.is_some() {
                transaction
                    .execute("DELETE FROM blobs WHERE hash NOT IN (SELECT hash FROM base)", [])?;
            }
            Ok(())
        })
    }

    pub(super) fn generation(&self, changeset: &str) -> Result<Option<u64>, Error> {
        self.read(|connection| {
            connection
                .query_row(
                    "SELECT generation FROM generations WHERE changeset = ?1",
                    [changeset],
                    |row| row.get(0).map(i64::cast_unsigned),
                )
                .optional()
        })
    }

    pub(super) fn set_generation(&mut self, changeset: &str, generation: u64) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT OR REPLACE INTO generations VALUES (?1, ?2)",
                    params![changeset, generation.cast_signed()],
                )
                .map(drop)
        })
    }
}

fn write_identity(transaction: &Transaction<'_>, identity: &Identity) -> rusqlite::Result<()> {
    let Identity { id, organisation, slug, version, complete } = identity;
    transaction
        .execute(
            "INSERT OR REPLACE INTO wiki VALUES (1, ?1, ?2, ?3, ?4, ?5)",
            params![id, organisation, slug, version, complete],
        )
        .map(drop)
}

fn write_conflicts(
    transaction: &Transaction<'_>,
    conflicts: &[(String, Conflict)],
) -> rusqlite::Result<()> {
    let mut add =
        transaction.prepare("INSERT OR REPLACE INTO conflicts VALUES (?1, ?2, ?3, ?4)")?;
    conflicts.iter().try_for_each(|(path, Conflict { kind, marker, copy })| {
        add.execute(params![path, kind, marker, copy]).map(drop)
    })
}

fn write_seen(
    transaction: &Transaction<'_>,
    known: &[(String, Known)],
    gone: &[String],
) -> rusqlite::Result<()> {
    let mut set =
        transaction.prepare("INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (path, Known { hash, stat }) in known {
        set.execute(params![path, hash.0, stat.size, stat.modified, stat.changed, stat.inode])?;
    }
    let mut remove = transaction.prepare("DELETE FROM seen WHERE path = ?1")?;
    gone.iter().try_for_each(|path| remove.execute([path]).map(drop))
}
