//! The order within a chat.

use std::time::Duration;

use super::bench::Bench;

/// Longer than the pause after a fork that could not be made.
const PAUSE: Duration = Duration::from_secs(31);

#[tokio::test(start_paused = true)]
async fn a_chat_that_waited_gets_one_fork_once_there_can_be_some_and_keeps_its_order() {
    let bench = Bench::start().await;
    bench.world.hold(true);
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.world.say("usr_ben", "human", 2).await;
    bench.soon("no fork", |status| status["queueDepth"] == 1 && status["forks"] == 0).await;
    // Another fork is tried after half a minute.
    tokio::time::sleep(PAUSE).await;
    bench.world.allow_forks();
    bench.world.say("usr_ben", "human", 3).await;
    bench.soon("one forks", |status| status["queueDepth"] == 1 && status["forks"] == 1).await;
    // The younger message gets no fork of its own, however long the older one takes.
    tokio::time::sleep(PAUSE).await;
    bench.world.say("usr_ben", "human", 4).await;
    bench.soon("two wait", |status| status["queueDepth"] == 2 && status["forks"] == 1).await;
    let begun = |number: usize| bench.world.turns()[number].clone();
    assert_eq!(bench.world.turns().len(), 2);
    assert_eq!([begun(0).message_id, begun(1).message_id], ["msg_usr_ada_1", "msg_usr_ben_2"]);
    assert!(begun(1).session_key.starts_with(&format!("{}:fork:", begun(0).session_key)));
    bench.world.hold(false);
    bench.soon("all are answered", |_| bench.world.sent().len() == 4).await;
    let messages: Vec<String> =
        bench.world.turns().into_iter().map(|turn| turn.message_id).collect();
    assert_eq!(messages, ["msg_usr_ada_1", "msg_usr_ben_2", "msg_usr_ben_3", "msg_usr_ben_4"]);
}
