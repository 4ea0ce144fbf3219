//! Any bytes in: no panic, no hang, and the source stays as it is.

use std::fs;

use parall::session::{Cut, Outcome, delete_entry, read_entry, upsert_entry};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{Sessions, lines};

/// Bytes that are close enough to a transcript to get past the first check.
fn nearly_a_transcript() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof!["[ab]", Just("null".to_owned()), Just("\\u0061".to_owned())];
    let kind = prop_oneof![
        Just("message"),
        Just("label"),
        Just("compaction"),
        Just("leaf"),
        Just("session"),
        Just("custom"),
        Just("x")
    ];
    let line = (kind, id.clone(), id.clone(), id, any::<bool>(), 0..4_u8).prop_map(|(kind, id, parent, target, is_answer, damage)| {
        let role = if is_answer { "assistant" } else { "hookMessage" };
        let quoted = |text: &str| if text == "null" { text.to_owned() } else { format!("\"{text}\"") };
        let mut line = format!(
            r#"{{"type":"{kind}","id":{},"parentId":{},"targetId":{},"label":"l","firstKeptEntryId":{},"firstKeptEntryIndex":1,"message":{{"role":"{role}"}}}}"#,
            quoted(&id), quoted(&parent), quoted(&target), quoted(&target)
        )
        .into_bytes();
        if damage == 0 {
            let middle = line.len() / 2;
            line[middle] = 0xff;
        }
        line.push(b'\n');
        line
    });
    (1..4_u8, vec(line, 0..12), vec(any::<u8>(), 0..20)).prop_map(|(version, lines, tail)| {
        let header =
            format!("{{\"type\":\"session\",\"version\":{version},\"id\":\"s\"}}\n").into_bytes();
        [vec![header], lines, vec![tail]].concat().concat()
    })
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![Just(Cut::LastCompleted), Just(Cut::Leaf), "[ab]".prop_map(Cut::Entry)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_transcript_gives_a_valid_fork_or_an_answer_and_is_not_touched(
        bytes in prop_oneof![nearly_a_transcript(), vec(any::<u8>(), 0..200)],
        cut in cut(),
    ) {
        let sessions = Sessions::new();
        let path = sessions.path("parent.jsonl");
        fs::write(&path, &bytes).unwrap();
        let outcome = sessions.fork(&path, &cut);
        prop_assert_eq!(fs::read(&path).unwrap(), bytes);
        if let Ok(Outcome::Forked(fork)) = outcome {
            let mut parent = serde_json::Value::Null;
            for line in lossy_lines(&fork) {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                prop_assert_eq!(&value["parentId"], &parent, "each entry follows the one before");
                parent = value["id"].clone();
            }
        } else {
            prop_assert_eq!(sessions.names(), ["parent.jsonl", "sessions.json"]);
        }
    }

    #[test]
    fn any_store_is_edited_exactly_or_left_alone(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..60),
            vec(("[a-cA-C ]{1,2}", 0..9_u8), 0..6).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(key, value)| format!("{key:?} : {value}")).collect();
                format!("{{ {} }}", members.join(" ,\n")).into_bytes()
            }),
        ],
        key in "[a-cA-C]{1,2}",
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("sessions.json");
        fs::write(&store, &bytes).unwrap();
        let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).ok();
        let same = |other: &str| other.trim().to_lowercase() == key.to_lowercase();
        if upsert_entry(&store, &key, "{\"v\":1}").is_err() {
            prop_assert_eq!(fs::read(&store).unwrap(), bytes);
            return Ok(());
        }
        let mut expected = parse(&bytes).unwrap();
        expected.retain(|other, _| !same(other));
        let entry = read_entry(&store, &key).unwrap();
        prop_assert_eq!(entry.as_deref(), Some("{\"v\":1}"));
        prop_assert!(delete_entry(&store, &key).unwrap());
        prop_assert_eq!(parse(&fs::read(&store).unwrap()).unwrap(), expected);
    }
}

/// Bytes that are no UTF-8 are copied as they are; readers replace them.
fn lossy_lines(fork: &parall::session::Fork) -> Vec<String> {
    match fs::read(&fork.session_file) {
        Ok(bytes) if String::from_utf8(bytes.clone()).is_err() => {
            String::from_utf8_lossy(&bytes).lines().skip(1).map(str::to_owned).collect()
        }
        _ => lines(fork),
    }
}
