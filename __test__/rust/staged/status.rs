//! What an operator sees is true within two seconds: each fault by its name and no other, each number as it is.

use std::time::Duration;

use parall::api::socket::SocketEvent;
use serde_json::{Value, json};

use super::bench::Bench;

/// How long what is solved may take to be tried again.
const TRIED_AGAIN: Duration = Duration::from_secs(40);

/// What tells of faults, in a healthy account.
fn healthy() -> Value {
    json!({
        "running": true, "connected": true, "lastError": null, "blocked": null, "deadLetters": 0,
        "lastDeadLetter": null, "reconnectAttempts": 0,
    })
}

/// Whether a status says what is expected of it; of a text only a part is expected.
fn says(status: &Value, expected: &Value) -> bool {
    expected.as_object().unwrap().iter().all(|(name, expected)| {
        match (&status[name], expected.as_str()) {
            (Value::String(text), Some(part)) => text.contains(part),
            (value, _) => value == expected,
        }
    })
}

/// `healthy` but for some values.
fn but(changes: Value) -> Value {
    let mut status = healthy();
    for (name, value) in changes.as_object().unwrap() {
        status[name] = value.clone();
    }
    status
}

fn broken() -> SocketEvent {
    let (error, retry_in) = ("the connection broke".to_owned(), Duration::from_secs(5));
    SocketEvent::Disconnected { error, attempt: 3, retry_in }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_wrong_with_a_healthy_account() {
    let bench = Bench::start().await;
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("healthy", |status| !status["lastOutboundAt"].is_null()).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let status = bench.soon("healthy", |status| says(status, &healthy())).await;
    for absent in ["forksUnavailable", "loopStopped", "journalRebuilt", "lastDisconnect"] {
        assert!(status[absent].is_null(), "{absent}: {}", status[absent]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_told_until_it_is_back() {
    let bench = Bench::start().await;
    bench.world.happen(broken()).await;
    let reported = but(json!({
        "connected": false, "lastError": "the connection broke", "reconnectAttempts": 3,
    }));
    let status = bench.soon("lost", |status| says(status, &reported)).await;
    assert_eq!(status["lastDisconnect"]["error"], "the connection broke");
    bench.world.happen(SocketEvent::Connected).await;
    bench.soon("back", |status| says(status, &healthy())).await;
}

/// Calls that are made again until they work: the call, how it fails, what the status says.
#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_named_until_it_works() {
    for (call, status, text) in [
        ("list", 503, "cannot read the pending list"),
        ("message", 503, "loading a message"),
        ("chat", 500, "loading a chat"),
        ("send", 429, "sending a message"),
        ("acknowledge", 502, "acknowledging"),
    ] {
        let bench = Bench::start().await;
        bench.world.fail(call, Some(status));
        if call == "list" {
            bench.world.happen(SocketEvent::Connected).await;
        }
        bench.world.say("usr_ada", "human", 1).await;
        let reported = but(json!({ "lastError": text }));
        let seen = bench.soon(call, |status| says(status, &reported)).await;
        assert!(seen["lastError"].as_str().unwrap().contains(&status.to_string()), "{seen}");
        bench.world.fail(call, None);
        bench.within(TRIED_AGAIN, call, |status| says(status, &healthy())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_the_server_does_not_know_is_told_until_it_does() {
    let bench = Bench::launch();
    bench.world.fail("agent", Some(404));
    bench.soon("unknown", |status| says(status, &json!({ "lastError": "cannot start" }))).await;
    bench.world.fail("agent", None);
    bench.within(Duration::from_secs(61), "known", |status| says(status, &healthy())).await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_blocks_the_account_until_it_can() {
    let bench = Bench::start().await;
    bench.world.refuse_writes(true);
    bench.world.say("usr_ada", "human", 1).await;
    let reported = but(json!({ "lastError": "admitting events", "blocked": "cannot be written" }));
    let status = bench.soon("refused", |status| says(status, &reported)).await;
    assert_eq!((&status["activeRuns"], &status["lastOutboundAt"]), (&json!(0), &Value::Null));
    // Its success must not hide what still is wrong.
    bench.world.happen(broken()).await;
    bench.world.happen(SocketEvent::Connected).await;
    bench.soon("still refused", |status| says(status, &reported)).await;
    bench.world.refuse_writes(false);
    bench.soon("allowed", |status| says(status, &healthy())).await;
    bench.soon("answered", |status| !status["lastOutboundAt"].is_null()).await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_told_with_its_cause_until_somebody_decides() {
    for (call, cause) in [("message", "403"), ("send", "403")] {
        let bench = Bench::start().await;
        bench.world.fail(call, Some(403));
        bench.world.say("usr_ada", "human", 1).await;
        let text = "dsp_usr_ada_1 could not be answered";
        let reported = but(json!({ "deadLetters": 1, "lastDeadLetter": cause, "lastError": text }));
        bench.soon(call, |status| says(status, &reported)).await;
        bench.world.fail(call, None);
        bench.world.happen(broken()).await;
        bench.soon("a newer problem", |status| status["connected"] == false).await;
        bench.world.happen(SocketEvent::Connected).await;
        bench.soon("still dead", |status| says(status, &reported)).await;
        bench.journal.discard("dsp_usr_ada_1").await.unwrap();
        bench.soon("decided", |status| says(status, &healthy())).await;
    }
}

#[tokio::test(start_paused = true)]
async fn agents_that_answer_each_other_are_told_of() {
    let bench = Bench::start().await;
    for number in 1..=3 {
        bench.world.say("usr_bot", "agent", number).await;
    }
    let reported = but(json!({ "loopStopped": "agents answer each other" }));
    bench.soon("stopped", |status| says(status, &reported)).await;
}

#[tokio::test(start_paused = true)]
async fn what_runs_and_waits_is_told_and_why_nothing_is_forked() {
    let bench = Bench::start().await;
    bench.soon("idle", |status| says(status, &json!({ "busy": false, "queueDepth": 0 }))).await;
    bench.world.hold(true);
    bench.world.say("usr_ada", "human", 1).await;
    let one = json!({
        "busy": true, "activeRuns": 1, "forks": 0, "queueDepth": 0, "admitted": 1, "eventCursor": 1,
    });
    let since =
        |status: &Value| ["lastInboundAt", "oldestPendingAt"].map(|at| status[at].is_number());
    bench.soon("one runs", |status| says(status, &one) && since(status) == [true; 2]).await;
    bench.world.say("usr_ben", "human", 2).await;
    let waits = json!({
        "activeRuns": 1, "queueDepth": 1, "forksUnavailable": "no way to fork", "eventCursor": 2,
    });
    bench.soon("one waits", |status| says(status, &waits)).await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    bench.world.allow_forks();
    bench.world.say("usr_eve", "human", 3).await;
    // What waited gets a fork, too.
    let forked = json!({ "activeRuns": 3, "forks": 2, "queueDepth": 0, "admitted": 3 });
    let status = bench.soon("both fork", |status| says(status, &forked)).await;
    assert!(status["forksUnavailable"].is_null());
    bench.world.hold(false);
    let over = json!({
        "busy": false, "activeRuns": 0, "forks": 0, "queueDepth": 0, "oldestPendingAt": null,
    });
    let status = bench.soon("all over", |status| says(status, &over)).await;
    assert!(status["lastOutboundAt"].is_number());
    assert!(status["nativeMemoryBytes"].as_u64().unwrap() > 0);
    bench.gateway.close().await;
    let closed = json!({ "running": false, "connected": false, "busy": false, "activeRuns": 0 });
    bench.soon("closed", |status| says(status, &closed)).await;
}

#[tokio::test(start_paused = true)]
async fn a_turn_counts_once_whether_it_runs_in_main_or_in_a_fork() {
    let bench = Bench::start().await;
    bench.world.allow_forks();
    bench.world.hold(true);
    bench.world.say("usr_ada", "human", 1).await;
    bench.soon("main works", |status| status["activeRuns"] == 1).await;
    bench.world.say("usr_eve", "human", 2).await;
    bench.soon("a fork works", |status| status["activeRuns"] == 2).await;
    let view: Value = serde_json::from_str(&bench.gateway.view().await.unwrap()).unwrap();
    let activity = &view["live"]["activity"];
    assert_eq!((&activity["turns"], &activity["events"]), (&json!(2), &json!(2)));
}
