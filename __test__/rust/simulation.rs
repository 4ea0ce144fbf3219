//! The whole orchestrator in simulated worlds: a server that fails in every way, a host with its own mind, a disk that is
//! late or full, and a process that dies at any moment. Time is virtual and every world follows from its seed.
//!
//! A seed that fails is replayed with its story by `SIMULATION_SEED=<seed> cargo test --test simulation replay -- --ignored
//! --nocapture`; `SIMULATION_SEEDS=1000000 npm run test:simulation:long` goes on for hours.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot set up its bench has failed; a failing seed is told as it is found"
)]

#[path = "simulation/checks.rs"]
mod checks;
#[path = "simulation/crowds.rs"]
mod crowds;
#[path = "simulation/host.rs"]
mod host;
#[path = "simulation/ledger.rs"]
mod ledger;
#[path = "simulation/lives.rs"]
mod lives;
#[path = "simulation/parall_state.rs"]
mod parall_state;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/server.rs"]
mod server;
#[path = "simulation/socket.rs"]
mod socket;
#[path = "simulation/together.rs"]
mod together;
#[path = "simulation/world.rs"]
mod world;

use std::num::NonZero;
use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use plan::Plan;

/// Seeds of the suite.
const SEEDS: u64 = 3_000;
/// Crowds of the suite.
const CROWDS: u64 = 40;
/// How many broken worlds are told before the rest is left.
const MOST_BROKEN: usize = 5;
/// How often a long run says how far it is.
const REPORT_EVERY: Duration = Duration::from_secs(10);

#[test]
fn every_promise_holds_in_thousands_of_worlds() {
    check(0..SEEDS);
}

#[test]
fn no_flood_delays_another_member_and_no_agents_give_each_other_work_for_ever() {
    check(crowds::FIRST_SEED..crowds::FIRST_SEED + CROWDS);
}

#[test]
fn the_worlds_are_eventful() {
    let mut sums = [0_u32; 6];
    for seed in 0..100 {
        let world = lives::run(Plan::new(seed), false);
        let ledger = &world.state().ledger;
        let told = ledger.runs.iter().filter(|run| !run.told.is_empty()).count();
        let failed = ledger.runs.iter().filter(|run| run.end == ledger::End::Failed).count();
        let happened = [ledger.crashes, ledger.stops, ledger.forks_made, ledger.late_answers];
        let counted = [told, failed].map(|count| u32::try_from(count).unwrap());
        for (sum, count) in sums.iter_mut().zip(happened.into_iter().chain(counted)) {
            *sum += count;
        }
    }
    assert!(
        sums.iter().all(|sum| *sum > 10),
        "crashes, stops, forks, late, told, failed: {sums:?}"
    );
}

#[test]
fn a_seed_always_tells_the_same_story() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| lives::run(Plan::new(seed), true));
        let [first, second] = [first, second].map(|world| world.state().trace.take().unwrap());
        assert_eq!(without_turn_ids(&first), without_turn_ids(&second), "seed {seed}");
    }
}

#[test]
#[ignore = "runs for as long as it is told to"]
fn long() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("SIMULATION_FIRST").unwrap_or(SEEDS);
    check(first..first + number("SIMULATION_SEEDS").unwrap_or(100_000));
}

#[test]
#[ignore = "tells the story of one seed"]
fn replay() {
    let seed = std::env::var("SIMULATION_SEED").unwrap().parse().unwrap();
    let plan = Plan::new(seed);
    eprintln!("{plan:#?}");
    let world = lives::run(plan, true);
    let mut state = world.state();
    eprintln!("{}", state.trace.take().unwrap());
    assert_eq!(state.ledger.violations, Vec::<String>::new());
}

/// Runs worlds on all cores and fails with the broken promises of the first ones that break any.
fn check(seeds: Range<u64>) {
    let (next, broken) = (AtomicU64::new(seeds.start), AtomicUsize::new(0));
    let progress = Progress { first: seeds.start, started: Instant::now() };
    let work = |reports: bool| {
        let mut reported = Instant::now();
        while broken.load(Ordering::Relaxed) < MOST_BROKEN {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let violations = violations(seed);
            if !violations.is_empty() {
                broken.fetch_add(1, Ordering::Relaxed);
                eprintln!("{violations:#?}\nreplay it: {}", replay_command(seed));
            }
            if reports && reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                progress.report(seed, seeds.end);
            }
        }
    };
    let others = std::thread::available_parallelism().map_or(0, NonZero::get).saturating_sub(1);
    std::thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| work(false));
        }
        work(true);
    });
    progress.report(next.into_inner().min(seeds.end), seeds.end);
    assert_eq!(broken.into_inner(), 0, "worlds with broken promises, see above");
}

/// The promises that a world breaks.
fn violations(seed: u64) -> Vec<String> {
    let ended = catch_unwind(|| {
        std::mem::take(&mut lives::run(Plan::new(seed), false).state().ledger.violations)
    });
    ended.unwrap_or_else(|_| vec!["panic".to_owned()])
}

fn replay_command(seed: u64) -> String {
    format!("SIMULATION_SEED={seed} cargo test --test simulation replay -- --ignored --nocapture")
}

/// How far a run is.
struct Progress {
    first: u64,
    started: Instant,
}

impl Progress {
    fn report(&self, next: u64, end: u64) {
        let (done, elapsed) = (next - self.first, self.started.elapsed());
        let pace = elapsed * 1_000 / u32::try_from(done.max(1)).unwrap_or(u32::MAX);
        eprintln!("{done} of {} worlds in {elapsed:.0?}, {pace:.1?} a thousand", end - self.first);
    }
}

/// Turn ids are unique in a process, so they differ from run to run.
fn without_turn_ids(story: &str) -> String {
    let mut words = Vec::new();
    for line in story.lines() {
        words.extend(line.split(' ').filter(|word| !word.starts_with("turn-")));
        words.push("\n");
    }
    words.join(" ")
}
