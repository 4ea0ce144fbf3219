//! Agents that keep each other busy: every way stops after `agent_turns`, which is two here, and no person is stopped.

use std::time::Duration;

use serde_json::{Value, json};

use super::bench::Bench;

/// How long all that was dispatched may take.
const ENOUGH: Duration = Duration::from_secs(60);

/// The status once everything is acknowledged, answered or not.
async fn done(bench: &Bench) -> Value {
    bench.within(ENOUGH, "acknowledged", |_| bench.world.pending() == 0).await;
    bench.soon("idle", |status| status["activeRuns"] == 0).await
}

/// Who a stopped loop names.
async fn stopped(bench: &Bench) -> String {
    let status = bench.soon("stopped", |status| !status["loopStopped"].is_null()).await;
    status["loopStopped"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_assigns_ever_new_tasks_is_stopped_and_named() {
    let bench = Bench::start().await;
    for number in 1..=25 {
        bench.world.assign(Some("usr_bot"), number, &format!("tsk_{number}")).await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 2);
    let text = stopped(&bench).await;
    assert!(text.contains("agent usr_bot") && text.contains("tsk_"), "{text}");
}

/// Each message comes from another agent in another chat, and each turn writes into the next chat.
#[tokio::test(start_paused = true)]
async fn a_chain_through_ever_new_chats_and_agents_is_stopped_and_named() {
    let bench = Bench::start().await;
    for number in 1..=6 {
        bench.world.forward_to(&format!("cht_usr_bot{}", number + 1));
        bench.world.say(&format!("usr_bot{number}"), "agent", number).await;
        done(&bench).await;
        if bench.world.turns().len() < number as usize {
            break;
        }
    }
    assert_eq!(bench.world.turns().len(), 2);
    let text = stopped(&bench).await;
    assert!(text.contains("a chain of chats and tasks that reached cht_usr_bot3"), "{text}");
    for agent in ["usr_bot1", "usr_bot2", "usr_bot3"] {
        assert!(text.contains(agent), "{text}");
    }
}

/// What a turn for a person says elsewhere begins a new matter, in every chat.
#[tokio::test(start_paused = true)]
async fn what_a_person_has_the_agent_ask_elsewhere_is_answered() {
    let bench = Bench::start().await;
    for number in 1..=6 {
        let agent = format!("usr_bot{number}");
        bench.world.forward_to(&format!("cht_{agent}"));
        bench.world.say("usr_ada", "human", number).await;
        done(&bench).await;
        bench.world.forward_to("cht_usr_ada");
        bench.world.say(&agent, "agent", 100 + number).await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_person_may_assign_nine_tasks_in_an_hour() {
    let bench = Bench::start().await;
    for number in 1..=9 {
        bench.world.assign(Some("usr_ada"), number, &format!("tsk_{number}")).await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 9);
    assert_eq!(bench.world.calls("member"), 1, "who she is, is asked once");
    let status = done(&bench).await;
    assert!(status["loopStopped"].is_null(), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_persons_task_that_agents_pass_to_and_fro_is_stopped() {
    let bench = Bench::start().await;
    for number in 1..=9 {
        bench.world.assign(Some("usr_ada"), number, "tsk_1").await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 2);
    assert!(stopped(&bench).await.contains("2 turns in tsk_1"));
}

#[tokio::test(start_paused = true)]
async fn tasks_of_nobody_count_as_those_of_one_agent() {
    let mut bench = Bench::start().await;
    bench.gateway.close().await;
    bench.world.allow(&json!({ "access": { "tasks": "open" } }));
    bench.restart().await;
    for number in 1..=9 {
        bench.world.assign(None, number, &format!("tsk_{number}")).await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_sender_of_whom_a_message_says_nothing_is_looked_up() {
    let bench = Bench::start().await;
    for number in 1..=5 {
        bench.world.say_unnamed("usr_ada", number).await;
        bench.world.say_unnamed("usr_bot", 100 + number).await;
        done(&bench).await;
    }
    let turns = bench.world.turns();
    let of = |sender: &str| turns.iter().filter(|turn| turn.sender_id == sender).count();
    assert_eq!((of("usr_ada"), of("usr_bot")), (5, 2));
}

#[tokio::test(start_paused = true)]
async fn a_sender_whom_the_server_does_not_know_counts_as_an_agent() {
    let bench = Bench::start().await;
    bench.world.fail("member", Some(404));
    for number in 1..=5 {
        bench.world.say_unnamed("usr_ada", number).await;
        done(&bench).await;
    }
    assert_eq!(bench.world.turns().len(), 2);
    assert_eq!(bench.world.calls("member"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_never_works_holds_up_nobody_for_long() {
    let bench = Bench::start().await;
    bench.world.fail("member", Some(503));
    bench.world.say_unnamed("usr_ada", 1).await;
    done(&bench).await;
    assert_eq!(bench.world.turns().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_give_a_loop_a_new_budget() {
    let mut bench = Bench::start().await;
    for number in 1..=2 {
        bench.world.say("usr_bot", "agent", number).await;
        done(&bench).await;
    }
    bench.gateway.close().await;
    bench.restart().await;
    bench.world.say("usr_bot", "agent", 3).await;
    done(&bench).await;
    assert_eq!(bench.world.turns().len(), 2);
}
