//! A fault of our own in the middle of the work.

use std::time::Duration;

use super::bench::{Behaviour, Bench};

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_ends_the_account_with_a_reason_and_the_next_start_goes_on() {
    let mut bench = Bench::start().await;
    let ended = tokio::spawn(bench.gateway.ended());
    bench.world.behave(Behaviour::Panic);
    bench.world.say("usr_ada", "human", 1).await;
    let reason = tokio::time::timeout(Duration::from_secs(2), ended).await.unwrap().unwrap();
    assert!(
        reason.as_ref().is_some_and(|reason| reason.contains("fault of the plugin")),
        "{reason:?}"
    );
    let is_told = |status: &serde_json::Value| {
        status["connected"] == false && status["lastError"].as_str() == reason.as_deref()
    };
    bench.soon("it is told", is_told).await;
    bench.gateway.close().await;
    assert_eq!(bench.gateway.ended().await, None, "it is closed by now");

    bench.world.behave(Behaviour::Answer);
    bench.restart().await;
    bench.soon("answered", |_| bench.world.sent().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_closed_ends_without_a_reason() {
    let bench = Bench::start().await;
    let ended = tokio::spawn(bench.gateway.ended());
    bench.gateway.close().await;
    assert_eq!(ended.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_the_journal_refuses_ends_the_account_with_a_reason() {
    let bench = Bench::start().await;
    let world = &bench.world;
    world.hold(true);
    world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.journal.dead_letter("dsp_usr_ada_1", "somebody else gave it up").await.unwrap();
    world.hold(false);
    let reason = bench.gateway.ended().await;
    assert!(reason.is_some_and(|reason| reason.contains("dsp_usr_ada_1")));
}
