//! Which turn a text belongs to.

use std::time::Duration;

use super::bench::{Behaviour, Bench};

/// An account on which main works for Eve and a fork for Ada; both turns are held.
async fn with_two_turns() -> Bench {
    let bench = Bench::start().await;
    let world = &bench.world;
    world.allow_forks();
    world.say("usr_eve", "human", 1).await;
    bench.soon("main has a history", |_| world.pending() == 0).await;
    world.hold(true);
    world.say("usr_eve", "human", 2).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    world.say("usr_ada", "human", 3).await;
    bench.soon("a fork works", |_| world.turns().len() == 3).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_note_into_another_chat_is_not_the_answer_of_whoever_waits_there() {
    let bench = with_two_turns().await;
    let world = &bench.world;
    let turns = world.turns();
    for run in [Some(turns[1].id.as_str()), None] {
        bench.gateway.send_text("cht_usr_ada", "by the way", None, run).await.unwrap();
    }
    world.behave(Behaviour::Answer);
    world.hold(false);
    bench.within(Duration::from_secs(20), "all is over", |_| world.pending() == 0).await;
    let to_ada: Vec<String> = world
        .sent()
        .into_iter()
        .filter(|(chat, _)| chat == "cht_usr_ada")
        .map(|(_, text)| text)
        .collect();
    assert_eq!(to_ada, ["by the way", "by the way", "echo: Hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_part_before_an_error_of_the_model_is_no_answer() {
    let bench = Bench::start().await;
    let world = &bench.world;
    world.behave(Behaviour::Break);
    world.say("usr_ada", "human", 1).await;
    bench.soon("it failed", |_| world.sent().len() == 1).await;
    assert_eq!(world.pending(), 1, "nothing is acknowledged");
    world.behave(Behaviour::Answer);
    bench.within(Duration::from_secs(20), "answered", |_| world.pending() == 0).await;
    assert_eq!((world.turns().len(), world.sent().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_text_of_the_message_tool_does_not_end_a_turn_that_runs() {
    let bench = Bench::start().await;
    let world = &bench.world;
    world.behave(Behaviour::Hang);
    world.say("usr_ada", "human", 1).await;
    bench.soon("asked", |_| world.turns().len() == 1).await;
    let id = world.turns()[0].id.clone();
    bench.gateway.send_text("cht_usr_ada", "one moment", None, Some(&id)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.pending(), 1, "the turn still runs");
}
