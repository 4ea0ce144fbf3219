//! Two gateways on one account: only one serves it, the other waits and knows for whom.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use parall::journal::{Holder, Journal, Lease, LeaseAttempt, system_clock};
use tokio::sync::Mutex;

/// A process that starts while another test holds a lease has its lock, too, for a moment.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

const FOLDER: &str = "PARALL_TEST_LEASE_FOLDER";

fn acquired(folder: &Path) -> Lease {
    match Lease::try_acquire(folder, "default").unwrap() {
        LeaseAttempt::Acquired(lease) => lease,
        LeaseAttempt::Held(holder) => panic!("held by {holder:?}"),
    }
}

/// Another process that serves the account until it is killed. Comes back when it holds the lease.
fn other_gateway(folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "a_gateway_that_serves_until_it_is_killed"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.ends_with("serving")), "it never served");
    child
}

#[test]
#[ignore = "the other process of the tests here"]
fn a_gateway_that_serves_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let opened = Journal::open(acquired(folder.as_ref()), system_clock()).unwrap();
    // The parent waits for a line that ends like this.
    #[expect(clippy::print_stdout, reason = "this is how the parent learns of it")]
    {
        println!("\nserving");
    }
    // Ends with the parent at the latest.
    let _ = std::io::stdin().lines().next();
    drop(opened);
}

#[tokio::test]
async fn the_second_gateway_waits_says_for_whom_and_takes_over_when_the_first_is_killed() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let mut first = other_gateway(folder.path());
    let mut told: Vec<Option<Holder>> = Vec::new();
    let lease = {
        let first = &mut first;
        let told = &mut told;
        Lease::acquire(folder.path(), "default", move |holder| {
            told.push(holder.cloned());
            first.kill().unwrap();
        })
        .await
        .unwrap()
    };
    let holder = told[0].as_ref().expect("the holder is known");
    assert_eq!(holder.pid, first.id());
    assert!(holder.since > 0);
    first.wait().unwrap();
    let opened = Journal::open(lease, system_clock()).unwrap();
    opened.journal.close().await;
}

#[tokio::test]
async fn a_second_copy_in_the_same_process_waits_until_the_first_is_closed() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(acquired(folder.path()), system_clock()).unwrap().journal;
    let LeaseAttempt::Held(Some(holder)) = Lease::try_acquire(folder.path(), "default").unwrap()
    else {
        panic!("both serve the account");
    };
    assert_eq!(holder.pid, std::process::id());
    // Another account is not concerned.
    assert!(matches!(
        Lease::try_acquire(folder.path(), "other").unwrap(),
        LeaseAttempt::Acquired(_)
    ));
    journal.close().await;
    drop(acquired(folder.path()));
}

#[tokio::test]
async fn a_lease_is_held_as_long_as_its_holder_lives_whatever_its_clock_says() {
    const DAY: i64 = 86_400_000;
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    for ahead in [-400 * DAY, -DAY, DAY, 400 * DAY] {
        let now = system_clock()();
        let lease = acquired(folder.path());
        let journal = Journal::open(lease, Arc::new(move || now + ahead)).unwrap().journal;
        let attempt = Lease::try_acquire(folder.path(), "default").unwrap();
        assert!(matches!(attempt, LeaseAttempt::Held(Some(_))), "{ahead}: {attempt:?}");
        journal.close().await;
        drop(acquired(folder.path()));
    }
}

#[test]
fn a_journal_that_is_dropped_without_closing_gives_its_lease_back() {
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let folder = tempfile::tempdir().unwrap();
    drop(Journal::open(acquired(folder.path()), system_clock()).unwrap());
    while matches!(Lease::try_acquire(folder.path(), "default").unwrap(), LeaseAttempt::Held(_)) {
        std::thread::yield_now();
    }
}

#[test]
fn a_failed_opening_gives_the_lease_back() {
    let _turn = ONE_AT_A_TIME.blocking_lock();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("default.sqlite")).unwrap();
    assert!(Journal::open(acquired(folder.path()), system_clock()).is_err());
    drop(acquired(folder.path()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_hundred_reloads_leave_no_thread_and_no_file_open() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let ours = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap().filter(|task| {
            let name = std::fs::read_to_string(task.as_ref().unwrap().path().join("comm"));
            name.is_ok_and(|name| name.trim() == "parall-journal")
        });
        let files = std::fs::read_dir("/proc/self/fd").unwrap().filter(|file| {
            let target = std::fs::read_link(file.as_ref().unwrap().path());
            target.is_ok_and(|target| target.starts_with(folder.path()))
        });
        (threads.count(), files.count())
    };
    let threads_of_other_tests = ours().0;
    for _ in 0..200 {
        let journal = Journal::open(acquired(folder.path()), system_clock()).unwrap().journal;
        journal.set_cursor(1);
        journal.close().await;
        assert_eq!(ours().1, 0);
    }
    assert!(ours().0 <= threads_of_other_tests + 2, "threads are left");
}
