//! The tables, and how an older database becomes a current one.

use std::path::Path;

use rusqlite::Connection;

/// Marks a `SQLite` file as this journal: "Prll".
pub(in crate::journal) const APPLICATION_ID: i64 = 0x5072_6c6c;

/// Step `n` takes a database from version `n` to `n + 1`. A published step never changes. The second one also forgets a
/// message that waits for its turn although it came before, under another id: the server lists it as long as it is open. The third one
/// notes in which turn a part was written: of older parts that is not known. The fourth one drops an index by which nothing is found.
/// The fifth one notes which dispatch an announced task was merged with: another one assigns it again. The sixth one notes what
/// happened to an event and when, for an operator. The seventh one notes the files of a part, and what it is once they are at the
/// server.
pub(in crate::journal) const MIGRATIONS: &[&str] = &["
CREATE TABLE dispatches (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL CHECK (origin IN ('inbox', 'announcement')),
    source_type TEXT NOT NULL,
    source_id TEXT NOT NULL,
    target TEXT,
    thread_root_id TEXT,
    sender_id TEXT,
    sender_kind TEXT,
    created_at TEXT,
    no_reply INTEGER NOT NULL DEFAULT 0,
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
    sequence INTEGER PRIMARY KEY,
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
", "
ALTER TABLE dispatches ADD COLUMN event_type TEXT;
CREATE INDEX dispatches_by_source ON dispatches (source_id, source_type);
DELETE FROM dispatches
WHERE source_type = 'message' AND state IN ('claimed', 'adopted', 'failed')
    AND NOT EXISTS (SELECT 1 FROM parts WHERE dispatch = dispatches.sequence)
    AND EXISTS (
        SELECT 1 FROM dispatches AS other
        WHERE other.source_id = dispatches.source_id AND other.source_type = 'message'
            AND (other.sequence < dispatches.sequence AND other.state <> 'dead'
                OR other.state IN ('answered', 'no_reply', 'acknowledged'))
            AND other.sequence <> dispatches.sequence
    );
", "
ALTER TABLE parts ADD COLUMN turn_id TEXT;
", "
DROP INDEX parts_by_digest;
", "
ALTER TABLE dispatches ADD COLUMN merged_with TEXT;
", "
CREATE TABLE steps (
    dispatch INTEGER NOT NULL REFERENCES dispatches (sequence) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    at INTEGER NOT NULL,
    step TEXT NOT NULL,
    detail TEXT,
    PRIMARY KEY (dispatch, ordinal)
) STRICT, WITHOUT ROWID;
", "
ALTER TABLE parts ADD COLUMN files TEXT NOT NULL DEFAULT '[]';
ALTER TABLE parts ADD COLUMN uploaded TEXT;
"];

/// The version that a list of migrations leads to.
pub(in crate::journal) fn target_version(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// The schema version of a database; zero for an empty one.
pub(in crate::journal) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a database to the newest version in one transaction. A database that holds something already is first copied to
/// `backup`.
pub(in crate::journal) fn migrate(
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

/// Whether a current database has exactly the tables it was made with.
pub(in crate::journal) fn is_intact(connection: &Connection) -> rusqlite::Result<bool> {
    let mut pristine = Connection::open_in_memory()?;
    migrate(&mut pristine, MIGRATIONS, None)?;
    Ok(declarations(connection)? == declarations(&pristine)?)
}

fn declarations(connection: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_database_is_brought_up_to_date_and_kept_as_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup.sqlite");
        let steps = ["CREATE TABLE a (b TEXT) STRICT", "ALTER TABLE a ADD COLUMN c TEXT"];
        let mut connection = Connection::open(folder.path().join("a.sqlite")).unwrap();
        migrate(&mut connection, &steps[..1], None).unwrap();
        connection.execute("INSERT INTO a VALUES ('kept')", []).unwrap();
        migrate(&mut connection, &steps, Some(&backup)).unwrap();
        assert_eq!(version(&connection).unwrap(), 2);
        let row = connection.query_row("SELECT b, c FROM a", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
        });
        assert_eq!(row.unwrap(), ("kept".to_owned(), None));
        let old = Connection::open(&backup).unwrap();
        assert_eq!(version(&old).unwrap(), 1);
        assert_eq!(
            old.query_row("SELECT b FROM a", [], |row| row.get::<_, String>(0)).unwrap(),
            "kept"
        );
    }

    #[test]
    fn a_message_that_waits_twice_is_kept_once_and_nothing_that_was_begun_is_forgotten() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &MIGRATIONS[..1], None).unwrap();
        for (id, kind, source, state) in [
            ("msg_1", "message", "msg_1", "claimed"),
            ("dsp_1", "message", "msg_1", "claimed"),
            ("dsp_2", "message", "msg_2", "failed"),
            ("msg_2", "message", "msg_2", "acknowledged"),
            ("msg_3", "message", "msg_3", "answered"),
            ("dsp_3", "message", "msg_3", "adopted"),
            ("msg_4", "message", "msg_4", "dead"),
            ("dsp_4", "message", "msg_4", "claimed"),
            ("dsp_5", "task", "tsk_1", "claimed"),
            ("dsp_6", "task", "tsk_1", "claimed"),
        ] {
            let sql = "INSERT INTO dispatches (id, origin, source_type, source_id, state, claimed_at, changed_at)
                VALUES (?1, 'inbox', ?2, ?3, ?4, 0, 0)";
            connection.execute(sql, (id, kind, source, state)).unwrap();
        }
        let part =
            "INSERT INTO parts SELECT sequence, 0, '', '', NULL, '', '', 'delivered', NULL, NULL, 0
            FROM dispatches WHERE id = 'dsp_3'";
        connection.execute(part, ()).unwrap();
        migrate(&mut connection, MIGRATIONS, None).unwrap();
        let mut kept = connection.prepare("SELECT id FROM dispatches ORDER BY sequence").unwrap();
        let kept: Vec<String> =
            kept.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let expected = ["msg_1", "msg_2", "msg_3", "dsp_3", "msg_4", "dsp_4", "dsp_5", "dsp_6"];
        assert_eq!(kept, expected);
        assert!(is_intact(&connection).unwrap());
    }

    #[test]
    fn parts_survive_the_loss_of_their_index() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &MIGRATIONS[..3], None).unwrap();
        let rows = "INSERT INTO dispatches (id, origin, source_type, source_id, state, claimed_at, changed_at)
                VALUES ('dsp_1', 'inbox', 'message', 'msg_1', 'adopted', 0, 0);
            INSERT INTO parts SELECT sequence, 0, 'key', 'cht_1', NULL, 'Hello', 'abc', 'intended', NULL, NULL, 0, 'turn-1'
            FROM dispatches;";
        connection.execute_batch(rows).unwrap();
        migrate(&mut connection, MIGRATIONS, None).unwrap();
        let sql = "SELECT text, digest, turn_id, files FROM parts WHERE uploaded IS NULL";
        let part: [String; 4] = connection
            .query_row(sql, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))
            .unwrap();
        assert_eq!(part, ["Hello", "abc", "turn-1", "[]"]);
        assert!(is_intact(&connection).unwrap());
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (b TEXT) STRICT", "CREATE TABLE c (d TEXT) STRICT; nonsense"];
        migrate(&mut connection, &steps[..1], None).unwrap();
        assert!(migrate(&mut connection, &steps, None).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert_eq!(declarations(&connection).unwrap().len(), 1);
    }

    #[test]
    fn a_changed_table_is_noticed() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS, None).unwrap();
        assert!(is_intact(&connection).unwrap());
        connection.execute("ALTER TABLE lease RENAME COLUMN pid TO pie", []).unwrap();
        assert!(!is_intact(&connection).unwrap());
    }
}
