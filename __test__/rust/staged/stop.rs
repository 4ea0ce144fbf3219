//! An account that stops while parts of an answer are on their way.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Behaviour, Bench};

/// Whether a turn was told what the fork had answered.
fn is_told(text: &str) -> bool {
    text.contains("[Answered meanwhile")
}

/// An account in which a fork has answered Ben, and main does not know it yet.
async fn with_news() -> Bench {
    let bench = Bench::start().await;
    let world = &bench.world;
    world.allow_forks();
    world.hold(true);
    world.say("usr_eve", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    world.say("usr_ben", "human", 2).await;
    bench.soon("a fork works", |status| status["activeRuns"] == 2).await;
    world.hold(false);
    bench.soon("both are done", |status| status["activeRuns"] == 0).await;
    assert_eq!(world.sent().len(), 2);
    bench
}

#[tokio::test(start_paused = true)]
async fn main_is_not_told_again_by_a_host_that_denies_a_turn_of_which_a_part_stands() {
    let bench = with_news().await;
    let world = &bench.world;
    world.behave(Behaviour::Deny);
    world.answer_with(&"word ".repeat(10_000));
    world.send_within(Duration::from_secs(1));
    world.say("usr_ada", "human", 3).await;
    bench.soon("a part stands", |_| world.sent().len() == 3).await;
    world.fail("send", Some(403));
    bench.within(Duration::from_secs(10), "it is over", |status| status["activeRuns"] == 0).await;
    world.fail("send", None);
    world.say("usr_ada", "human", 4).await;
    bench.soon("asked", |_| world.turns().len() == 4).await;
    let told: Vec<bool> = world.turns().iter().map(|turn| is_told(&turn.text)).collect();
    assert_eq!(told, [false, false, true, false], "eve, ben, ada, ada again");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_still_waits_for_another_one_is_not_sent_and_main_is_told_with_the_answer_only()
{
    let mut bench = with_news().await;
    let world = Arc::clone(&bench.world);
    // Something else is being sent to the chat, for longer than a stop waits, when the answer comes.
    world.send_within(Duration::from_secs(2));
    let gateway = Arc::clone(&bench.gateway);
    let other =
        tokio::spawn(
            async move { gateway.send_text("cht_usr_ada", "a reminder", None, None).await },
        );
    tokio::task::yield_now().await;
    world.say("usr_ada", "human", 3).await;
    bench.soon("the answer waits", |_| world.turns().len() == 3).await;
    bench.gateway.close().await;
    other.await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.sent().last().unwrap().1, "a reminder");

    world.send_within(Duration::ZERO);
    bench.restart().await;
    bench.soon("answered", |_| world.sent().len() == 4).await;
    world.say("usr_ada", "human", 4).await;
    bench.soon("answered", |_| world.sent().len() == 5).await;
    let told: Vec<bool> = world.turns().iter().map(|turn| is_told(&turn.text)).collect();
    assert_eq!(told, [false, false, true, true, false], "eve, ben, ada unanswered, ada, ada again");
}

#[tokio::test(start_paused = true)]
async fn no_part_is_begun_after_a_stop_and_the_rest_comes_at_the_next_start_without_a_turn() {
    let mut bench = Bench::start().await;
    let world = Arc::clone(&bench.world);
    world.answer_with(&"word ".repeat(10_000));
    world.send_within(Duration::from_secs(1));
    world.say("usr_ada", "human", 1).await;
    bench.soon("the answer is on its way", |status| status["activeRuns"] == 1).await;
    bench.gateway.close().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.sent().len(), 1);

    world.send_within(Duration::ZERO);
    bench.restart().await;
    bench.soon("all of it", |_| world.sent().len() > 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let words: usize = world.sent().iter().map(|(_, text)| text.split_whitespace().count()).sum();
    assert_eq!((words, world.turns().len()), (10_000, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_in_the_moment_of_the_stop_is_not_taken_for_silence() {
    let mut bench = Bench::start().await;
    let world = Arc::clone(&bench.world);
    world.hold(true);
    world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    // The host finds its answer refused and ends the turn before the account gets to see the stop.
    world.hold(false);
    bench.gateway.close().await;
    assert!(world.sent().is_empty());

    bench.restart().await;
    bench.soon("answered", |_| world.sent().len() == 1).await;
}
