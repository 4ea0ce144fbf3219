//! Disks that are full and folders that may not be written.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use parall::journal::{
    Claim, Condition, Error, Journal, Lease, LeaseAttempt, NewDispatch, Opened, Origin,
    system_clock,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

const FOLDER: &str = "PARALL_TEST_DISK_FOLDER";

fn open(folder: &Path) -> Result<Opened, Error> {
    match Lease::try_acquire(folder, "default")? {
        LeaseAttempt::Acquired(lease) => Journal::open(lease, system_clock()),
        LeaseAttempt::Held(holder) => panic!("held by {holder:?}"),
    }
}

fn dispatch(number: usize) -> NewDispatch {
    NewDispatch {
        id: format!("dsp_{number}"),
        origin: Origin::Inbox,
        source_type: "message".into(),
        source_id: format!("{}{number}", "msg_".repeat(500)),
        event_type: None,
    }
}

/// Claims until the disk is full. Says how many were taken on and which error ended it.
async fn fill(journal: &Journal, from: usize) -> (usize, Error) {
    for number in from.. {
        match journal.claim(dispatch(number)).await {
            Ok(claim) => assert_eq!(claim, Claim::New),
            Err(error) => return (number, error),
        }
    }
    unreachable!("there are more numbers than space")
}

/// Runs an ignored test of this file in a process of its own, behind `prefix`.
fn run_alone(test: &str, folder: &Path, prefix: &[&str]) {
    let executable = std::env::current_exe().unwrap();
    let mut line: Vec<&std::ffi::OsStr> = prefix.iter().map(AsRef::as_ref).collect();
    line.push(executable.as_os_str());
    let mut command = Command::new(line[0]);
    command
        .args(&line[1..])
        .args(["--exact", "--ignored", "--nocapture", test])
        .env(FOLDER, folder);
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{output:?}");
}

fn folder_from_parent() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

#[test]
fn a_file_that_may_not_grow_stops_admission_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    // Whoever writes over the limit is killed unless the signal is ignored; that is inherited.
    let prefix = ["sh", "-c", r#"trap "" XFSZ; exec "$0" "$@""#];
    run_alone("alone_with_a_limit_on_files", folder.path(), &prefix);
}

#[tokio::test]
#[ignore = "runs in a process of its own, started by another test here"]
async fn alone_with_a_limit_on_files() {
    let Some(folder) = folder_from_parent() else { return };
    let Opened { journal, .. } = open(&folder).unwrap();
    let maximum = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: Some(400_000), maximum }).unwrap();
    let (count, error) = fill(&journal, 0).await;
    assert!(count > 10 && error.is_temporary(), "after {count}: {error}");
    // Now not even the smallest change fits.
    setrlimit(Resource::Fsize, Rlimit { current: Some(1), maximum }).unwrap();
    journal.set_cursor(5);
    assert!(journal.flush().await.unwrap_err().is_temporary());
    assert!(matches!(journal.claim(dispatch(0)).await, Ok(Claim::Running(_))), "reading goes on");
    setrlimit(Resource::Fsize, Rlimit { current: maximum, maximum }).unwrap();
    assert_eq!(
        journal.claim(dispatch(count)).await.unwrap(),
        Claim::New,
        "it was not taken on before"
    );
    journal.close().await;
    let Opened { journal, condition } = open(&folder).unwrap();
    assert_eq!(condition, Condition::Sound);
    assert_eq!(journal.recover().await.unwrap().dispatches.len(), count + 1);
    assert_eq!(
        journal.cursor().await.unwrap(),
        Some(5),
        "what was noted is written when there is space"
    );
}

/// Needs a kernel that lets a process have a file system of its own.
#[test]
#[ignore = "mounts a small file system; run with --ignored where that is allowed"]
fn a_full_disk_stops_admission_until_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=1m,mode=0700 tmpfs {} && exec \"$0\" \"$@\"",
        folder.path().display()
    );
    let prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &mount];
    run_alone("alone_on_a_small_disk", folder.path(), &prefix);
}

#[tokio::test]
#[ignore = "runs in a process of its own, started by another test here"]
async fn alone_on_a_small_disk() {
    let Some(folder) = folder_from_parent() else { return };
    let ballast = folder.join("ballast");
    fs::write(&ballast, vec![0; 200_000]).unwrap();
    let journal_folder = folder.join("parall");
    let Opened { journal, .. } = open(&journal_folder).unwrap();
    let (count, error) = fill(&journal, 0).await;
    assert!(matches!(error, Error::Full { .. }), "{error}");
    assert!(count > 10);
    // Again and again, without getting worse.
    for _ in 0..20 {
        let again = journal.claim(dispatch(count)).await;
        assert!(matches!(again, Err(Error::Full { .. })), "{again:?}");
    }
    fs::remove_file(&ballast).unwrap();
    assert_eq!(journal.claim(dispatch(count)).await.unwrap(), Claim::New);
    let (count, _) = fill(&journal, count + 1).await;
    drop(journal);
    // A new start on a disk that is full.
    let mut known = None;
    while known.is_none() {
        match Lease::try_acquire(&journal_folder, "default").unwrap() {
            LeaseAttempt::Held(_) => std::thread::yield_now(),
            LeaseAttempt::Acquired(lease) => known = Some(Journal::open(lease, system_clock())),
        }
    }
    match known.unwrap() {
        Ok(Opened { journal, condition }) => {
            assert_eq!(condition, Condition::Sound);
            assert_eq!(journal.recover().await.unwrap().dispatches.len(), count);
        }
        Err(error) => assert!(matches!(error, Error::Full { .. }), "{error}"),
    }
}

#[tokio::test]
async fn the_write_ahead_log_stays_small_however_much_is_written() {
    const MOST: u64 = 2 * 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path()).unwrap().journal;
    let log = folder.path().join("default.sqlite-wal");
    let mut written = 0;
    for number in 0..1_500 {
        journal.claim(dispatch(number)).await.unwrap();
        let size = fs::metadata(&log).unwrap().len();
        assert!(size < MOST, "{size} bytes after {number}");
        written = written.max(size);
    }
    assert!(written > 512 * 1024, "the log was never used: {written}");
    journal.close().await;
}

/// Takes the right to ignore permissions from this thread, and so from those it starts.
fn obey_permissions() {
    let mut sets = capabilities(None).unwrap();
    let ignoring = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
    sets.effective.remove(ignoring);
    set_capabilities(None, sets).unwrap();
}

fn allow(folder: &Path, mode: u32) {
    fs::set_permissions(folder, PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    obey_permissions();
    let state = tempfile::tempdir().unwrap();
    allow(state.path(), 0o500);
    let error = open(&state.path().join("parall")).err().unwrap();
    allow(state.path(), 0o700);
    let Error::File { path, .. } = &error else { panic!("{error}") };
    assert_eq!(path, &state.path().join("parall"));
    assert!(error.is_temporary());
    open(&state.path().join("parall")).unwrap();
}

#[test]
fn a_read_only_folder_is_an_error_and_the_journal_stays_as_it_is() {
    obey_permissions();
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let journal = open(folder.path()).unwrap().journal;
        journal.claim(dispatch(1)).await.unwrap();
        journal.close().await;
    });
    allow(folder.path(), 0o500);
    let error = open(folder.path()).err().unwrap();
    allow(folder.path(), 0o700);
    assert!(matches!(error, Error::ReadOnly { .. }), "{error:?}");
    let Opened { journal, condition } = open(folder.path()).unwrap();
    assert_eq!(condition, Condition::Sound);
    assert!(matches!(runtime.block_on(journal.claim(dispatch(1))).unwrap(), Claim::Running(_)));
}
