//! Senders who may not cause turns: they cause none, by whatever way they try, and cost nobody else anything.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::Bench;

/// How long all that was dispatched may take.
const ENOUGH: Duration = Duration::from_secs(60);
const REFUSED: &str = "I do not take messages from you here.";

/// An account with these settings of access.
async fn limited(settings: &Value) -> Bench {
    let mut bench = Bench::start().await;
    bench.gateway.close().await;
    bench.world.allow(settings);
    bench.restart().await;
    bench
}

/// The status once everything is acknowledged, answered or not, and so much was refused.
async fn refused(bench: &Bench, count: u64) -> Value {
    done(bench).await;
    bench.soon("counted", |status| status["refused"] == count).await
}

async fn done(bench: &Bench) {
    bench.within(ENOUGH, "acknowledged", |_| bench.world.pending() == 0).await;
    bench.soon("idle", |status| status["activeRuns"] == 0).await;
}

fn senders(bench: &Bench) -> Vec<String> {
    bench.world.turns().into_iter().map(|turn| turn.sender_id).collect()
}

#[tokio::test(start_paused = true)]
async fn who_is_not_listed_gets_no_turn_one_line_a_day_and_one_line_in_the_log_an_hour() {
    let mut bench = limited(&json!({ "allowFrom": ["usr_ada"] })).await;
    for number in 1..=50 {
        bench.world.say("usr_eve", "human", number).await;
    }
    bench.world.say("usr_ada", "human", 51).await;
    let status = refused(&bench, 50).await;
    assert_eq!((senders(&bench), &status["deadLetters"]), (vec!["usr_ada".to_owned()], &json!(0)));
    assert_eq!(status["lastRefused"], "usr_eve may not cause turns in direct chats");
    let told = |bench: &Bench| {
        bench.world.sent().iter().filter(|(_, text)| text.starts_with(REFUSED)).count()
    };
    assert_eq!(told(&bench), 1);
    assert!(
        bench
            .world
            .sent()
            .iter()
            .any(|(chat, text)| chat == "cht_usr_eve" && text.starts_with(REFUSED))
    );
    let logged = |bench: &Bench| bench.world.logged("usr_eve may not cause turns");
    assert_eq!(logged(&bench), 1);

    bench.gateway.close().await;
    bench.restart().await;
    bench.world.say("usr_eve", "human", 60).await;
    done(&bench).await;
    assert_eq!((told(&bench), senders(&bench).len()), (1, 1), "a restart tells nobody twice");
    tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
    let before = logged(&bench);
    bench.world.set_clock(25 * 60 * 60 * 1_000);
    for number in 70..75 {
        bench.world.say("usr_eve", "human", number).await;
    }
    done(&bench).await;
    bench.soon("told", |_| told(&bench) == 2).await;
    assert_eq!(logged(&bench), before + 1);
}

#[tokio::test(start_paused = true)]
async fn no_agent_is_told_and_nobody_who_wants_no_answer() {
    let bench = limited(&json!({ "dmPolicy": "disabled" })).await;
    for number in 1..=3 {
        bench.world.say("usr_bot", "agent", number).await;
    }
    done(&bench).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((bench.world.sent().len(), bench.world.turns().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_uses_up_no_budget() {
    let mut bench = limited(&json!({ "access": { "agents": "none" } })).await;
    for number in 1..=20 {
        bench.world.say("usr_bot", "agent", number).await;
    }
    let status = refused(&bench, 20).await;
    assert!(bench.world.turns().is_empty());
    assert!(status["loopStopped"].is_null(), "{status}");
    bench.gateway.close().await;
    bench.world.allow(&json!({}));
    bench.restart().await;
    for number in 21..=23 {
        bench.world.say("usr_bot", "agent", number).await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 2, "the whole budget was left");
}

#[tokio::test(start_paused = true)]
async fn a_refused_writer_does_not_reset_the_budget_of_agents() {
    let bench =
        limited(&json!({ "access": { "chats": { "cht_usr_bot": { "deny": ["usr_eve"] } } } }))
            .await;
    let mut number = 0;
    for (sender, kind) in
        [("usr_bot", "agent"), ("usr_bot", "agent"), ("usr_eve", "human"), ("usr_bot", "agent")]
    {
        number += 1;
        bench.world.say_in("cht_usr_bot", sender, kind, number).await;
        done(&bench).await;
    }
    assert_eq!(senders(&bench), ["usr_bot", "usr_bot"]);
}

#[tokio::test(start_paused = true)]
async fn tasks_follow_who_made_them_and_one_of_nobody_is_refused() {
    let bench = limited(&json!({ "allowFrom": ["usr_ada"] })).await;
    bench.world.assign(Some("usr_eve"), 1, "tsk_1").await;
    bench.world.assign(Some("usr_ada"), 2, "tsk_2").await;
    bench.world.assign(None, 3, "tsk_3").await;
    refused(&bench, 2).await;
    assert_eq!(senders(&bench), ["usr_ada"]);
    assert!(bench.world.sent().iter().all(|(to, _)| to == "tsk_2"), "nobody comments on a refusal");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_named_is_let_in_only_with_everybody() {
    for (settings, turns) in [(json!({}), 0), (json!({ "access": { "tasks": "open" } }), 1)] {
        let bench = limited(&settings).await;
        bench.world.assign(None, 1, "tsk_1").await;
        done(&bench).await;
        assert_eq!(bench.world.turns().len(), turns, "{settings}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_does_to_a_listed_members_message_is_not_that_member() {
    for (settings, turns) in [(json!({}), 2), (json!({ "allowFrom": ["usr_ada"] }), 1)] {
        let bench = limited(&settings).await;
        bench.world.say("usr_ada", "human", 1).await;
        done(&bench).await;
        let reaction = json!({
            "id": "dsp_reaction", "source_type": "message", "source_id": "msg_usr_ada_1", "event_type": "reaction.added",
        });
        bench.world.dispatch(2, reaction).await;
        done(&bench).await;
        assert_eq!(bench.world.turns().len(), turns, "{settings}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_announces_changes_nothing() {
    let mut bench = Bench::launch();
    bench.world.fail("list", Some(404));
    bench.soon("connected", |status| status["connected"] == true).await;
    bench.gateway.close().await;
    bench.world.allow(&json!({ "allowFrom": ["usr_ada"] }));
    bench.restart().await;
    bench.world.announce("usr_eve", 1, "/status").await;
    bench.world.announce("usr_ada", 2, "Hello").await;
    bench
        .within(ENOUGH, "answered", |status| {
            status["refused"] == 1 && bench.world.turns().len() == 1
        })
        .await;
    assert_eq!(senders(&bench), ["usr_ada"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_refused_by_the_next_start_and_what_runs_is_brought_to_its_end() {
    for keeps_runs in [false, true] {
        let mut bench = Bench::start().await;
        if keeps_runs {
            bench.world.keep_runs();
        }
        bench.world.hold(true);
        bench.world.say("usr_eve", "human", 1).await;
        bench.soon("running", |status| status["activeRuns"] == 1).await;
        bench.world.say("usr_eve", "human", 2).await;
        bench.soon("waiting", |status| status["queueDepth"] == 1).await;
        bench.gateway.close().await;
        bench.world.allow(&json!({ "allowFrom": ["usr_ada"] }));
        bench.restart().await;
        bench.world.hold(false);
        refused(&bench, if keeps_runs { 1 } else { 2 }).await;
        assert_eq!(bench.world.turns().len(), 1, "runs are kept: {keeps_runs}");
        let answers =
            bench.world.sent().iter().filter(|(_, text)| text.starts_with("echo")).count();
        assert_eq!(answers, usize::from(keeps_runs));
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_may_limit_the_turns_of_each_sender() {
    let settings = json!({ "access": { "chats": { "cht_usr_ada": { "turns": 2 } } } });
    let bench = limited(&settings).await;
    for number in 1..=4 {
        bench.world.say("usr_ada", "human", number).await;
        bench.world.say("usr_ben", "human", 10 + number).await;
        done(&bench).await;
    }
    let of = |sender: &str| senders(&bench).iter().filter(|other| *other == sender).count();
    assert_eq!((of("usr_ada"), of("usr_ben")), (2, 4));
    let told = bench
        .world
        .sent()
        .iter()
        .filter(|(_, text)| text.starts_with("You have asked me as often"))
        .count();
    assert_eq!(told, 1);
    tokio::time::sleep(Duration::from_secs(3_601)).await;
    bench.world.say("usr_ada", "human", 5).await;
    done(&bench).await;
    assert_eq!(of("usr_ada"), 3);
}
