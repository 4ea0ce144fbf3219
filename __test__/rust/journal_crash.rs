//! A process that serves an account is killed at random moments, again and again. What it had been told to be on disk must
//! be there afterwards: nothing acknowledged or delivered is forgotten, nothing intended is lost, nothing is answered twice.
//!
//! The child appends what it does to a log, one line a write; that outlives it. Lines are written before an effect that
//! others see (`turn`, `send`, `make`) and after a call of the journal has resolved (all others).

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt;
use parall::journal::{
    Claim, Intent, Journal, Lease, NewDispatch, NewFork, NewPart, NewResult, OpenDispatch, Origin,
    PartState, State, system_clock,
};

const FOLDER: &str = "PARALL_TEST_CRASH_FOLDER";
const COUNT: &str = "PARALL_TEST_CRASH_COUNT";
/// Dispatches that each round adds.
const ADDED: usize = 30;

#[test]
fn fifty_kills_forget_lose_and_double_nothing() {
    rounds(50);
}

#[test]
#[ignore = "takes minutes"]
fn a_thousand_kills_forget_lose_and_double_nothing() {
    rounds(1_000);
}

fn rounds(rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut killed = 0;
    for round in 1..=rounds {
        let mut child = child(folder.path(), round * ADDED).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.u64(0..60_000)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
    }
    let last = child(folder.path(), rounds * ADDED).output().unwrap();
    assert!(last.status.success(), "seed {seed}: {last:?}");
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    let steps = log.lines().count();
    assert!(killed > rounds / 2, "only {killed} of {rounds} were killed while they worked");
    assert!(steps > rounds * ADDED * 5, "only {steps} steps were made");
    let mut history = History::default();
    for line in log.lines() {
        history.read(line);
    }
    history.check_end(rounds * ADDED);
    assert_eq!(
        fs::read_dir(folder.path().join("forks")).unwrap().count(),
        0,
        "forks are left over"
    );
}

fn child(folder: &Path, count: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture", "the_process_that_is_killed"])
        .env(FOLDER, folder)
        .env(COUNT, count.to_string())
        .stdout(std::process::Stdio::null());
    command
}

/// What the log says, checked line by line.
#[derive(Default)]
struct History {
    claimed: HashSet<String>,
    complete: HashSet<String>,
    acknowledged: HashSet<String>,
    intended: HashSet<String>,
    delivered: HashSet<String>,
    visible: HashMap<String, HashSet<String>>,
    confirmed: HashSet<String>,
    told: HashSet<String>,
}

impl History {
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let id = (*words.get(1).unwrap_or(&"")).to_owned();
        match words.as_slice() {
            ["new", ..] => assert!(self.claimed.insert(id), "forgotten: {line}"),
            ["known", ..] => drop(self.claimed.insert(id)),
            ["turn", ..] => {
                assert!(!self.complete.contains(&id), "answered twice: {line}");
            }
            ["intended", ..] => drop(self.intended.insert(id)),
            ["complete", ..] => drop(self.complete.insert(id)),
            ["send", key, of] => {
                assert!(!self.delivered.contains(*key), "sent although delivered: {line}");
                assert!(!self.acknowledged.contains(*of), "sent although over: {line}");
                self.visible.entry((*of).to_owned()).or_default().insert(id);
            }
            ["delivered", ..] => drop(self.delivered.insert(id)),
            ["acknowledged", ..] => drop(self.acknowledged.insert(id)),
            // What the cursor covers has been claimed.
            ["cursor", _] => {
                let cursor: usize = id.parse().unwrap();
                let missing =
                    (0..cursor).find(|number| !self.claimed.contains(&dispatch_id(*number)));
                assert_eq!(missing, None, "{line}");
            }
            ["tell", ..] => {
                assert!(!self.confirmed.contains(&id), "told twice: {line}");
                self.told.insert(id);
            }
            ["confirmed", ..] => drop(self.confirmed.insert(id)),
            // The last word of a process that was killed.
            _ => {}
        }
    }

    fn check_end(&self, count: usize) {
        for number in 0..count {
            let id = dispatch_id(number);
            assert!(self.acknowledged.contains(&id), "{id} was lost");
            assert!(self.told.contains(&id), "main was never told of {id}");
            let visible = self.visible.get(&id).map_or(0, HashSet::len);
            assert_eq!(visible, 2, "{id} has {visible} visible parts");
        }
        let sent: HashSet<&String> = self.visible.values().flatten().collect();
        let lost: Vec<_> = self.intended.iter().filter(|key| !sent.contains(key)).collect();
        assert!(lost.is_empty(), "intended but never sent: {lost:?}");
    }
}

fn dispatch_id(number: usize) -> String {
    format!("dsp_{number}")
}

/// The child: serves dispatches until all are acknowledged.
struct Served {
    journal: Journal,
    log: File,
    forks: PathBuf,
}

#[tokio::test]
#[ignore = "the process that the tests here kill"]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let count: usize = std::env::var(COUNT).unwrap().parse().unwrap();
    let lease = Lease::acquire(&folder.join("parall"), "default", |_| {}).await.unwrap();
    let opened = Journal::open(lease, system_clock()).unwrap();
    let forks = folder.join("forks");
    fs::create_dir_all(&forks).unwrap();
    let log = OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    let served = Served { journal: opened.journal, log, forks };
    // The line that the last process did not finish.
    served.note("");
    let from = served.recover().await;
    let served = &served;
    futures_util::stream::iter(from..count)
        .then(|number| async move { (number, served.claim(number).await) })
        .for_each_concurrent(8, |(number, new)| async move {
            if new {
                served.answer(&dispatch_id(number), 0).await;
            }
        })
        .await;
    served.tell_main("last").await;
    assert_eq!(served.journal.counters().await.unwrap().untold_results, 0);
    for number in 0..count {
        let record = served.journal.dispatch(&dispatch_id(number)).await.unwrap().unwrap();
        assert_eq!(record.state, State::Acknowledged, "{record:?}");
        let parts = served.journal.parts(&record.id).await.unwrap();
        assert!(
            parts.len() == 2 && parts.iter().all(|part| part.state == PartState::Delivered),
            "{parts:?}"
        );
        served.note(&format!("acknowledged {}", record.id));
    }
    served.journal.close().await;
}

impl Served {
    fn note(&self, line: &str) {
        (&self.log).write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Finishes what the last process left, and says from which dispatch on the server is to be read.
    async fn recover(&self) -> usize {
        let recovery = self.journal.recover().await.unwrap();
        let cursor = self
            .journal
            .cursor()
            .await
            .unwrap()
            .map_or(0, |last| usize::try_from(last).unwrap() + 1);
        self.note(&format!("cursor {cursor}"));
        for fork in recovery.forks {
            self.remove_fork(&fork.fork.session_key).await;
        }
        for open in &recovery.dispatches {
            self.finish(open).await;
        }
        cursor.saturating_sub(20)
    }

    async fn finish(&self, open: &OpenDispatch) {
        let id = &open.record.id;
        for part in open.undelivered() {
            self.send(id, &part.part).await;
        }
        match open.record.state {
            State::Answered => self.end(id).await,
            _ => self.answer(id, open.next_ordinal()).await,
        }
    }

    /// Claims a dispatch and notes in the journal that everything up to it is claimed. Says whether it is new.
    async fn claim(&self, number: usize) -> bool {
        let id = dispatch_id(number);
        let dispatch = NewDispatch {
            id: id.clone(),
            origin: Origin::Inbox,
            source_type: "message".into(),
            source_id: format!("msg_{number}"),
            event_type: None,
        };
        let new = self.journal.claim(dispatch).await.unwrap() == Claim::New;
        self.note(&format!("{} {id}", if new { "new" } else { "known" }));
        self.journal.set_cursor(u64::try_from(number).unwrap());
        new
    }

    /// One turn in a fork, whose answer has two parts.
    async fn answer(&self, id: &str, ordinal: u32) {
        let turn = format!("{id}-{:x}", fastrand::u64(..));
        let attempt = self.journal.adopt([id], &turn, "agent:main").await.unwrap().attempt;
        self.note(&format!("turn {id} {attempt}"));
        let fork = format!("fork-{turn}");
        let new = NewFork {
            session_key: fork.clone(),
            session_id: Some("session".into()),
            transcript: None,
            target: "cht_1".into(),
        };
        self.journal.fork_creating(new).await.unwrap();
        File::create(self.forks.join(&fork)).unwrap();
        self.journal.fork_running(&fork).await.unwrap();
        // A part that stands in the chat already is part of the answer.
        for place in ordinal..2 {
            let part = NewPart {
                ordinal: place,
                key: format!("key:{turn}:{place}"),
                target: "cht_1".into(),
                thread_root_id: None,
                text: format!("part {place} of {turn}"),
                files: Vec::new(),
            };
            let intents = self.journal.intend(id, vec![part.clone()]).await.unwrap();
            assert_eq!(intents, [Intent::Send]);
            self.note(&format!("intended {}", part.key));
            self.send(id, &part).await;
        }
        self.journal.answer_complete([id]).await.unwrap();
        self.note(&format!("complete {id}"));
        self.journal.fork_answered(&fork).await.unwrap();
        self.remove_fork(&fork).await;
        self.end(id).await;
    }

    async fn send(&self, id: &str, part: &NewPart) {
        self.note(&format!("send {} {id}", part.key));
        self.journal.part_delivered(id, part.ordinal, "msg_1").await.unwrap();
        self.note(&format!("delivered {}", part.key));
    }

    async fn end(&self, id: &str) {
        let result = NewResult {
            dispatch_id: id.to_owned(),
            session_key: "fork".into(),
            target: "cht_1".into(),
            chat_label: "Design".into(),
            sender_name: "Ada".into(),
            question: "?".into(),
            answer: "!".into(),
        };
        self.journal.add_result(result).await.unwrap();
        self.journal.acknowledged(id).await.unwrap();
        self.note(&format!("acknowledged {id}"));
        if fastrand::u8(..) < 40 {
            self.tell_main(id).await;
        }
    }

    async fn tell_main(&self, name: &str) {
        let turn = format!("main-{name}-{:x}", fastrand::u64(..));
        let none = Vec::<String>::new();
        let (_, results) =
            self.journal.adopt_with_results(none, &turn, "agent:main").await.unwrap();
        for told in &results {
            self.note(&format!("tell {}", told.result.dispatch_id));
        }
        self.journal.confirm_results(&turn).await.unwrap();
        for told in &results {
            self.note(&format!("confirmed {}", told.result.dispatch_id));
        }
    }

    async fn remove_fork(&self, fork: &str) {
        // It may not have been made yet.
        let _ = fs::remove_file(self.forks.join(fork));
        self.journal.fork_removed(fork).await.unwrap();
    }
}
