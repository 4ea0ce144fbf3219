//! A key that the server refuses, once or for a while.

use std::time::Duration;

use parall::api::socket::SocketEvent;

use super::bench::{Bench, refusal};

/// How soon a key that is good again is noticed.
const NOTICED: Duration = Duration::from_secs(6 * 60);

#[tokio::test(start_paused = true)]
async fn a_call_that_is_refused_although_the_key_is_good_blocks_nothing() {
    for call in ["send", "list", "message", "acknowledge"] {
        let bench = Bench::start().await;
        bench.world.fail(call, Some(401));
        if call == "list" {
            bench.world.happen(SocketEvent::Connected).await;
        }
        bench.world.say("usr_ada", "human", 1).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        bench.soon(call, |status| status["blocked"].is_null()).await;
        bench.world.fail(call, None);
        let limit = Duration::from_secs(90);
        bench.within(limit, call, |_| bench.world.pending() == 0).await;
        bench.soon(call, |status| status["lastError"].is_null()).await;
        assert_eq!(bench.world.sent().len(), 1, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_blocks_the_account_until_it_is_good_again() {
    for call in ["list", "send"] {
        let bench = Bench::start().await;
        bench.world.fail(call, Some(401));
        bench.world.fail("agent", Some(401));
        bench.world.say("usr_ada", "human", 1).await;
        if call == "list" {
            bench.world.happen(SocketEvent::Connected).await;
        }
        let is_blocked = |status: &serde_json::Value| {
            let reason = status["blocked"].as_str().unwrap_or_default();
            reason.contains("401") && reason.contains("renew api_key")
        };
        bench.soon(call, is_blocked).await;
        let asked = bench.world.calls("agent");
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        bench.soon(call, is_blocked).await;
        let asked = bench.world.calls("agent") - asked;
        assert!((11..=13).contains(&asked), "{call}: asked {asked} times in an hour");
        bench.world.fail(call, None);
        bench.world.fail("agent", None);
        bench.within(NOTICED, call, |_| bench.world.pending() == 0).await;
        let is_healthy = |status: &serde_json::Value| {
            status["blocked"].is_null() && status["lastError"].is_null()
        };
        bench.within(NOTICED, call, is_healthy).await;
        assert_eq!(bench.world.sent().len(), 1, "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_is_refused_is_looked_into_and_the_next_connection_ends_the_matter() {
    let bench = Bench::start().await;
    let refused = || {
        let retry_in = Duration::from_secs(1);
        SocketEvent::Refused { error: refusal(401), attempt: 1, retry_in }
    };
    bench.world.happen(refused()).await;
    bench.soon("told", |status| status["connected"] == false && status["blocked"].is_null()).await;
    bench.world.happen(SocketEvent::Connected).await;
    bench.soon("back", |status| status["lastError"].is_null()).await;

    bench.world.fail("agent", Some(401));
    for _ in 0..100 {
        bench.world.happen(refused()).await;
    }
    bench.soon("blocked", |status| status["blocked"].is_string()).await;
    assert!(bench.world.calls("agent") < 5, "many refusals are one question");
    bench.world.fail("agent", None);
    bench.world.happen(SocketEvent::Connected).await;
    bench.within(NOTICED, "back", |status| status["blocked"].is_null()).await;
}
