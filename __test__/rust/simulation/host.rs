//! The simulated host: sessions with transcripts, turns of every kind, forks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use parall::orchestrator::{Fork, Host, Level, ReplyPart, Turn, TurnOutcome};

use super::checks::{check_turn, is_unclear};
use super::ledger::{CONTINUED, End, NOTICE, Run, parse_part, part};
use super::parall_state::Posted;
use super::plan::LetterKind;
use super::world::World;

/// What the host keeps on its own disk.
#[derive(Default)]
pub(crate) struct Sessions {
    pub by_key: BTreeMap<String, Session>,
    forks_made: u32,
    /// Turns that a crash cut off and that the host takes up by itself, as their places in the ledger.
    pub interrupted: Vec<usize>,
    /// Messages that the host has met in this life or is about to take up, and does not run again.
    pub known: BTreeSet<String>,
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
    Answer(Vec<String>),
    Fail { first: Option<String> },
    Late,
    Silent,
}

pub(crate) struct SimulatedHost(pub Arc<World>);

impl Host for SimulatedHost {
    fn run_turn(&self, turn: Turn) -> BoxFuture<'static, TurnOutcome> {
        run_turn(Arc::clone(&self.0), turn).boxed()
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
    world.dawdle(length).await;
    world.crash_point().await;
    let (end, outcome) = match script {
        Script::Answer(parts) => {
            speak(&world, &turn, number, &parts, length).await;
            (End::Complete, TurnOutcome { started: true, ..TurnOutcome::default() })
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
        place,
        target: turn.target.clone(),
        session: turn.session_key.clone(),
        main,
        life,
        told,
        end: End::Open,
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
    let script = if kind == Some(LetterKind::Poison) {
        Script::Fail { first: None }
    } else if chatter {
        Script::Answer(vec![part(source, number, 0)])
    } else if state.happens(habits.fails) {
        let first = state.dice.u8(0..4) == 0;
        Script::Fail { first: first.then(|| part(source, number, 0)) }
    } else if state.happens(habits.late) {
        Script::Late
    } else if state.happens(habits.silent) {
        Script::Silent
    } else {
        let parts = state.dice.usize(1..=3);
        Script::Answer((0..parts).map(|index| part(source, number, index)).collect())
    };
    (script, length)
}

/// Hands the parts over: one after the other, or all at once as a host does that does not wait.
async fn speak(world: &World, turn: &Turn, number: usize, parts: &[String], length: u64) {
    let last = parts.len() - 1;
    let kind = |index| if index == last { "final" } else { "block" };
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

async fn deliver(world: &World, turn: &str, kind: &str, text: &str) -> bool {
    let Some(gateway) = world.state().gateway.upgrade() else { return false };
    let part =
        ReplyPart { kind: kind.to_owned(), text: Some(text.to_owned()), ..ReplyPart::default() };
    let delivered = gateway.deliver(turn, part).await;
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
        let state = world.state();
        let unwanted = |posted: &Posted| posted.kind == LetterKind::Hint && posted.target == target;
        is_unclear(&state, &target, &source) && state.parall.posted.iter().any(unwanted)
    };
    let sent = send(&world, &target, &text).await;
    let mut state = world.state();
    state.ledger.late_answers += 1;
    if sent && !may_be_kept_back {
        state.ledger.runs[run].confirmed.push(text);
    }
}

/// The host sends something by itself.
async fn send(world: &World, target: &str, text: &str) -> bool {
    world.crash_point().await;
    let gateway = world.state().gateway.upgrade();
    let Some(gateway) = gateway else { return false };
    let sent = gateway.send_text(target, text, None, None).await;
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
    send(&world, &target, NOTICE).await;
    answer_late(Arc::clone(&world), target, part(&source_id, number, CONTINUED)).await;
    world.state().host.interrupted.retain(|other| *other != number);
}

async fn create_fork(world: Arc<World>, parent: String) -> Result<Option<Fork>, String> {
    world.crash_point().await;
    world.dawdle(50).await;
    let key = {
        let mut state = world.state();
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
        let mut state = self.world.state();
        if let Some(session) = state.host.by_key.get_mut(&self.session) {
            session.running = None;
        }
    }
}
