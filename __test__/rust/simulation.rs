//! The whole orchestrator in simulated worlds: a server that fails in every way, a host with its own mind, a disk that is
//! late or full, and a process that dies at any moment. Time is virtual and every world follows from its seed.
//!
//! A seed that fails is replayed with its story by `SIMULATION_SEED=<seed> cargo test --test simulation replay -- --ignored
//! --nocapture`; `SIMULATION_SEEDS=1000000 cargo test --test simulation long -- --ignored` goes on for hours.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot set up its bench has failed; a failing seed is told as it is found"
)]

#[path = "simulation/checks.rs"]
mod checks;
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
#[path = "simulation/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use plan::Plan;

/// Seeds of the suite.
const SEEDS: u64 = 1_000;

#[test]
fn every_promise_holds_in_a_thousand_worlds() {
    check(0..SEEDS);
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

/// Runs worlds and fails with the broken promises of the first ones that break any.
fn check(seeds: std::ops::Range<u64>) {
    let mut broken = Vec::new();
    for seed in seeds {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            std::mem::take(&mut lives::run(Plan::new(seed), false).state().ledger.violations)
        }));
        let violations = ended.unwrap_or_else(|_| vec!["panic".to_owned()]);
        if !violations.is_empty() {
            eprintln!("SIMULATION_SEED={seed}: {violations:#?}");
            broken.push(seed);
        }
        if broken.len() == 5 {
            break;
        }
    }
    assert!(broken.is_empty(), "replay with SIMULATION_SEED={broken:?}");
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
