//! Servers with an inbox and without, and such as seem to change their mind.

use std::time::Duration;

use parall::api::socket::SocketEvent;
use serde_json::json;

use super::bench::Bench;

/// Longer than the list is left alone.
const RELISTED: Duration = Duration::from_secs(130);

/// The dispatch of a message that `announce` brings.
fn dispatch(number: u32) -> serde_json::Value {
    json!({
        "id": format!("dsp_usr_ada_{number}"), "event_type": "message", "source_type": "message",
        "source_id": format!("msg_usr_ada_{number}"),
    })
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_missing_for_a_moment_brings_nothing_a_second_time() {
    let mut bench = Bench::start().await;
    bench.world.fail("list", Some(404));
    bench.world.happen(SocketEvent::Connected).await;
    bench.world.say("usr_ada", "human", 1).await;
    bench.world.announce("usr_ada", 1, "Hello").await;
    let missing = |status: &serde_json::Value| {
        status["lastError"].as_str().is_some_and(|text| text.contains("pending list"))
    };
    bench.within(RELISTED, "told", missing).await;
    assert!(bench.world.turns().is_empty(), "what was missed comes first");

    bench.gateway.close().await;
    bench.restart().await;
    bench.world.announce("usr_ada", 1, "Hello").await;
    bench.within(RELISTED, "told again", missing).await;
    assert!(bench.world.turns().is_empty(), "an inbox is an inbox after a restart, too");

    bench.world.fail("list", None);
    bench.within(RELISTED, "acknowledged", |_| bench.world.pending() == 0).await;
    tokio::time::sleep(RELISTED).await;
    assert_eq!((bench.world.turns().len(), bench.world.sent().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_announced_and_is_dispatched_later_is_one_event() {
    for restarts in [false, true] {
        let mut bench = Bench::launch();
        bench.world.fail("list", Some(404));
        bench.soon("connected", |status| status["connected"] == true).await;
        bench.world.announce("usr_ada", 1, "Hello").await;
        bench.soon("answered", |_| bench.world.sent().len() == 1).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        if restarts {
            bench.gateway.close().await;
            bench.restart().await;
        }
        bench.world.list(dispatch(1));
        bench.world.fail("list", None);
        bench.within(RELISTED, "acknowledged", |_| bench.world.pending() == 0).await;
        assert_eq!(bench.world.turns().len(), 1);
        bench.soon("healthy", |status| status["lastError"].is_null()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_announced_is_a_new_event_when_it_is_assigned_again() {
    for restarts in [false, true] {
        let mut bench = Bench::launch();
        bench.world.fail("list", Some(404));
        bench.soon("connected", |status| status["connected"] == true).await;
        bench.world.announce_task("usr_ada", 1, "tsk_1").await;
        bench.soon("run", |_| bench.world.turns().len() == 1).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        bench.world.fail("list", None);
        bench.world.assign(Some("usr_ada"), 2, "tsk_1").await;
        bench.within(RELISTED, "acknowledged", |_| bench.world.pending() == 0).await;
        assert_eq!(bench.world.turns().len(), 1, "it was announced");
        if restarts {
            bench.gateway.close().await;
            bench.restart().await;
        }
        bench.world.assign(Some("usr_ada"), 3, "tsk_1").await;
        bench.within(RELISTED, "acknowledged again", |_| bench.world.pending() == 0).await;
        assert_eq!(bench.world.turns().len(), 2, "restarts: {restarts}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_dispatch_of_a_message_that_is_being_answered_is_acknowledged_after_the_answer() {
    let bench = Bench::launch();
    bench.world.fail("list", Some(404));
    bench.soon("connected", |status| status["connected"] == true).await;
    bench.world.hold(true);
    bench.world.announce("usr_ada", 1, "Hello").await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.world.fail("list", None);
    bench.world.dispatch(2, dispatch(1)).await;
    tokio::time::sleep(RELISTED).await;
    assert_eq!((bench.world.pending(), bench.world.turns().len()), (1, 1));
    bench.world.hold(false);
    bench.within(RELISTED, "acknowledged", |_| bench.world.pending() == 0).await;
    assert_eq!((bench.world.turns().len(), bench.world.sent().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_is_acknowledged_by_one_task_however_often_it_is_listed() {
    let bench = Bench::start().await;
    bench.world.fail("acknowledge", Some(503));
    for number in 1..=20 {
        bench.world.say("usr_ada", "human", number).await;
    }
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let before = bench.world.calls("acknowledge");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let calls = bench.world.calls("acknowledge") - before;
    assert!(calls <= 20 * 60, "{calls} acknowledgements in ten minutes");
    bench.world.fail("acknowledge", None);
    bench.within(Duration::from_secs(40), "all", |_| bench.world.pending() == 0).await;
    assert_eq!(bench.world.sent().len(), 20);
}
