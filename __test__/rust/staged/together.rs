//! Several messages in one turn.

use std::sync::Arc;
use std::time::Duration;

use parall::journal::State;

use super::bench::{Behaviour, Bench, World};

/// A minute is enough for every pause between attempts.
const MINUTE: Duration = Duration::from_secs(60);

/// An account that collects, main in a turn, and three messages that wait.
async fn three_wait() -> (Bench, Arc<World>) {
    let mut bench = Bench::start().await;
    let world = Arc::clone(&bench.world);
    bench.gateway.close().await;
    world.collect();
    bench.restart().await;
    world.hold(true);
    world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |_| world.turns().len() == 1).await;
    for number in 2..=4 {
        world.say("usr_ada", "human", number).await;
    }
    bench.soon("three wait", |status| status["queueDepth"] == 3).await;
    (bench, world)
}

/// The messages of each turn.
fn asked(world: &World) -> Vec<String> {
    let turns = world.turns();
    let messages = |text: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("[Message: msg_usr_ada_"));
        lines.map(|line| line.trim_end_matches(']').to_owned()).collect::<Vec<_>>().join(" ")
    };
    turns.iter().map(|turn| messages(&turn.text)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_waits_together_has_one_turn_and_one_answer_and_all_of_it_is_acknowledged() {
    let (bench, world) = three_wait().await;
    world.hold(false);
    bench.within(MINUTE, "all over", |_| world.pending() == 0).await;
    assert_eq!(asked(&world), ["1", "2 3 4"]);
    assert_eq!(world.sent().len(), 2);
    assert_eq!(world.calls("received"), 4);
    for number in 1..=4 {
        let key = format!("dsp_usr_ada_{number}");
        let record = bench.journal.dispatch(&key).await.unwrap().unwrap();
        assert_eq!(record.state, State::Acknowledged);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_together_is_tried_one_by_one() {
    let (bench, world) = three_wait().await;
    world.behave(Behaviour::Fail);
    world.hold(false);
    bench.within(MINUTE, "tried", |_| world.turns().len() == 3).await;
    world.behave(Behaviour::Answer);
    bench.within(MINUTE, "all over", |_| world.pending() == 0).await;
    let asked = asked(&world);
    assert_eq!(asked[..2], ["1", "2 3 4"]);
    assert!(asked[2..].iter().all(|messages| messages.len() == 1), "{asked:?}");
    assert_eq!(world.sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_next_start_takes_over_a_turn_of_several_and_its_answer_is_for_all() {
    let (mut bench, world) = three_wait().await;
    world.keep_runs();
    world.hold(false);
    while world.sent().is_empty() {
        tokio::task::yield_now().await;
    }
    // The next turn has not begun.
    world.hold(true);
    bench.soon("it runs", |_| world.turns().len() == 2).await;
    bench.gateway.close().await;
    bench.restart().await;
    world.hold(false);
    bench.within(MINUTE, "all over", |_| world.pending() == 0).await;
    assert_eq!(asked(&world), ["1", "2 3 4"]);
    assert_eq!(world.sent().len(), 2);
}
