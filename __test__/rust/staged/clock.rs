//! A clock that is set by a day while the account runs.

use std::time::Duration;

use serde_json::json;

use super::bench::{Behaviour, Bench};

const DAY: i64 = 86_400_000;

#[tokio::test(start_paused = true)]
async fn a_turn_that_failed_is_tried_again_within_seconds() {
    for jump in [-DAY, DAY] {
        let bench = Bench::start().await;
        bench.world.behave(Behaviour::Fail);
        bench.world.say("usr_ada", "human", 1).await;
        bench.soon("it failed", |_| !bench.world.turns().is_empty()).await;
        bench.world.set_clock(jump);
        bench.world.behave(Behaviour::Answer);
        bench.within(Duration::from_secs(5), "answered", |_| bench.world.sent().len() == 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_open_goes_on_after_a_restart() {
    for jump in [-DAY, DAY] {
        let mut bench = Bench::start().await;
        bench.world.behave(Behaviour::Fail);
        bench.world.say("usr_ada", "human", 1).await;
        bench.soon("it failed", |_| !bench.world.turns().is_empty()).await;
        bench.gateway.close().await;
        bench.world.set_clock(jump);
        bench.world.behave(Behaviour::Answer);
        bench.restart().await;
        bench.soon("answered", |_| bench.world.sent().len() == 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn agents_that_answer_each_other_get_at_most_one_more_budget_and_it_comes_back_within_the_hour()
 {
    for jump in [-DAY, DAY] {
        let bench = Bench::start().await;
        for number in 1..=3 {
            bench.world.say("usr_bot", "agent", number).await;
        }
        let stopped = json!("agents answer each other");
        bench
            .soon("stopped", |status| {
                status["loopStopped"].to_string().contains(stopped.as_str().unwrap())
            })
            .await;
        assert_eq!(bench.world.sent().len(), 2);
        bench.world.set_clock(jump);
        for number in 4..=9 {
            bench.world.say("usr_bot", "agent", number).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let most = if jump > 0 { 4 } else { 2 };
        assert_eq!(bench.world.sent().len(), most, "{jump}");
        // An hour by any clock.
        bench.world.set_clock(jump + DAY / 24 + 1);
        bench.world.say("usr_bot", "agent", 10).await;
        bench.soon("answered again", |_| bench.world.sent().len() == most + 1).await;
    }
}
