//! Events that cannot be loaded, that nobody knows, and that may end the process.

use std::time::Duration;

use serde_json::json;

use super::bench::Bench;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn one_message_that_can_never_be_shown_holds_up_nobody_and_becomes_a_dead_letter() {
    let bench = Bench::start().await;
    bench.world.break_message("msg_usr_eve_1", true);
    bench.world.say("usr_eve", "human", 1).await;
    for number in 1..=10 {
        bench.world.say("usr_ada", "human", number + 1).await;
    }
    bench.within(2 * MINUTE, "the others", |_| bench.world.sent().len() == 10).await;
    let is_dead = |status: &serde_json::Value| {
        let cause = status["lastDeadLetter"].as_str().unwrap_or_default();
        status["deadLetters"] == 1 && cause.contains("dsp_usr_eve_1") && cause.contains("500")
    };
    bench.within(15 * MINUTE, "given up", is_dead).await;
    assert_eq!(bench.world.pending(), 1, "the server keeps it");

    bench.world.break_message("msg_usr_eve_1", false);
    bench.journal.retry("dsp_usr_eve_1").await.unwrap();
    bench.within(MINUTE, "tried again", |_| bench.world.pending() == 0).await;
    assert_eq!(bench.world.sent().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn what_a_fork_has_answered_is_over_although_its_message_cannot_be_shown_any_more() {
    let mut bench = Bench::start().await;
    bench.world.allow_forks();
    bench.world.hold(true);
    bench.world.fail("acknowledge", Some(503));
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.world.say("usr_eve", "human", 2).await;
    bench.soon("a fork works", |status| status["activeRuns"] == 2).await;
    bench.world.hold(false);
    bench.soon("answered", |_| bench.world.sent().len() == 2).await;
    bench.gateway.close().await;

    bench.world.fail("acknowledge", None);
    bench.world.break_message("msg_usr_eve_2", true);
    bench.restart().await;
    bench.within(2 * MINUTE, "acknowledged", |_| bench.world.pending() == 0).await;
    bench.world.say("usr_ada", "human", 3).await;
    bench.soon("answered", |_| bench.world.sent().len() == 3).await;
    let turns = bench.world.turns();
    assert!(turns[2].text.starts_with("[Answered meanwhile: 1 in other chats"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shows_no_message_for_a_while_makes_no_dead_letters() {
    let bench = Bench::start().await;
    bench.world.fail("message", Some(503));
    for number in 1..=10 {
        bench.world.say("usr_ada", "human", number).await;
    }
    tokio::time::sleep(25 * MINUTE).await;
    bench.world.fail("message", None);
    bench.within(MINUTE, "answered", |_| bench.world.pending() == 0).await;
    assert_eq!(bench.world.sent().len(), 10);
    bench.soon("healthy", |status| status["deadLetters"] == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_can_never_be_shown_costs_its_name_and_no_message() {
    let bench = Bench::start().await;
    bench.world.fail("chat", Some(500));
    for number in 1..=3 {
        bench.world.say("usr_ada", "human", number).await;
    }
    bench.within(3 * MINUTE, "answered", |_| bench.world.pending() == 0).await;
    assert_eq!(bench.world.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_happened_to_a_message_is_shown_and_not_taken_for_a_new_message() {
    let bench = Bench::start().await;
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("answered", |_| bench.world.pending() == 0).await;
    let dispatch = json!({
        "id": "dsp_reaction", "event_type": "reaction.added", "source_type": "message",
        "source_id": "msg_usr_ada_1",
    });
    bench.world.dispatch(2, dispatch).await;
    bench.soon("shown", |_| bench.world.pending() == 0).await;
    let turns = bench.world.turns();
    assert_eq!(turns.len(), 2);
    assert!(turns[0].text.contains("[Event: message.new]"), "{}", turns[0].text);
    assert!(turns[1].text.contains("[Event: reaction.added]"), "{}", turns[1].text);
    assert!(turns[1].text.contains("not a new message"), "{}", turns[1].text);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_stays_at_the_server_and_is_named_until_it_is_gone() {
    let mut bench = Bench::start().await;
    let dispatch = json!({
        "id": "dsp_wiki", "event_type": "wiki.changed", "source_type": "wiki", "source_id": "wik_1",
    });
    bench.world.dispatch(1, dispatch).await;
    let is_named = |status: &serde_json::Value| {
        let text = status["unhandled"].as_str().unwrap_or_default();
        text.contains("wiki.changed") && text.contains("dsp_wiki")
    };
    let status = bench.soon("named", is_named).await;
    assert_eq!((&status["deadLetters"], &status["lastError"]), (&json!(0), &json!(null)));
    bench.world.say("usr_ada", "human", 2).await;
    bench.soon("others are answered", |_| bench.world.sent().len() == 1).await;
    bench.gateway.close().await;
    bench.restart().await;
    bench.soon("still named", is_named).await;
    assert_eq!((bench.world.pending(), bench.world.turns().len()), (1, 1));
    bench.world.forget("dsp_wiki");
    bench.within(2 * MINUTE, "gone", |status| status["unhandled"].is_null()).await;
}

#[tokio::test(start_paused = true)]
async fn loading_goes_on_while_an_event_that_may_end_the_process_runs_alone() {
    let mut bench = Bench::start().await;
    bench.world.hold(true);
    bench.world.say("usr_eve", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    // Two turns that ended with the process.
    bench.journal.adopt(["dsp_usr_eve_1"], "turn-1", "main").await.unwrap();
    bench.journal.adopt(["dsp_usr_eve_1"], "turn-2", "main").await.unwrap();
    bench.gateway.close().await;
    bench.restart().await;
    bench.soon("alone", |status| status["activeRuns"] == 1).await;
    let loaded = bench.world.calls("message");
    bench.world.say("usr_ada", "human", 2).await;
    bench.soon("loaded", |_| bench.world.calls("message") > loaded).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    bench.soon("it waits", |status| status["queueDepth"] == 0).await;
    bench.within(MINUTE, "but a minute at most", |status| status["queueDepth"] == 1).await;
    bench.world.hold(false);
    bench.soon("answered", |_| bench.world.pending() == 0).await;
}
