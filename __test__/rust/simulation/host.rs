//! The simulated host: sessions with transcripts, turns of every kind, forks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use parall::orchestrator::{EarlierTurn, Error, Fork, Host, Level, ReplyPart, Turn, TurnOutcome};
use tokio::sync::watch;

use super::checks::{check_turn, is_unclear, journaled};
use super::ledger::{CONTINUED, End, NOTE, NOTICE, Run, parse_part, part};
use super::parall_state::Posted;
use super::plan::LetterKind;
use super::together::members;
use super::world::{State, World};

/// What the host keeps on its own disk.
#[derive(Default)]
pub(crate) struct Sessions {
    pub by_key: BTreeMap<String, Session>,
    forks_made: u32,
    runs_begun: u32,
    /// Turns that a crash cut off and that the host takes up by itself, as their places in the ledger.
    pub interrupted: Vec<usize>,
    /// Runs of this process, by turn.
    pub runs: BTreeMap<String, HostRun>,
    /// Messages that the host has met in this life or is about to take up, and does not run again.
    pub known: BTreeSet<String>,
}

/// A run whose outcome somebody may still ask for.
pub(crate) struct HostRun {
    /// Its place among all runs.
    number: u32,
    turn: EarlierTurn,
    outcome: watch::Receiver<Option<TurnOutcome>>,
}

/// A session.
#[derive(Default)]
pub(crate) struct Session {
    /// Completed turns: what was asked in each.
    pub transcript: Vec<String>,
    /// The turn that runs, as its place in the ledger.
    pub running: Option<usize>,
    /// What a fork serves.
    pub target: Option<String>,
    pub parent: Option<String>,
}

/// What a turn is going to do.
enum Script {
    Answer {
        parts: Vec<String>,
        has_last: bool,
    },
    /// The message tool sends the answer, and the turn ends without another word or with an error.
    Tool {
        text: String,
        fails: bool,
    },
    Fail {
        first: Option<String>,
    },
    Late,
    Silent,
}

pub(crate) struct SimulatedHost(pub Arc<World>);

impl Host for SimulatedHost {
    fn run_turn(&self, turn: Turn) -> BoxFuture<'static, TurnOutcome> {
        let world = Arc::clone(&self.0);
        // The host goes on with a turn that nobody waits for any more.
        let (sender, outcome) = watch::channel(None);
        let earlier = EarlierTurn {
            id: turn.id.clone(),
            session_key: turn.session_key.clone(),
            target: turn.target.clone(),
        };
        {
            let host = &mut world.state().host;
            host.runs_begun += 1;
            let run = HostRun { number: host.runs_begun, turn: earlier, outcome: outcome.clone() };
            host.runs.insert(turn.id.clone(), run);
        }
        let (task, id) = (Arc::clone(&world), turn.id.clone());
        tokio::spawn(async move {
            let outcome = run_turn(task, turn).await;
            sender.send_replace(Some(outcome));
        });
        seen(world, id, outcome).boxed()
    }

    fn earlier_runs(&self) -> BoxFuture<'static, Vec<EarlierTurn>> {
        let world = Arc::clone(&self.0);
        async move {
            let mut state = world.state();
            // Turn ids differ from one telling of the story to the next.
            let mut runs: Vec<&HostRun> = state.host.runs.values().collect();
            runs.sort_by_key(|run| run.number);
            let turns: Vec<_> = runs.into_iter().map(|run| run.turn.clone()).collect();
            state.ledger.taken_over += u32::try_from(turns.len()).unwrap();
            turns
        }
        .boxed()
    }

    fn follow_turn(&self, id: String) -> BoxFuture<'static, TurnOutcome> {
        let outcome = self.0.state().host.runs[&id].outcome.clone();
        seen(Arc::clone(&self.0), id, outcome).boxed()
    }

    fn create_fork(&self, parent: String) -> BoxFuture<'static, Result<Option<Fork>, String>> {
        create_fork(Arc::clone(&self.0), parent).boxed()
    }

    fn remove_fork(&self, fork: Fork) -> BoxFuture<'static, Result<(), String>> {
        remove_fork(Arc::clone(&self.0), fork).boxed()
    }

    fn leftover_forks(&self, parent: String) -> BoxFuture<'static, Result<Vec<Fork>, String>> {
        let world = Arc::clone(&self.0);
        async move {
            world.crash_point().await;
            world.dawdle(20).await;
            let state = world.state();
            let sessions = state.host.by_key.iter();
            let forks = sessions.filter(|(_, session)| session.parent.as_ref() == Some(&parent));
            Ok(forks.map(|(key, _)| fork(key)).collect())
        }
        .boxed()
    }

    fn status(&self, patch: String) {
        let mut state = self.0.state();
        if !state.dead {
            state.status = serde_json::from_str(&patch).unwrap();
        }
    }

    fn log(&self, level: Level, message: String) {
        self.0.trace(|| format!("log {level}: {message}"));
    }
}

/// The outcome of a run, which is forgotten once somebody has seen it.
async fn seen(
    world: Arc<World>,
    id: String,
    mut outcome: watch::Receiver<Option<TurnOutcome>>,
) -> TurnOutcome {
    let outcome = outcome.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    world.state().host.runs.remove(&id);
    outcome
}

async fn run_turn(world: Arc<World>, turn: Turn) -> TurnOutcome {
    world.crash_point().await;
    let source = turn.message_id.clone();
    let known = !world.state().host.known.insert(source.clone());
    if known && !turn.is_repeated {
        world.trace(|| format!("the host knows {source} already"));
        return TurnOutcome::default();
    }
    let number = begin(&world, &turn);
    let _running = Running { world: &world, session: turn.session_key.clone() };
    let (script, length) = script(&world, number, &source);
    // A turn without a run has no tools.
    if !matches!(script, Script::Late) {
        write_note(&world, &turn, number).await;
    }
    world.dawdle(length).await;
    world.crash_point().await;
    let (end, outcome) = match script {
        Script::Answer { parts, has_last } => {
            speak(&world, &turn, number, &parts, has_last, length).await;
            (End::Complete, TurnOutcome { started: true, ..TurnOutcome::default() })
        }
        Script::Tool { text, fails } => {
            world.state().ledger.runs[number].spoke = true;
            if send(&world, &turn.target, &text, evidence(&world, &turn)).await {
                world.state().ledger.runs[number].confirmed.push(text);
            }
            if fails {
                let error = Some("the simulated turn failed".to_owned());
                (End::Failed, TurnOutcome { started: true, error, ..TurnOutcome::default() })
            } else {
                deliver(&world, &turn.id, "final", "NO_REPLY").await;
                (End::Complete, TurnOutcome { started: true, ..TurnOutcome::default() })
            }
        }
        Script::Silent => {
            deliver(&world, &turn.id, "final", "NO_REPLY").await;
            deliver(&world, &turn.id, "tool", "the agent looked something up").await;
            (End::Silent, TurnOutcome { started: true, ..TurnOutcome::default() })
        }
        Script::Fail { first } => {
            if let Some(first) = first {
                say(&world, &turn, number, "block", &first).await;
            }
            let error = Some("the simulated turn failed".to_owned());
            (End::Failed, TurnOutcome { started: true, error, ..TurnOutcome::default() })
        }
        Script::Late => {
            let text = part(&source, number, 0);
            let late = answer_late(Arc::clone(&world), turn.target.clone(), text);
            tokio::spawn(late);
            (End::Late, TurnOutcome::default())
        }
    };
    world.crash_point().await;
    let mut state = world.state();
    state.ledger.runs[number].end = end;
    if let Some(session) = state.host.by_key.get_mut(&turn.session_key) {
        session.transcript.push(turn.raw_text.clone());
    }
    drop(state);
    world.trace(|| format!("run {number} ends: {end:?}"));
    outcome
}

/// Notes a turn that begins, and judges whether it may.
fn begin(world: &World, turn: &Turn) -> usize {
    let now = world.now();
    let mut state = world.state();
    let main = !turn.session_key.contains(":fork:");
    if main {
        state.host.by_key.entry(turn.session_key.clone()).or_default();
    }
    let number = state.ledger.runs.len();
    let (place, told) = check_turn(&mut state, &world.plan, now, turn, main);
    let life = state.life;
    state.ledger.runs.push(Run {
        source_id: turn.message_id.clone(),
        members: members(turn),
        place,
        at: now,
        target: turn.target.clone(),
        session: turn.session_key.clone(),
        main,
        life,
        told,
        end: End::Open,
        last: None,
        spoke: false,
        confirmed: Vec::new(),
    });
    if let Some(session) = state.host.by_key.get_mut(&turn.session_key) {
        session.running = Some(number);
        session.target.get_or_insert(turn.target.clone());
    }
    drop(state);
    world.trace(|| {
        format!("run {number} begins in {}: {}", turn.session_key, turn.text.replace('\n', " | "))
    });
    number
}

fn script(world: &World, number: usize, source: &str) -> (Script, u64) {
    let mut state = world.state();
    let habits = &world.plan.habits;
    let length = if state.calm { 1 } else { habits.turn };
    let posted = state.parall.posted.iter().find(|posted| posted.source_id == source);
    let kind = posted.map(|posted| posted.kind);
    let chatter = kind == Some(LetterKind::Chatterbox);
    let asked = &state.ledger.runs[number];
    let is_poisoned = state
        .parall
        .posted
        .iter()
        .any(|posted| posted.kind == LetterKind::Poison && asked.is_about(&posted.source_id));
    let script = if is_poisoned {
        Script::Fail { first: None }
    } else if chatter {
        Script::Answer { parts: vec![part(source, number, 0)], has_last: true }
    } else if state.happens(habits.fails) {
        let first = state.dice.u8(0..4) == 0;
        Script::Fail { first: first.then(|| part(source, number, 0)) }
    } else if state.happens(habits.tool_answers) {
        let fails = state.dice.u8(0..3) == 0;
        // Where the host hides the run, nobody knows that the text is an answer.
        let hidden = habits.hides_runs;
        let text = if hidden {
            format!("{NOTE} that was meant as an answer")
        } else {
            part(source, number, 0)
        };
        Script::Tool { text, fails }
    } else if state.happens(habits.late) {
        Script::Late
    } else if state.happens(habits.silent) {
        Script::Silent
    } else {
        let parts = state.dice.usize(1..=3);
        let has_last = !state.happens(habits.only_blocks);
        let parts = (0..parts).map(|index| part(source, number, index)).collect();
        Script::Answer { parts, has_last }
    };
    if let Script::Answer { parts, has_last: true } = &script {
        state.ledger.runs[number].last = Some(parts.len() - 1);
    }
    (script, length)
}

/// Hands the parts over: one after the other, or all at once as a host does that does not wait.
async fn speak(
    world: &World,
    turn: &Turn,
    number: usize,
    parts: &[String],
    has_last: bool,
    length: u64,
) {
    let last = parts.len() - 1;
    let kind = |index| if index == last && has_last { "final" } else { "block" };
    if world.state().dice.bool() {
        join_all(
            parts
                .iter()
                .enumerate()
                .map(|(index, text)| say(world, turn, number, kind(index), text)),
        )
        .await;
    } else {
        for (index, text) in parts.iter().enumerate() {
            say(world, turn, number, kind(index), text).await;
            world.dawdle(length / 4).await;
        }
    }
}

async fn say(world: &World, turn: &Turn, number: usize, kind: &str, text: &str) {
    world.state().ledger.runs[number].spoke = true;
    if deliver(world, &turn.id, kind, text).await {
        world.state().ledger.runs[number].confirmed.push(text.to_owned());
    }
}

/// Hands a part over to whoever serves the account; after a reload that is another start.
async fn deliver(world: &World, turn: &str, kind: &str, text: &str) -> bool {
    let part =
        ReplyPart { kind: kind.to_owned(), text: Some(text.to_owned()), ..ReplyPart::default() };
    let delivered = loop {
        let gateway = world.state().gateway.upgrade();
        if let Some(gateway) = gateway {
            let delivered = gateway.deliver(turn, part.clone()).await;
            if !matches!(delivered, Err(Error::Closed)) {
                break delivered;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    if let Err(error) = &delivered {
        world.trace(|| format!("{turn}: {text:?} is not delivered: {error}"));
    }
    world.crash_point().await;
    delivered.is_ok()
}

/// The host answers by itself, after the turn has returned.
async fn answer_late(world: Arc<World>, target: String, text: String) {
    world.dawdle(60_000).await;
    let Some((source, run, _)) = parse_part(&text) else { return };
    let may_be_kept_back = {
        let mut state = world.state();
        // It goes on with a message that is over, and may be taken for the answer to one that is not.
        if state.ledger.over_before.contains(&source) {
            mistake(&mut state, &target);
        }
        let unwanted = |posted: &Posted| posted.kind == LetterKind::Hint && posted.target == target;
        is_unclear(&state, &target, &source) && state.parall.posted.iter().any(unwanted)
    };
    let sent = send(&world, &target, &text, None).await;
    let mut state = world.state();
    state.ledger.late_answers += 1;
    if sent && !may_be_kept_back {
        state.ledger.runs[run].confirmed.push(text);
    }
}

/// The host sends something by itself.
async fn send(world: &World, target: &str, text: &str, run: Option<&str>) -> bool {
    world.crash_point().await;
    let gateway = world.state().gateway.upgrade();
    let Some(gateway) = gateway else { return false };
    let sent = gateway.send_text(target, text, None, run).await;
    world.crash_point().await;
    world.trace(|| format!("late: {text}: {sent:?}"));
    sent.is_ok()
}

/// What the host does by itself after a crash: all turns that were cut off go on, and people are told so first.
pub(crate) async fn take_up_interrupted(world: Arc<World>) {
    tokio::time::sleep(Duration::from_secs(4)).await;
    let interrupted = world.state().host.interrupted.clone();
    for number in interrupted {
        tokio::spawn(take_up(Arc::clone(&world), number));
    }
}

async fn take_up(world: Arc<World>, number: usize) {
    let Run { source_id, target, .. } = world.state().ledger.runs[number].clone();
    send(&world, &target, NOTICE, None).await;
    answer_late(Arc::clone(&world), target, part(&source_id, number, CONTINUED)).await;
    world.state().host.interrupted.retain(|other| *other != number);
}

/// What the host shows of the run from which a text is sent.
fn evidence<'turn>(world: &World, turn: &'turn Turn) -> Option<&'turn str> {
    (!world.plan.habits.hides_runs).then_some(turn.id.as_str())
}

/// The agent writes into some chat with its message tool, or does not.
async fn write_note(world: &World, turn: &Turn, number: usize) {
    let target = {
        let mut state = world.state();
        if !state.happens(world.plan.habits.notes) {
            return;
        }
        state.ledger.notes += 1;
        state.ledger.runs[number].spoke = true;
        let place = state.dice.usize(0..4);
        let target = format!("cht_{place}");
        if world.plan.habits.hides_runs {
            mistake(&mut state, &target);
        }
        target
    };
    send(world, &target, &format!("{NOTE} of run {number}"), evidence(world, turn)).await;
}

/// A schedule of the host writes into chats.
pub(crate) async fn keep_schedule(world: Arc<World>) {
    for number in 0..world.plan.habits.schedules {
        let (target, pause) = {
            let mut state = world.state();
            (format!("cht_{}", state.dice.usize(0..4)), state.dice.u64(0..30_000))
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        mistake(&mut world.state(), &target);
        send(&world, &target, &format!("{NOTE} {number} of a schedule"), None).await;
    }
}

/// Notes for which events a text without a run may be taken for the answer: the host returned without a run, or a process
/// ended in their turns. Nobody can tell.
fn mistake(state: &mut State, target: &str) {
    let waiting = state
        .ledger
        .runs
        .iter()
        .filter(|run| run.target == target && (run.end == End::Late || run.life < state.life));
    let mut sources: Vec<String> = waiting.flat_map(|run| run.members.clone()).collect();
    // A turn may be noted in the journal without ever having reached the host.
    let noted =
        state.parall.posted.iter().filter(|posted| posted.target == target).filter(|posted| {
            journaled(&state.disk, posted).is_some_and(|open| open.record.turn_id.is_some())
        });
    sources.extend(noted.map(|posted| posted.source_id.clone()));
    state.ledger.mistaken.extend(sources);
}

async fn create_fork(world: Arc<World>, parent: String) -> Result<Option<Fork>, String> {
    world.crash_point().await;
    world.dawdle(50).await;
    let key = {
        let now = world.now();
        let mut state = world.state();
        let before = std::mem::replace(&mut state.ledger.no_fork, now);
        if state.closed {
            state.ledger.violation("R16", "a fork is asked for after the stop".to_owned());
        }
        if state.happens(world.plan.habits.fork_refused) {
            return Err("the simulated host refuses".to_owned());
        }
        let Some(main) = state.host.by_key.get(&parent) else { return Ok(None) };
        if main.parent.is_some() {
            state.ledger.violation("R21", format!("a fork of the fork {parent}"));
            return Ok(None);
        }
        if main.transcript.is_empty() {
            return Ok(None);
        }
        let transcript = main.transcript.clone();
        state.ledger.no_fork = before;
        state.host.forks_made += 1;
        state.ledger.forks_made += 1;
        let key = format!("{parent}:fork:{}", state.host.forks_made);
        let session = Session { transcript, parent: Some(parent.clone()), ..Session::default() };
        state.host.by_key.insert(key.clone(), session);
        key
    };
    world.trace(|| format!("the host makes {key}"));
    world.crash_point().await;
    world.dawdle(50).await;
    Ok(Some(fork(&key)))
}

async fn remove_fork(world: Arc<World>, fork: Fork) -> Result<(), String> {
    world.crash_point().await;
    world.dawdle(50).await;
    let key = fork.session_key;
    {
        let mut state = world.state();
        if state.happens(world.plan.habits.removal_fails) {
            state.ledger.unremoved.push(key);
            return Err("the simulated host cannot remove it".to_owned());
        }
        let session = state.host.by_key.remove(&key);
        if session.as_ref().is_some_and(|session| session.running.is_some()) {
            state.ledger.violation("R20", format!("{key} is removed while its turn runs"));
        }
        if session.is_some_and(|session| session.parent.is_none()) {
            state.ledger.violation("R20", format!("{key} is removed and is no fork"));
        }
    }
    world.trace(|| format!("the host removes {key}"));
    world.crash_point().await;
    Ok(())
}

fn fork(key: &str) -> Fork {
    let session_id = format!("id of {key}");
    Fork { session_key: key.to_owned(), session_id, session_file: None }
}

/// A turn that runs until this is dropped: the host ends a turn that nobody waits for.
struct Running<'world> {
    world: &'world World,
    session: String,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let now = self.world.now();
        let mut state = self.world.state();
        state.ledger.lane_freed = now;
        if let Some(session) = state.host.by_key.get_mut(&self.session) {
            session.running = None;
        }
    }
}
