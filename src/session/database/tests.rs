//! What a fork inherits from a transcript in a database.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;

/// A transcript; entries follow each other unless they name another parent.
#[derive(Default)]
struct Talk {
    events: Vec<Value>,
    last: Value,
}

impl Talk {
    fn new() -> Self {
        let mut talk = Self::default();
        talk.events.push(json!({"type": "session", "id": "header", "version": 4}));
        talk
    }

    fn add(&mut self, entry: Value) -> String {
        let id = format!("e{}", self.events.len());
        let mut whole =
            json!({"id": id, "parentId": self.last, "timestamp": "2026-01-01T00:00:00.000Z"});
        whole.as_object_mut().unwrap().extend(entry.as_object().unwrap().clone());
        self.last = whole["id"].clone();
        self.events.push(whole);
        id
    }

    fn say(&mut self, role: &str, text: &str, more: Value) -> String {
        let mut message = json!({"role": role, "content": [{"type": "text", "text": text}]});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.add(json!({"type": "message", "message": message}))
    }

    fn user(&mut self, text: &str) -> String {
        self.say("user", text, json!({}))
    }

    fn answer(&mut self, text: &str) -> String {
        self.say("assistant", text, json!({"stopReason": "stop"}))
    }

    fn call(&mut self, name: &str) -> String {
        let content = [json!({"type": "toolCall", "id": name, "name": name, "arguments": {}})];
        self.add(json!({"type": "message", "message": {"role": "assistant", "content": content, "stopReason": "toolUse"}}))
    }

    fn result(&mut self, call: &str, text: &str) -> String {
        self.say("toolResult", text, json!({"toolCallId": call}))
    }

    fn find(&self, budget: Option<u64>) -> Progress {
        read(&self.events, budget, usize::MAX).unwrap()
    }

    /// The texts of the fork, and the names of calls.
    fn texts(&self) -> Vec<String> {
        match self.find(None) {
            Progress::Found(found) => texts(&found),
            other => panic!("{other:?}"),
        }
    }
}

/// Hands the events over newest first, a few at a time.
fn read(events: &[Value], budget: Option<u64>, step: usize) -> Result<Progress, Error> {
    let mut reader = ContextReader::new(budget);
    let mut rest = events;
    loop {
        let (older, rows) = rest.split_at(rest.len().saturating_sub(step));
        let mut packed = Vec::new();
        for event in rows.iter().rev() {
            let text = event.to_string();
            packed.push(0);
            packed.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            packed.extend(text.as_bytes());
        }
        rest = older;
        match reader.add(&packed, rest.is_empty())? {
            Progress::More => assert!(!rest.is_empty(), "all was handed over"),
            progress => return Ok(progress),
        }
    }
}

fn messages(found: &MessageContext) -> Vec<Value> {
    found
        .batches
        .iter()
        .flat_map(|batch| serde_json::from_str::<Vec<Value>>(batch).unwrap())
        .collect()
}

fn texts(found: &MessageContext) -> Vec<String> {
    let text = |message: &Value| {
        let content = &message["content"];
        let first =
            content.as_str().or(content[0]["text"].as_str()).or(content[0]["name"].as_str());
        first.unwrap_or_default().to_owned()
    };
    messages(found).iter().map(text).collect()
}

#[test]
fn a_fork_ends_with_the_last_completed_turn() {
    let mut talk = Talk::new();
    talk.user("one");
    talk.call("exec");
    talk.result("exec", "done");
    let last = talk.answer("first");
    talk.user("two");
    assert_eq!(talk.texts(), ["one", "exec", "done", "first"]);
    assert!(matches!(talk.find(None), Progress::Found(found) if found.last_entry_id == last));
    talk.call("exec");
    talk.result("exec", "half");
    assert_eq!(talk.texts(), ["one", "exec", "done", "first"]);
    talk.answer("second");
    assert_eq!(talk.texts().len(), 8);
}

#[test]
fn there_is_none_before_the_first_completed_turn() {
    let mut talk = Talk::new();
    assert_eq!(read(&[], None, 1).unwrap(), Progress::NoAnswer);
    assert_eq!(talk.find(None), Progress::NoAnswer);
    talk.user("one");
    talk.call("exec");
    assert_eq!(talk.find(None), Progress::NoAnswer);
}

#[test]
fn neither_the_hosts_notes_nor_failures_end_a_turn() {
    let mut talk = Talk::new();
    talk.user("one");
    talk.answer("first");
    talk.user("running");
    for model in ["delivery-mirror", "gateway-injected"] {
        let note = json!({"provider": "openclaw", "model": model, "stopReason": "stop"});
        talk.say("assistant", "sent elsewhere", note);
    }
    for reason in ["error", "aborted"] {
        talk.say("assistant", "", json!({"stopReason": reason}));
    }
    assert_eq!(talk.texts(), ["one", "first"]);
}

#[test]
fn branches_that_were_left_are_left_out_and_leaf_controls_are_followed() {
    let mut talk = Talk::new();
    let root = talk.user("one");
    talk.answer("wrong");
    talk.last = json!(root);
    let right = talk.answer("right");
    talk.user("undone");
    talk.answer("undone too");
    talk.add(json!({"type": "leaf", "targetId": right}));
    assert_eq!(talk.texts(), ["one", "right"]);
    talk.user("two");
    talk.answer("second");
    talk.add(json!({"type": "leaf", "targetId": "nowhere", "parentId": null}));
    assert_eq!(talk.texts(), ["one", "right", "two", "second"]);
}

#[test]
fn side_entries_unknown_ones_and_broken_ones_do_not_move_the_end() {
    let mut talk = Talk::new();
    talk.user("one");
    let end = talk.answer("first");
    talk.say("user", "aside", json!({}));
    let side = talk.events.last_mut().unwrap();
    side["appendMode"] = json!("side");
    talk.last = json!(end);
    talk.add(json!({"type": "something.new", "parentId": null}));
    talk.events.extend([
        json!(null),
        json!(7),
        json!("x"),
        json!([]),
        json!({}),
        json!({"id": 5, "type": "message"}),
    ]);
    talk.events.push(json!({"type": "custom", "id": ""}));
    assert_eq!(talk.texts(), ["one", "first"]);
}

#[test]
fn where_a_parent_is_missing_the_active_end_goes_on() {
    let mut talk = Talk::new();
    talk.user("one");
    talk.answer("first");
    talk.last = json!("vanished");
    talk.user("two");
    talk.answer("second");
    talk.user("three");
    talk.events.last_mut().unwrap().as_object_mut().unwrap().remove("parentId");
    talk.answer("third");
    assert_eq!(talk.texts(), ["one", "first", "two", "second", "three", "third"]);
}

#[test]
fn after_a_compaction_a_fork_reads_what_the_parent_reads() {
    let mut talk = Talk::new();
    talk.user("old");
    talk.answer("old answer");
    let kept = talk.user("kept");
    let replay = json!({"stopReason": "stop", "idempotencyKey": "k", "providerReplay": {"type": "anthropic-compaction"}});
    talk.say("assistant", "kept answer", replay.clone());
    talk.add(json!({"type": "compaction", "summary": "Of \"old\" things.", "firstKeptEntryId": kept, "tokensBefore": 9}));
    talk.user("new");
    talk.say("assistant", "new answer", replay);
    let Progress::Found(found) = talk.find(None) else { panic!("found") };
    assert_eq!(
        texts(&found),
        [
            "The conversation history before this point was compacted into the following summary:\n\n<summary>\nOf \"old\" things.\n</summary>",
            "kept",
            "kept answer",
            "new",
            "new answer"
        ]
    );
    let made = messages(&found);
    assert_eq!(
        (&made[0]["role"], &made[0]["timestamp"]),
        (&json!("custom"), &json!(1_767_225_600_000_u64))
    );
    assert!(made.iter().all(|message| message.get("idempotencyKey").is_none()));
    assert!(made[2].get("providerReplay").is_none() && made[4].get("providerReplay").is_some());
}

#[test]
fn a_compaction_in_the_running_turn_does_not_count() {
    let mut talk = Talk::new();
    talk.user("old");
    talk.answer("old answer");
    let running = talk.user("running");
    talk.add(json!({"type": "compaction", "summary": "It tells what is running.", "firstKeptEntryId": running}));
    talk.call("exec");
    assert_eq!(talk.texts(), ["old", "old answer"]);
}

#[test]
fn what_was_said_survives_a_reset_with_results_of_calls_that_do() {
    let mut talk = Talk::new();
    talk.user("forgotten");
    talk.call("before");
    let kept = talk.result("before", "of a call that is gone");
    talk.user("kept");
    talk.call("exec");
    talk.result("exec", "result");
    talk.add(
        json!({"type": "custom_message", "customType": "x", "content": "gone", "display": true}),
    );
    talk.answer("kept answer");
    talk.add(json!({"type": "reset", "reason": "new", "firstKeptEntryId": kept}));
    talk.user("new");
    talk.answer("new answer");
    // Whatever was written for the time before the reset continues behind it.
    talk.last = json!(kept);
    talk.user("late");
    talk.answer("late answer");
    assert_eq!(
        talk.texts(),
        ["kept", "exec", "result", "kept answer", "new", "new answer", "late", "late answer"]
    );
}

#[test]
fn a_fork_holds_what_plugins_and_branches_added_and_nothing_that_is_kept_from_the_model() {
    let mut talk = Talk::new();
    talk.user("one");
    talk.add(json!({"type": "custom_message", "customType": "note", "content": "a note", "display": false}));
    talk.add(json!({"type": "custom", "customType": "snapshot", "data": {}}));
    talk.add(json!({"type": "branch_summary", "summary": "Tried in vain.", "fromId": "x"}));
    talk.say("bashExecution", "secret", json!({"excludeFromContext": true}));
    talk.answer("first");
    let Progress::Found(found) = talk.find(None) else { panic!("found") };
    let made = messages(&found);
    let roles: Vec<_> = made.iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "custom", "custom", "assistant"]);
    assert_eq!(made[1]["customType"], "note");
    assert!(texts(&found)[2].contains("Tried in vain."));
}

#[test]
fn over_the_budget_the_newest_turns_stay_behind_the_summary_and_a_note() {
    let mut talk = Talk::new();
    talk.user("old");
    let kept = talk.answer("old answer");
    talk.add(json!({"type": "compaction", "summary": "Old things.", "firstKeptEntryId": kept}));
    for number in 0..4 {
        talk.user(&format!("{number}{}", "x".repeat(4000)));
        talk.answer("fine");
    }
    let Progress::Found(found) = talk.find(Some(2500)) else { panic!("found") };
    let made = texts(&found);
    assert_eq!((found.left_out, made.len()), (5, 6));
    assert!(made[0].contains("Old things."));
    assert!(made[1].starts_with("[Left out of this copy of the conversation: 5 earlier messages"));
    assert!(made[2].starts_with('2') && made[4].starts_with('3'));
    assert!(found.tokens <= 2500);
    let refused = read(&talk.events, Some(500), 1).unwrap_err();
    assert!(matches!(refused, Error::OverBudget { budget: 500, .. }));
}

#[test]
fn long_contexts_come_in_batches() {
    let mut talk = Talk::new();
    talk.user(&"x".repeat(300_000));
    talk.answer(&"y".repeat(100_000));
    talk.answer("z");
    let Progress::Found(found) = talk.find(None) else { panic!("found") };
    assert_eq!(found.batches.len(), 2);
    assert_eq!(messages(&found).len(), 3);
}

#[test]
fn nothing_before_the_boundary_is_asked_for() {
    let mut talk = Talk::new();
    for _ in 0..100 {
        talk.user("old");
        talk.answer("old answer");
    }
    let kept = talk.answer("kept");
    talk.add(json!({"type": "compaction", "summary": "s", "firstKeptEntryId": kept}));
    talk.user("new");
    talk.answer("new answer");
    let tail = &talk.events[talk.events.len() - 5..];
    let mut reader = ContextReader::new(None);
    let mut packed = Vec::new();
    for event in tail.iter().rev() {
        let text = event.to_string();
        packed.push(0);
        packed.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        packed.extend(text.as_bytes());
    }
    assert!(
        matches!(reader.add(&packed, false).unwrap(), Progress::Found(found) if texts(&found).len() == 4)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    /// The rows that suffice say the same as all rows.
    #[test]
    fn older_rows_change_nothing_once_the_context_is_found(
        entries in vec(
            (
                select(vec!["user", "answer", "answer", "call", "compaction", "compaction", "reset", "label", "leaf", "side", "x"]),
                prop_oneof![20 => Just(None), 2 => (0..20_usize).prop_map(Some)],
                0..20_usize,
                prop::bool::weighted(0.05),
            ),
            1..20,
        ),
        step in 1..4_usize,
    ) {
        let mut talk = Talk::new();
        for (place, (kind, parent, target, is_root)) in entries.into_iter().enumerate() {
            if let Some(parent) = parent {
                talk.last = json!(format!("e{parent}"));
            }
            if is_root {
                talk.last = Value::Null;
            }
            let (text, target) = (format!("t{place}"), format!("e{target}"));
            match kind {
                "user" => talk.user(&text),
                "answer" => talk.answer(&text),
                "call" => talk.call(&text),
                "side" => talk.add(json!({"type": "message", "appendMode": "side", "message": {"role": "user", "content": text}})),
                "leaf" => talk.add(json!({"type": "leaf", "targetId": target})),
                "x" => talk.add(json!({"type": "x"})),
                "label" => talk.add(json!({"type": "label", "targetId": target})),
                boundary => talk.add(json!({"type": boundary, "summary": text, "firstKeptEntryId": target})),
            };
        }
        prop_assert_eq!(read(&talk.events, None, step).unwrap(), talk.find(None));
    }
}
