//! An account that starts again in the same process while turns run, and turns that do not end.

use std::time::Duration;

use super::bench::{Behaviour, Bench};

#[tokio::test(start_paused = true)]
async fn the_next_start_takes_a_running_turn_over_and_its_event_does_not_run_again() {
    let mut bench = Bench::start().await;
    let world = std::sync::Arc::clone(&bench.world);
    world.keep_runs();
    world.hold(true);
    world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |_| world.turns().len() == 1).await;
    for _ in 0..20 {
        bench.gateway.close().await;
        bench.restart().await;
        bench.soon("it goes on", |status| status["activeRuns"] == 1).await;
    }
    world.say("usr_ada", "human", 2).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.turns().len(), 1, "its session has no other turn");
    world.hold(false);
    bench.within(Duration::from_secs(20), "both answered", |_| world.pending() == 0).await;
    assert_eq!((world.turns().len(), world.sent().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_a_fork_goes_on_in_its_fork() {
    let mut bench = Bench::start().await;
    let world = std::sync::Arc::clone(&bench.world);
    world.keep_runs();
    world.allow_forks();
    world.hold(true);
    world.say("usr_eve", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    world.say("usr_ada", "human", 2).await;
    bench.soon("a fork works", |_| world.turns().len() == 2).await;
    bench.gateway.close().await;
    bench.restart().await;
    bench.soon("both go on", |status| status["activeRuns"] == 2 && status["forks"] == 1).await;
    world.hold(false);
    bench.within(Duration::from_secs(20), "both answered", |_| world.pending() == 0).await;
    bench.within(Duration::from_secs(20), "the fork is gone", |status| status["forks"] == 0).await;
    assert_eq!((world.turns().len(), world.sent().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_sent_does_not_hold_up_the_start_and_only_its_own_chat() {
    let mut bench = Bench::start().await;
    let world = std::sync::Arc::clone(&bench.world);
    world.send_within(Duration::from_secs(1));
    world.say("usr_ada", "human", 1).await;
    bench.soon("the answer is on its way", |_| world.turns().len() == 1).await;
    bench.gateway.close().await;
    world.send_within(Duration::ZERO);
    world.fail("send", Some(503));
    bench.restart().await;
    world.say("usr_ben", "human", 2).await;
    bench.soon("others are asked", |_| world.turns().len() == 2).await;
    world.fail("send", None);
    bench.within(Duration::from_secs(60), "both answered", |_| world.pending() == 0).await;
    assert_eq!((world.turns().len(), world.sent().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_runs_too_long_is_called_off_and_the_status_names_it_until_it_ends() {
    let bench = Bench::start().await;
    let world = &bench.world;
    world.behave(Behaviour::Hang);
    world.say("usr_ada", "human", 1).await;
    bench.soon("asked", |_| world.turns().len() == 1).await;
    let id = world.turns()[0].id.clone();
    tokio::time::sleep(Duration::from_secs(59 * 60)).await;
    assert!(world.called_off().is_empty());
    let named = |status: &serde_json::Value| {
        status["lastError"]
            .as_str()
            .is_some_and(|text| text.contains(&id) && text.contains("60 minutes"))
    };
    bench.within(Duration::from_secs(120), "it is named", named).await;
    assert_eq!(world.called_off(), std::slice::from_ref(&id));
    world.say("usr_ada", "human", 2).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(world.turns().len(), 1, "nothing runs beside it");
}
