//! The order within a chat.

use std::time::Duration;

use super::bench::Bench;

#[tokio::test(start_paused = true)]
async fn a_chat_that_waits_for_main_gets_no_fork() {
    let bench = Bench::start().await;
    bench.world.hold(true);
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.world.say("usr_ben", "human", 2).await;
    bench.soon("no fork", |status| status["queueDepth"] == 1).await;
    // Another fork is tried after half a minute.
    tokio::time::sleep(Duration::from_secs(31)).await;
    bench.world.allow_forks();
    bench.world.say("usr_ben", "human", 3).await;
    bench.soon("both wait", |status| status["queueDepth"] == 2 && status["forks"] == 0).await;
    bench.world.hold(false);
    bench.soon("all are answered", |_| bench.world.sent().len() == 3).await;
    let messages: Vec<String> =
        bench.world.turns().into_iter().map(|turn| turn.message_id).collect();
    assert_eq!(messages, ["msg_usr_ada_1", "msg_usr_ben_2", "msg_usr_ben_3"]);
}
