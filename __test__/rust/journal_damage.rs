//! Damaged, foreign, newer and older databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use parall::journal::{
    Claim, Condition, Error, Journal, Lease, LeaseAttempt, NewDispatch, NewPart, Opened, Origin,
    PartState, system_clock,
};
use proptest::prelude::*;

fn open(folder: &Path) -> Result<Opened, Error> {
    match Lease::try_acquire(folder, "default").unwrap() {
        LeaseAttempt::Acquired(lease) => Journal::open(lease, system_clock()),
        LeaseAttempt::Held(holder) => panic!("held by {holder:?}"),
    }
}

fn dispatch(number: usize) -> NewDispatch {
    NewDispatch {
        id: format!("dsp_{number:04}"),
        origin: Origin::Inbox,
        source_type: "message".into(),
        source_id: format!("msg_{number}"),
        event_type: None,
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A journal of `count` dispatches, each with a part, in its database file and its log. The process that wrote it "died":
/// these are copies of the files of an open journal.
fn left_behind(folder: &Path, count: usize) -> (Vec<u8>, Vec<u8>) {
    let database = folder.join("default.sqlite");
    runtime().block_on(async {
        let journal = open(folder).unwrap().journal;
        for number in 0..count {
            let dispatch = dispatch(number);
            let id = dispatch.id.clone();
            journal.claim(dispatch).await.unwrap();
            let part = NewPart {
                ordinal: 0,
                key: format!("key-{number}"),
                target: "cht_1".into(),
                thread_root_id: None,
                text: format!("answer {number} ").repeat(20),
                files: Vec::new(),
            };
            journal.intend(&id, vec![part]).await.unwrap();
            journal.answer_complete([id.as_str()]).await.unwrap();
        }
        let files = (fs::read(&database).unwrap(), fs::read(with(&database, "-wal")).unwrap());
        journal.close().await;
        files
    })
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

fn lay_out(folder: &Path, database: &[u8], log: &[u8]) {
    for entry in fs::read_dir(folder).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    fs::write(folder.join("default.sqlite"), database).unwrap();
    if !log.is_empty() {
        fs::write(folder.join("default.sqlite-wal"), log).unwrap();
    }
}

/// Opens, uses and closes the journal; whatever the damage, that works. Says how it was found and how many dispatches it
/// still knew.
fn use_it(folder: &Path) -> (Condition, usize) {
    runtime().block_on(async {
        let Opened { journal, condition } = open(folder).unwrap();
        let known = journal.recover().await.unwrap().dispatches;
        let new = NewDispatch { id: "dsp_new".into(), source_id: "msg_new".into(), ..dispatch(0) };
        assert_eq!(journal.claim(new).await.unwrap(), Claim::New);
        assert_eq!(
            journal.counters().await.unwrap().waiting as usize,
            known.iter().filter(|open| !open.is_answered()).count() + 1
        );
        journal.close().await;
        (condition, known.len())
    })
}

#[test]
fn what_is_no_journal_is_set_aside_byte_for_byte_and_the_status_can_say_why() {
    let foreign = tempfile::tempdir().unwrap();
    let other = foreign.path().join("other.sqlite");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE a (b); PRAGMA user_version = 1").unwrap();
    drop(connection);
    let cases: [Vec<u8>; 5] = [
        Vec::new(),
        b"hello".to_vec(),
        vec![0; 100_000],
        b"{\"this\": \"is not a database\"}".repeat(1_000),
        fs::read(&other).unwrap(),
    ];
    for bytes in cases {
        let folder = tempfile::tempdir().unwrap();
        lay_out(folder.path(), &bytes, &[]);
        let (condition, known) = use_it(folder.path());
        let Condition::Rebuilt { set_aside, cause } = condition else { panic!("{condition:?}") };
        assert_eq!(fs::read(&set_aside).unwrap(), bytes);
        let name = set_aside.file_name().unwrap().to_string_lossy();
        assert!(name.starts_with("default.sqlite.corrupt-2") && name.ends_with('Z'), "{name}");
        assert!(!cause.is_empty() && known == 0);
        assert_eq!(use_it_again(folder.path()), Condition::Sound);
    }
}

fn use_it_again(folder: &Path) -> Condition {
    runtime().block_on(async {
        let Opened { journal, condition } = open(folder).unwrap();
        journal.close().await;
        condition
    })
}

#[test]
fn a_truncated_database_is_set_aside_or_sound_but_never_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    left_behind(folder.path(), 60);
    let database = fs::read(folder.path().join("default.sqlite")).unwrap();
    assert!(database.len() > 40_000, "there is something to cut");
    for length in (0..database.len()).step_by(1_021) {
        lay_out(folder.path(), &database[..length], &[]);
        let (condition, known) = use_it(folder.path());
        assert!(matches!(condition, Condition::Rebuilt { .. }), "cut at {length}: {condition:?}");
        assert_eq!(known, 0);
    }
    lay_out(folder.path(), &database, &[]);
    assert_eq!(use_it(folder.path()), (Condition::Sound, 60));
}

#[test]
fn a_log_without_its_database_is_not_applied_to_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (_, log) = left_behind(folder.path(), 5);
    fs::remove_file(folder.path().join("default.sqlite")).unwrap();
    fs::write(folder.path().join("default.sqlite-wal"), &log).unwrap();
    let (condition, known) = use_it(folder.path());
    let Condition::Rebuilt { set_aside, .. } = condition else { panic!("{condition:?}") };
    assert_eq!(fs::read(with(&set_aside, "-wal")).unwrap(), log);
    assert_eq!(known, 0);
}

#[test]
fn a_crash_while_the_database_is_made_leaves_nothing_that_disturbs() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("default.sqlite.new"), b"half").unwrap();
    fs::write(folder.path().join("default.sqlite.new-wal"), b"of it").unwrap();
    assert_eq!(use_it(folder.path()).0, Condition::Created);
    assert!(!folder.path().join("default.sqlite.new").exists());
}

#[test]
fn a_newer_journal_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(use_it(folder.path()).0, Condition::Created);
    let database = folder.path().join("default.sqlite");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    connection.close().unwrap();
    let before = fs::read(&database).unwrap();
    let error = open(folder.path()).err().unwrap();
    assert!(matches!(error, Error::Version { found: 99, supported: 7, .. }), "{error}");
    let error = Journal::open_beside(folder.path(), "default", system_clock()).err().unwrap();
    assert!(matches!(error, Error::Version { found: 99, .. }), "{error}");
    assert_eq!(fs::read(&database).unwrap(), before);
    assert!(
        !fs::read_dir(folder.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().contains("corrupt") })
    );
}

#[test]
fn an_operators_command_repairs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let beside = || Journal::open_beside(folder.path(), "default", system_clock()).err().unwrap();
    assert!(matches!(beside(), Error::Missing { .. }));
    fs::write(folder.path().join("default.sqlite"), b"rubbish, and not even much of it").unwrap();
    assert!(matches!(beside(), Error::Corrupt { .. }));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// The database file of a closed journal with twenty answers.
static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    left_behind(folder.path(), 20);
    fs::read(folder.path().join("default.sqlite")).unwrap()
});

#[test]
fn an_answer_whose_words_were_damaged_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = IMAGE.clone();
    let words = b"answer 7 ";
    // SQLite may leave an old copy of a page's contents behind, so all of them are damaged.
    let places: Vec<usize> = (0..=database.len() - words.len())
        .filter(|at| database[*at..].starts_with(words))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        database[at] = b'A';
    }
    lay_out(folder.path(), &database, &[]);
    runtime().block_on(async {
        let Opened { journal, condition } = open(folder.path()).unwrap();
        assert_eq!(condition, Condition::Sound);
        let known = journal.recover().await.unwrap().dispatches;
        let refused: Vec<_> = known.iter().filter(|open| open.undelivered().count() == 0).collect();
        assert_eq!((refused.len(), refused[0].record.id.as_str()), (1, "dsp_0007"));
        assert_eq!(refused[0].parts[0].state, PartState::Refused);
        journal.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A process that dies leaves a log that ends anywhere; what was committed before that point is there, in order.
    #[test]
    fn a_torn_log_loses_nothing_before_the_tear(share in 0.0f64..1.0) {
        let folder = tempfile::tempdir().unwrap();
        let (database, log) = left_behind(folder.path(), 30);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small file")]
        let length = (log.len() as f64 * share) as usize;
        lay_out(folder.path(), &database, &log[..length]);
        let known = runtime().block_on(async {
            let Opened { journal, condition } = open(folder.path()).unwrap();
            assert_eq!(condition, Condition::Sound);
            let known = journal.recover().await.unwrap().dispatches;
            journal.close().await;
            known
        });
        for (number, open) in known.iter().enumerate() {
            prop_assert_eq!(&open.record.id, &dispatch(number).id);
            // Only the last one can lack its part.
            prop_assert!(open.parts.len() == 1 || number + 1 == known.len());
        }
        prop_assert!(known.len() + 2 >= 30 * length / log.len());
    }

    #[test]
    fn flipped_bytes_never_make_opening_or_use_fail(flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..20)) {
        let folder = tempfile::tempdir().unwrap();
        let mut database = IMAGE.clone();
        for (index, mask) in flips {
            let index = index.index(database.len());
            database[index] ^= mask;
        }
        lay_out(folder.path(), &database, &[]);
        if let (Condition::Rebuilt { set_aside, .. }, _) = use_it(folder.path()) {
            prop_assert_eq!(fs::read(set_aside).unwrap(), database);
        }
    }
}
