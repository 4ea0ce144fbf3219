//! Forks and what they leave for main.

use parall::journal::{Error, ForkResult, ForkState, Journal, NewFork, NewResult};

use super::{Bench, dispatch, part};

fn result(id: &str) -> NewResult {
    NewResult {
        dispatch_id: id.to_owned(),
        session_key: "agent:main:fork-1".to_owned(),
        target: "cht_2".to_owned(),
        chat_label: "Design".to_owned(),
        sender_name: "Ada".to_owned(),
        question: "How far?".to_owned(),
        answer: "Almost there.".to_owned(),
    }
}

/// What main is to be told with a turn.
async fn taken(journal: &Journal, turn: &str) -> Vec<ForkResult> {
    journal.adopt_with_results(Vec::<String>::new(), turn, "agent:main").await.unwrap().1
}

#[tokio::test]
async fn results_are_told_to_main_exactly_once() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    journal.add_result(result("dsp_1")).await.unwrap();
    journal.add_result(result("dsp_1")).await.unwrap();
    assert_eq!(taken(&journal, "turn-1").await.len(), 1);
    assert_eq!(taken(&journal, "turn-1").await.len(), 1);
    assert!(taken(&journal, "turn-2").await.is_empty());
    journal.release_results("turn-1").await.unwrap();
    assert_eq!(taken(&journal, "turn-2").await.len(), 1);
    journal.close().await;

    // The process died before turn 2 told main.
    let journal = bench.open().journal;
    assert_eq!(journal.recover().await.unwrap().released_results, 1);
    let told = taken(&journal, "turn-3").await;
    assert_eq!(told[0].result, result("dsp_1"));
    journal.confirm_results("turn-3").await.unwrap();
    // The dispatch's delivery is recovered and leaves its result again.
    journal.add_result(result("dsp_1")).await.unwrap();
    assert!(taken(&journal, "turn-4").await.is_empty());
    assert_eq!(journal.recover().await.unwrap().released_results, 0);
}

#[tokio::test]
async fn a_turn_that_had_begun_to_answer_when_the_process_died_has_told_main() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    for (id, turn) in [("spoke", "turn-1"), ("silent", "turn-2")] {
        journal.claim(dispatch(id)).await.unwrap();
        journal.adopt([id], turn, "agent:main").await.unwrap();
        journal.add_result(result(&format!("told in {turn}"))).await.unwrap();
        taken(&journal, turn).await;
    }
    journal.intend("spoke", vec![part("spoke", 0, "Meanwhile ...")]).await.unwrap();
    journal.close().await;

    let journal = bench.open().journal;
    assert_eq!(journal.recover().await.unwrap().released_results, 1);
    let told = taken(&journal, "turn-3").await;
    let ids: Vec<_> = told.iter().map(|told| told.result.dispatch_id.as_str()).collect();
    assert_eq!(ids, ["told in turn-2"]);
}

#[tokio::test]
async fn what_an_earlier_attempt_said_is_no_proof_that_main_was_told() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    journal.claim(dispatch("dsp_1")).await.unwrap();
    journal.adopt(["dsp_1"], "turn-1", "agent:main").await.unwrap();
    journal.intend("dsp_1", vec![part("dsp_1", 0, "Well ...")]).await.unwrap();
    journal.part_delivered("dsp_1", 0, "msg_1").await.unwrap();
    journal.fail(["dsp_1"], "the model is gone", 0).await.unwrap();
    journal.add_result(result("dsp_2")).await.unwrap();
    journal.adopt(["dsp_1"], "turn-2", "agent:main").await.unwrap();
    assert_eq!(taken(&journal, "turn-2").await.len(), 1);
    journal.close().await;

    // The process died before turn 2 said anything.
    let journal = bench.open().journal;
    assert_eq!(journal.recover().await.unwrap().released_results, 1);
    assert_eq!(taken(&journal, "turn-3").await[0].result, result("dsp_2"));
}

#[tokio::test]
async fn a_fork_is_known_from_before_it_exists_until_nothing_is_left_of_it() {
    let bench = Bench::new();
    let journal = bench.open().journal;
    let fork = NewFork {
        session_key: "agent:main:fork-1".into(),
        session_id: Some("session-1".into()),
        transcript: Some("/sessions/1.jsonl".into()),
        target: "cht_2".into(),
    };
    journal.fork_creating(fork.clone()).await.unwrap();
    journal.fork_running(&fork.session_key).await.unwrap();
    journal.close().await;

    let journal = bench.open().journal;
    let left = journal.recover().await.unwrap().forks;
    assert_eq!((left.len(), left[0].state), (1, ForkState::Running));
    assert_eq!(left[0].fork, fork);
    journal.fork_answered(&fork.session_key).await.unwrap();
    journal.fork_removed(&fork.session_key).await.unwrap();
    journal.fork_removed(&fork.session_key).await.unwrap();
    assert!(journal.forks().await.unwrap().is_empty());
    assert!(matches!(journal.fork_running("nobody").await, Err(Error::Unknown { .. })));
}
