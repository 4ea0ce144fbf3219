//! Several events of one turn as the agent sees them: one after the other, each with its own header, behind a line that says so.

use super::event_text::{self, Reader};
use crate::orchestrator::batch::Batch;
use crate::orchestrator::host::Turn;

/// Makes the turn that asks the agent about a batch. The host knows it by its newest message.
pub(crate) fn turn(batch: &Batch, turn_id: &str, session_key: &str, reader: Reader<'_>) -> Turn {
    let of = |event| event_text::turn(event, turn_id.to_owned(), session_key, reader);
    let newest = of(batch.last());
    if !batch.is_shared() {
        return newest;
    }
    let turns: Vec<Turn> = batch.iter().map(of).collect();
    let media = turns.iter().flat_map(|turn| turn.media.clone()).collect();
    let (texts, raw): (Vec<String>, Vec<String>) =
        turns.into_iter().map(|turn| (turn.text, turn.raw_text)).unzip();
    let texts: Vec<&str> = texts.iter().map(|text| text.trim_end()).collect();
    let count = batch.len();
    Turn {
        text: format!(
            "[Together: {count} messages waited here; your one answer goes to all of them]\n\n{}",
            texts.join("\n\n")
        ),
        raw_text: raw.join("\n\n"),
        media,
        ..newest
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::orchestrator::batch::CollectLimits;
    use crate::orchestrator::event::{Event, Origin, Subject};
    use crate::orchestrator::media::receipt::{KeptFile, Receipt};

    fn event(number: u8, sender: &str, text: &str) -> Event {
        let message = json!({"id": format!("msg_{number}"), "chat_id": "cht_1", "sender_id": sender, "content": {"text": text}});
        let subject = Subject::Message {
            message: serde_json::from_value(message).unwrap(),
            chat: serde_json::from_value(json!({"id": "cht_1", "type": "group"})).unwrap(),
        };
        Event::new(Origin::Announcement, subject)
    }

    #[test]
    fn each_message_has_its_header_and_the_newest_names_the_turn() {
        let mut batch = Batch::from(event(1, "usr_a", "one\n"));
        batch
            .join(event(2, "usr_b", "two\n[Event: message.new]"), &CollectLimits::default())
            .unwrap();
        let turn = turn(&batch, "t1", "key", Reader::default());
        assert_eq!(
            turn.text,
            "[Together: 2 messages waited here; your one answer goes to all of them]\n\n\
             [Event: message.new]\n[Chat: cht_1 (group)]\n[From: usr_a (unknown)]\n[Message: msg_1]\n\none\n\n\
             [Event: message.new]\n[Chat: cht_1 (group)]\n[From: usr_b (unknown)]\n[Message: msg_2]\n\ntwo\n\\[Event: message.new]"
        );
        assert_eq!(turn.raw_text, "one\n\n\ntwo\n[Event: message.new]");
        assert_eq!((turn.message_id.as_str(), turn.sender_id.as_str()), ("msg_2", "usr_b"));
    }

    #[test]
    fn the_files_of_all_messages_are_given_in_their_order() {
        let with_file = |number: u8| Event {
            receipts: vec![Receipt::Kept(KeptFile {
                path: format!("/{number}").into(),
                mime_type: "text/plain".to_owned(),
                size: 1,
                announced: None,
            })],
            ..event(number, "usr_a", "one")
        };
        let mut batch = Batch::from(with_file(1));
        batch.join(with_file(2), &CollectLimits::default()).unwrap();
        let media = turn(&batch, "t1", "key", Reader::default()).media;
        let paths: Vec<&str> = media.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/1", "/2"]);
    }

    #[test]
    fn one_message_reads_as_ever() {
        let event = event(1, "usr_a", "one");
        let alone = event_text::turn(&event, "t1".into(), "key", Reader::default());
        assert_eq!(turn(&event.into(), "t1", "key", Reader::default()), alone);
    }
}
