//! The tables, and how an older database becomes a current one.

use std::path::Path;

use rusqlite::Connection;

/// Marks a `SQLite` file as this journal: "Prll".
pub(super) const APPLICATION_ID: i64 = 0x5072_6c6c;

/// Step `n` takes a database from version `n` to `n + 1`. A published step never changes.
pub(super) const MIGRATIONS: &[&str] = &["
CREATE TABLE dispatches (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL CHECK (origin IN ('inbox', 'announcement')),
    source_type TEXT NOT NULL,
    source_id TEXT NOT NULL,
    target TEXT,
    thread_root_id TEXT,
    sender_id TEXT,
    sender_kind TEXT,
    created_at TEXT,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'adopted', 'answered', 'no_reply', 'failed', 'dead', 'acknowledged')),
    attempts INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    turn_id TEXT,
    session_key TEXT,
    cause TEXT,
    next_try_at INTEGER,
    claimed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX open_dispatches ON dispatches (state, claimed_at) WHERE state <> 'acknowledged';
CREATE INDEX finished_dispatches ON dispatches (changed_at) WHERE state = 'acknowledged';

CREATE TABLE parts (
    dispatch INTEGER NOT NULL REFERENCES dispatches (sequence) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    key TEXT NOT NULL,
    target TEXT NOT NULL,
    thread_root_id TEXT,
    text TEXT NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intended', 'delivered', 'refused')),
    message_id TEXT,
    cause TEXT,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (dispatch, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX parts_by_digest ON parts (digest);

CREATE TABLE forks (
    session_key TEXT NOT NULL PRIMARY KEY,
    session_id TEXT,
    transcript TEXT,
    target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('creating', 'running', 'answered')),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE results (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    dispatch_id TEXT NOT NULL UNIQUE,
    session_key TEXT NOT NULL,
    target TEXT NOT NULL,
    chat_label TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_at INTEGER NOT NULL,
    told_in TEXT,
    told_at INTEGER
) STRICT;
CREATE INDEX untold_results ON results (told_in) WHERE told_at IS NULL;

CREATE TABLE notes (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    row INTEGER PRIMARY KEY CHECK (row = 1),
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;
"];

/// The version that a list of migrations leads to.
pub(super) fn target_version(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// The schema version of a database; zero for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a database to the newest version in one transaction. A database that holds something already is first copied to
/// `backup`.
pub(super) fn migrate(
    connection: &mut Connection,
    migrations: &[&str],
    backup: Option<&Path>,
) -> rusqlite::Result<()> {
    if let Some(backup) = backup {
        connection.execute("VACUUM INTO ?1", [backup.to_string_lossy()])?;
    }
    let transaction = connection.transaction()?;
    let from = usize::try_from(version(&transaction)?).unwrap_or(usize::MAX);
    for step in migrations.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", target_version(migrations))?;
    transaction.commit()
}
