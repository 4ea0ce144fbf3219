//! Hosts that answer by themselves, without the id of a turn.

use super::bench::{Behaviour, Bench};

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_not_taken_for_one_to_a_message_that_was_left_open_and_is_gone() {
    let mut bench = Bench::start().await;
    bench.world.hold(true);
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.gateway.close().await;
    bench.world.delete("msg_usr_ada_1");
    bench.world.hold(false);

    bench.world.behave(Behaviour::Owe);
    bench.restart().await;
    bench.soon("it is gone", |_| bench.world.pending() == 0).await;
    bench.world.say("usr_ada", "human", 2).await;
    bench.soon("asked", |_| bench.world.turns().len() == 2).await;
    bench.gateway.send_text("cht_usr_ada", "here you are", None, None).await.unwrap();
    bench.soon("acknowledged", |_| bench.world.pending() == 0).await;
    assert_eq!(bench.world.turns().len(), 2);
}
