//! The host's lock protocol, as measured against `OpenClaw` 2026.4.2.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio, id};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use parall::fs::Error;
use parall::fs::lock::{Lock, Timing};
use serde_json::{Value, json};

const IMPATIENT: Timing =
    Timing { timeout: Duration::from_millis(120), stale_after: Duration::from_secs(30) };
const FRESH: &str = "2126-01-01T00:00:00.000Z";
const OLD: &str = "2026-01-01T00:00:00.000Z";

/// What a host leaves that is killed while it writes its lock, and other contents that tell nobody's process.
const NAMING_NOBODY: [&str; 4] = ["", "garbage", "{}", r#"{"pid": "1"}"#];

/// Field 22 of `/proc/<pid>/stat`.
fn start_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().parse().unwrap()
}

/// Whether a lock file with these contents is taken over.
fn is_taken_over(contents: &str, age: Duration) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (file, lock) =
        (folder.path().join("sessions.json"), folder.path().join("sessions.json.lock"));
    fs::write(&lock, contents).unwrap();
    fs::File::open(&lock).unwrap().set_modified(SystemTime::now() - age).unwrap();
    match Lock::acquire(&file, IMPATIENT) {
        Ok(_) => true,
        Err(Error::Locked { .. }) => {
            assert_eq!(fs::read_to_string(&lock).unwrap(), contents, "left as it was");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn who_may_take_over_a_lock_is_the_hosts_table() {
    let mut other = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let mut dead = Command::new("true").spawn().unwrap();
    let gone = dead.id();
    dead.wait().unwrap();
    let mut zombie = Command::new("true").spawn().unwrap();
    while fs::read_to_string(format!("/proc/{}/stat", zombie.id()))
        .is_ok_and(|stat| !stat.contains(") Z "))
    {
        thread::yield_now();
    }
    let live = other.id();
    let ours = json!({"pid": id(), "createdAt": FRESH});
    let with_start =
        |pid: u32, start: u64| json!({"pid": pid, "createdAt": FRESH, "starttime": start});
    let cases: [(&str, Value, bool); 10] = [
        ("own pid without its start", ours, true),
        ("own pid with its start", with_start(id(), start_time(id())), false),
        ("own pid with another start", with_start(id(), 1), true),
        ("a live process without its start", json!({"pid": live, "createdAt": FRESH}), false),
        ("a live process with its start", with_start(live, start_time(live)), false),
        ("a live process with another start", with_start(live, 1), true),
        ("a live process, too old", json!({"pid": live, "createdAt": OLD}), true),
        ("a dead process", json!({"pid": gone, "createdAt": FRESH}), true),
        ("a zombie", json!({"pid": zombie.id(), "createdAt": FRESH}), true),
        ("a live process without a date", json!({"pid": live}), false),
    ];
    for (what, contents, expected) in cases {
        assert_eq!(is_taken_over(&contents.to_string(), Duration::ZERO), expected, "{what}");
    }
    for unclear in NAMING_NOBODY {
        assert!(is_taken_over(unclear, Duration::from_secs(31)), "{unclear:?} and old");
    }
    assert!(
        is_taken_over(&json!({"pid": live}).to_string(), Duration::from_secs(31)),
        "no date and old"
    );
    zombie.wait().unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn a_lock_that_names_nobody_is_waited_for_until_it_is_stale_whatever_the_timeout() {
    let timing = Timing { timeout: Duration::ZERO, stale_after: Duration::from_millis(300) };
    for contents in NAMING_NOBODY {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.json");
        let path = folder.path().join("sessions.json.lock");
        fs::write(&path, contents).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        let _lock = Lock::acquire(&file, timing).unwrap();
        let waited = written.elapsed().unwrap();
        assert!(waited >= timing.stale_after, "{contents:?} was taken over after {waited:?}");
    }
}

#[test]
fn a_lock_says_what_the_host_wants_to_know_and_goes_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, folder.path().join("link")).unwrap();
    let lock = Lock::acquire(&folder.path().join("link/sessions.json"), IMPATIENT).unwrap();
    let text = fs::read_to_string(real.join("sessions.json.lock")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        text,
        serde_json::to_string_pretty(&value).unwrap(),
        "as JSON.stringify(..., null, 2) writes it"
    );
    assert_eq!(value["pid"], id());
    assert_eq!(value["starttime"], start_time(id()));
    assert_eq!(value["createdAt"].as_str().unwrap().len(), 24);
    drop(lock);
    assert_eq!(fs::read_dir(&real).unwrap().count(), 0);
}

#[test]
fn a_lock_that_somebody_took_over_is_not_given_back_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.json");
    let lock = Lock::acquire(&file, IMPATIENT).unwrap();
    let path = folder.path().join("sessions.json.lock");
    fs::write(folder.path().join("theirs"), "theirs").unwrap();
    fs::rename(folder.path().join("theirs"), &path).unwrap();
    drop(lock);
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
}

#[test]
fn many_threads_hold_it_one_at_a_time_also_over_stale_ones() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.json");
    let timing = Timing { timeout: Duration::from_secs(60), stale_after: Duration::from_secs(30) };
    let (inside, done) = (AtomicU32::new(0), AtomicU32::new(0));
    fs::write(
        folder.path().join("sessions.json.lock"),
        json!({"pid": 1, "createdAt": OLD}).to_string(),
    )
    .unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let _lock = Lock::acquire(&file, timing).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 80);
}

#[test]
fn a_missing_folder_is_an_error_at_once() {
    assert!(matches!(
        Lock::acquire(Path::new("/nowhere/at/all"), IMPATIENT),
        Err(Error::Read { .. })
    ));
}
