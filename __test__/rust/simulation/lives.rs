//! The lives of a process in a world, one after the other, and its end.

use std::sync::Arc;
use std::time::Duration;

use parall::orchestrator::{
    Access, AccountOptions, DEFAULT_COLLECT_CHARACTERS, DEFAULT_MAX_WAITING,
    DEFAULT_SENDER_WAITING, DEFAULT_TURN_MINUTES, Gateway, MediaOptions, Replies,
};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use super::checks::{check_end, check_status, is_over, is_settled, is_suspicious};
use super::host::{SimulatedHost, keep_schedule, take_up_interrupted};
use super::ledger::{CONTINUED, part};
use super::parall_state::Posted;
use super::plan::{Letter, LetterKind, Life, Plan};
use super::server::SimulatedServer;
use super::world::World;

/// How long a stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(3);
/// How long a calm world may take to come to rest.
const REST_LIMIT: Duration = Duration::from_secs(6 * 3_600);

/// Lets a world run from its first start to its end.
pub(crate) fn run(plan: Plan, traced: bool) -> Arc<World> {
    fastrand::seed(plan.seed);
    let world = World::new(plan, traced);
    for life in world.plan.lives.clone() {
        live(&world, Some(life));
    }
    live(&world, None);
    check_end(&world);
    world
}

/// One life; the last one ends when everything is over.
fn live(world: &Arc<World>, life: Option<Life>) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        world.run_time(true);
        begin_life(world, life);
        let mut gateway = start(world);
        world.state().gateway = Arc::downgrade(&gateway);
        tokio::spawn(keep_schedule(Arc::clone(world)));
        tokio::spawn(take_up_interrupted(Arc::clone(world)));
        tokio::spawn(serve_disk(Arc::clone(world)));
        tokio::spawn(write_notes(Arc::clone(world)));
        tokio::spawn(direct(Arc::clone(world)));
        let end = async {
            match life {
                Some(Life::Effects(_)) => sleep(Duration::from_secs(600)).await,
                Some(Life::Until(at) | Life::Stopped(at)) => sleep(Duration::from_millis(at)).await,
                Some(Life::Reloaded(at, pause)) => {
                    sleep(Duration::from_millis(at)).await;
                    reload(world, &mut gateway, pause).await;
                    sleep(Duration::from_millis(at)).await;
                }
                None => rest(world).await,
            }
        };
        tokio::select! {
            biased;
            () = world.crash.notified() => {}
            () = end => {}
        }
        let dead = world.state().dead || matches!(life, Some(Life::Until(_)));
        if dead {
            world.state().dead = true;
            world.trace(|| "the process dies".to_owned());
        } else {
            stop(world, &gateway).await;
            // Whatever still runs would show now.
            sleep(Duration::from_secs(60)).await;
        }
        end_life(world, dead);
        world.run_time(false);
    });
}

fn begin_life(world: &World, life: Option<Life>) {
    {
        let now = world.now();
        let mut state = world.state();
        state.life += 1;
        state.life_began = now;
        state.parall.connected_changed = now;
        state.dead = false;
        state.stopping = false;
        state.status = serde_json::Value::Null;
        state.closed = false;
        state.effects = 0;
        state.crash_at = match life {
            Some(Life::Effects(at)) => Some(at),
            _ => None,
        };
        state.parall.not_before.clear();
        state.ledger.unremoved.clear();
        state.ledger.starts.push(now);
        let state = &mut *state;
        // A host knows which of its texts have arrived.
        let said: Vec<&String> = state.parall.said.iter().map(|said| &said.text).collect();
        let runs = &state.ledger.runs;
        state
            .host
            .interrupted
            .retain(|run| !said.contains(&&part(&runs[*run].source_id, *run, CONTINUED)));
        let posted = &state.parall.posted;
        let suspicious = |posted: &Posted| is_suspicious(&state.disk, posted);
        state.ledger.runs_alone = posted.iter().any(suspicious);
        let posted = posted.iter();
        state.ledger.over_before = posted
            .filter(|posted| is_over(&state.disk, posted))
            .map(|posted| posted.source_id.clone())
            .collect();
        let sources = state.host.interrupted.iter().map(|run| &state.ledger.runs[*run].source_id);
        state.host.known = sources.cloned().collect();
        if life.is_none() {
            state.calm = true;
            state.parall.away_until = 0;
            state.disk.refuse_writes(false).unwrap();
        }
    }
    world.trace(|| format!("the process starts, {life:?}"));
}

fn end_life(world: &World, dead: bool) {
    let recovers = world.plan.habits.recovers;
    let mut state = world.state();
    let state = &mut *state;
    state.parall.connected = false;
    state.parall.outgoing.clear();
    state.host.runs.clear();
    for session in state.host.by_key.values_mut() {
        if let Some(run) = session.running.take()
            && dead
            && recovers
        {
            state.host.interrupted.push(run);
        }
    }
    if dead {
        state.ledger.crashes += 1;
    } else {
        state.ledger.stops += 1;
    }
}

fn start(world: &Arc<World>) -> Arc<Gateway> {
    let options = AccountOptions {
        account_id: "default".to_owned(),
        agent_id: "main".to_owned(),
        access: Access::default(),
        replies: Replies::Auto,
        state_folder: None,
        max_forks: world.plan.max_forks,
        agent_turns: world.plan.agent_turns,
        max_text_bytes: 64 * 1024,
        sender_turns: world.plan.sender_turns,
        sender_waiting: DEFAULT_SENDER_WAITING,
        collect_events: world.plan.collect_events(),
        collect_characters: DEFAULT_COLLECT_CHARACTERS,
        max_waiting: DEFAULT_MAX_WAITING,
        turn_minutes: DEFAULT_TURN_MINUTES,
        media: MediaOptions::default(),
    };
    let journal = world.state().disk.open();
    let server = Arc::new(SimulatedServer(Arc::clone(world)));
    let host = Arc::new(SimulatedHost(Arc::clone(world)));
    Arc::new(Gateway::serve_with(server, journal, options, host))
}

async fn stop(world: &World, gateway: &Gateway) {
    world.trace(|| "the account is stopped".to_owned());
    world.state().stopping = true;
    let begun = Instant::now();
    let ended = timeout(STOP_LIMIT * 10, gateway.close()).await;
    let took = begun.elapsed();
    {
        let mut state = world.state();
        if ended.is_err() || took > STOP_LIMIT {
            state.ledger.violation("R16", format!("the stop takes {took:?}"));
        }
        state.closed = true;
    }
}

/// The account is stopped and starts again in the same process; the runs of the host go on.
async fn reload(world: &Arc<World>, gateway: &mut Arc<Gateway>, pause: u64) {
    stop(world, gateway).await;
    sleep(Duration::from_millis(pause)).await;
    {
        let now = world.now();
        let mut state = world.state();
        state.ledger.reloads += 1;
        state.ledger.stops += 1;
        state.stopping = false;
        state.closed = false;
        state.status = serde_json::Value::Null;
        state.life_began = now;
        state.parall.not_before.clear();
        state.ledger.unremoved.clear();
        state.ledger.starts.push(now);
    }
    world.trace(|| "the account starts again".to_owned());
    *gateway = start(world);
    world.state().gateway = Arc::downgrade(gateway);
}

/// Waits until everything is over, asks a last question so that main is told the rest, and waits again.
async fn rest(world: &Arc<World>) {
    let settled = async {
        while !(world.state().parall.replies_due.is_empty()
            && all_posted(world)
            && is_settled(world))
        {
            sleep(Duration::from_millis(500)).await;
        }
        sleep(Duration::from_secs(3)).await;
    };
    let is_calm = timeout(REST_LIMIT, async {
        settled.await;
        // Only the list tells of what was lost on a connection that holds.
        world.state().parall.loses_frame = world.plan.seed.is_multiple_of(2);
        world.post(&Letter { at: 0, place: 0, kind: LetterKind::Question, author: None });
        while !is_settled(world) {
            sleep(Duration::from_millis(500)).await;
        }
        sleep(Duration::from_secs(1)).await;
    });
    if is_calm.await.is_err() {
        world.state().ledger.violation("R2", "the world does not come to rest".to_owned());
    }
}

/// Whether every letter of the plan was written.
fn all_posted(world: &World) -> bool {
    world.state().parall.letters_written == world.plan.letters.len()
}

/// The disk: what is asked of it is written after a while, some calls together.
async fn serve_disk(world: Arc<World>) {
    let asked = world.state().disk.asked();
    loop {
        asked.notified().await;
        loop {
            world.dawdle(world.plan.faults.disk_delay).await;
            world.crash_point().await;
            let written = {
                let mut state = world.state();
                let most = state.dice.usize(1..=8);
                state.disk.write(most)
            };
            world.crash_point().await;
            if written == 0 {
                break;
            }
        }
    }
}

async fn write_notes(world: Arc<World>) {
    loop {
        sleep(Duration::from_millis(500)).await;
        let now = world.now();
        let mut state = world.state();
        state.disk.write_notes();
        check_status(&mut state, now);
    }
}

/// Everybody else: people, other agents, the weather.
async fn direct(world: Arc<World>) {
    let start = world.now();
    let storms = storms(&world, start);
    let mut storms = storms.into_iter().peekable();
    loop {
        let now = world.now();
        let (letter, reply) = {
            let mut state = world.state();
            let next = world.plan.letters.get(state.parall.letters_written).cloned();
            let base = *state.parall.first_start.get_or_insert(start);
            let letter = next.map(|letter| (base + letter.at.cast_signed(), letter));
            (letter, state.parall.replies_due.iter().min().cloned())
        };
        if let Some((at, letter)) = &letter
            && *at <= now
        {
            world.post(letter);
            world.state().parall.letters_written += 1;
            continue;
        }
        if let Some(reply) = &reply
            && reply.0 <= now
        {
            world.state().parall.replies_due.retain(|due| due != reply);
            world.reply(&reply.1);
            continue;
        }
        if let Some((_, storm)) = storms.next_if(|(at, _)| *at <= now) {
            blow(&world, storm, now);
            continue;
        }
        let dues =
            [letter.map(|(at, _)| at), reply.map(|(at, _)| at), storms.peek().map(|(at, _)| *at)];
        let pause = dues.into_iter().flatten().min().map_or(3_600_000, |at| at - now);
        // An agent's word may come before that.
        let _ = timeout(Duration::from_millis(pause.cast_unsigned()), world.mail.notified()).await;
    }
}

#[derive(Debug, Clone, Copy)]
enum Storm {
    Outage(i64),
    DiskFull(bool),
}

/// The bad weather of a life.
fn storms(world: &World, start: i64) -> Vec<(i64, Storm)> {
    let mut state = world.state();
    if state.calm {
        return Vec::new();
    }
    let mut storms = Vec::new();
    for _ in 0..world.plan.faults.outages {
        storms.push((start + state.dice.i64(0..30_000), Storm::Outage(state.dice.i64(1..60_000))));
    }
    for _ in 0..world.plan.faults.disk_full {
        let at = start + state.dice.i64(0..30_000);
        storms.push((at, Storm::DiskFull(true)));
        storms.push((at + state.dice.i64(1..20_000), Storm::DiskFull(false)));
    }
    storms.sort_by_key(|(at, _)| *at);
    storms
}

fn blow(world: &World, storm: Storm, now: i64) {
    world.trace(|| format!("storm: {storm:?}"));
    let mut state = world.state();
    match storm {
        Storm::Outage(length) => {
            state.parall.away_until = now + length;
            drop(state);
            world.frames.notify_one();
        }
        Storm::DiskFull(full) => state.disk.refuse_writes(full).unwrap(),
    }
}
