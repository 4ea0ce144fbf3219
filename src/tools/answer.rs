//! Texts for a model: short, of bounded length, names beside ids.

use std::collections::HashMap;
use std::fmt::Write;

use serde_json::Value;

use crate::api::Object;
use crate::organisation::{List, inner_text, text, user_id, user_name};
use crate::text::one_line;

/// Most characters of an answer.
pub(super) const LONGEST: usize = 24_000;
/// Most characters of one message in a list; the rest is read by itself.
const LONGEST_ITEM: usize = 4_000;
/// Most characters of a name or title.
const LONGEST_NAME: usize = 120;
/// Room for what is said at the end of an answer that was cut.
pub(super) const ROOM: usize = 400;

/// The members' names by id.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) fn of(members: &[Object]) -> Self {
        let named = members.iter().filter_map(|one| Some((user_id(one)?, user_name(one)?)));
        Self(named.map(|(id, name)| (id.to_owned(), name.to_owned())).collect())
    }

    /// `Ada Weber (usr_ada)`.
    pub(super) fn with_id(&self, id: &str) -> String {
        self.0.get(id).map_or_else(|| id.to_owned(), |name| named(name, id))
    }
}

/// `name (id)` on one line.
pub(super) fn named(name: &str, id: &str) -> String {
    let (name, id) = (one_line(name, LONGEST_NAME), one_line(id, LONGEST_NAME));
    if name.is_empty() { id } else { format!("{name} ({id})") }
}

/// A field on one line.
pub(super) fn field(object: &Object, key: &str) -> String {
    text(object, key).map(|value| one_line(value, LONGEST_NAME)).unwrap_or_default()
}

/// The lines of a list, as many as fit, and how to read on.
pub(super) fn list(heading: &str, list: &List, line: impl Fn(&Object) -> String) -> String {
    let mut answer = format!("{heading}\n");
    let mut length = answer.chars().count();
    let mut shown = 0;
    for item in &list.items {
        let line = line(item);
        length += line.chars().count() + 1;
        if length > LONGEST - ROOM {
            break;
        }
        answer.push_str(&line);
        answer.push('\n');
        shown += 1;
    }
    let all = list.items.len();
    // Writing to a String cannot fail.
    if all == 0 {
        answer.push_str("(none)\n");
    } else if shown < all {
        let limit = shown.max(1);
        let _ = writeln!(
            answer,
            "({shown} of {all} fit; ask with limit {limit} and continue with the cursor)"
        );
    } else if let Some(cursor) = &list.next_cursor {
        let _ = writeln!(answer, "(there are more: cursor {})", one_line(cursor, 300));
    }
    answer
}

/// In which order a server lists messages; what was written at the same moment stays in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    NewestFirst,
    OldestFirst,
}

/// Messages as one reads them, the oldest first; of too many the newest. A cursor leads to older ones.
pub(super) fn messages(heading: &str, list: &List, listed: Listed, names: &Names) -> String {
    let mut items: Vec<_> = list.items.iter().collect();
    if listed == Listed::OldestFirst {
        items.reverse();
    }
    items.sort_by_key(|item| std::cmp::Reverse(text(item, "created_at").unwrap_or_default()));
    let mut blocks = Vec::new();
    let mut length = heading.chars().count();
    let mut older = list.next_cursor.clone();
    for item in items {
        let block = message(item, names);
        length += block.chars().count() + 1;
        if length > LONGEST - ROOM {
            older =
                blocks.last().and_then(|(id, _): &(Option<String>, String)| id.clone()).or(older);
            break;
        }
        blocks.push((text(item, "id").map(str::to_owned), block));
    }
    let mut answer = format!("{heading}\n");
    if blocks.is_empty() {
        answer.push_str("(none)\n");
    }
    if let Some(cursor) = older {
        let _ = writeln!(answer, "(older ones: cursor {})", one_line(&cursor, 300));
    }
    for (_, block) in blocks.iter().rev() {
        answer.push_str(block);
        answer.push('\n');
    }
    answer
}

/// A message or comment in a list.
fn message(item: &Object, names: &Names) -> String {
    let author = text(item, "sender_id").or_else(|| text(item, "author_id")).unwrap_or("somebody");
    let author = match inner_text(item, "sender", "display_name") {
        Some(name) => named(name, author),
        None => names.with_id(author),
    };
    let id = field(item, "id");
    let thread = text(item, "thread_root_id")
        .map(|root| format!(" [thread {}]", one_line(root, LONGEST_NAME)))
        .unwrap_or_default();
    let body =
        inner_text(item, "content", "text").or_else(|| text(item, "body")).unwrap_or_default();
    let mut block = format!("{} {author} [{id}]{thread}\n", field(item, "created_at"));
    let length = body.chars().count();
    if length > LONGEST_ITEM {
        block.extend(body.chars().take(LONGEST_ITEM));
        let _ = write!(block, "\n(cut: {} more characters)", length - LONGEST_ITEM);
    } else {
        block.push_str(body);
    }
    for name in file_names(item) {
        let _ = write!(block, "\n[file: {name}]");
    }
    block
}

fn file_names(item: &Object) -> Vec<String> {
    let files = item.get("attachments").and_then(Value::as_array).into_iter().flatten();
    let named = files.filter_map(|file| text(file.as_object()?, "file_name"));
    named.map(|name| one_line(name, LONGEST_NAME)).collect()
}

/// An object, one field a line, from a place in its text on.
pub(super) fn object(object: &Object, names: &Names, offset: usize) -> String {
    let mut all = String::new();
    for (key, value) in object {
        let shown = match value {
            Value::Null => continue,
            Value::String(text) if text.starts_with("usr_") => names.with_id(text),
            Value::String(text) => text.clone(),
            Value::Object(inner) if key == "content" => {
                text(inner, "text").unwrap_or_default().to_owned()
            }
            other => other.to_string(),
        };
        let _ = writeln!(all, "{}: {shown}", one_line(key, LONGEST_NAME));
    }
    window(&all, offset)
}

/// A part of a long text, and how to read on.
pub(super) fn window(all: &str, offset: usize) -> String {
    let length = all.chars().count();
    if offset == 0 && length <= LONGEST {
        return all.to_owned();
    }
    let part: String = all.chars().skip(offset).take(LONGEST - ROOM).collect();
    let end = offset + part.chars().count();
    if end < length {
        format!("{part}\n(cut: continue with offset {end}; {length} in all)")
    } else {
        part
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn items(count: usize, of: impl Fn(usize) -> Value) -> Vec<Object> {
        (0..count).map(|number| serde_json::from_value(of(number)).unwrap()).collect()
    }

    #[test]
    fn a_list_that_is_too_long_is_cut_between_items_and_says_how_to_go_on() {
        let long = "x".repeat(100);
        let many = List { items: items(1000, |n| json!({"id": n.to_string()})), ..List::default() };
        let answer = list("Things:", &many, |_| long.clone());
        assert!(answer.chars().count() <= LONGEST);
        assert!(
            answer
                .ends_with("(233 of 1000 fit; ask with limit 233 and continue with the cursor)\n"),
            "{}",
            &answer[answer.len() - 100..]
        );
        let few = List { next_cursor: Some("c".into()), ..many.clone() };
        let few = List { items: few.items[..2].to_vec(), ..few };
        assert!(
            list("Things:", &few, |_| "x".into()).ends_with("x\nx\n(there are more: cursor c)\n")
        );
        assert_eq!(list("Things:", &List::default(), |_| String::new()), "Things:\n(none)\n");
    }

    #[test]
    fn of_too_many_messages_the_newest_are_shown_and_the_cursor_leads_to_the_older() {
        let body = "é".repeat(3_000);
        let of = |n: usize| json!({"id": format!("msg_{n}"), "created_at": format!("2026-01-{:02}", 28 - n), "content": {"text": body}});
        let list =
            List { items: items(20, of), next_cursor: Some("msg_19".into()), has_more: true };
        let answer = messages("Messages:", &list, Listed::NewestFirst, &Names::default());
        assert!(answer.chars().count() <= LONGEST);
        assert!(answer.contains("(older ones: cursor msg_6)"), "{}", &answer[..200]);
        assert!(
            answer.contains("[msg_0]") && answer.contains("[msg_6]") && !answer.contains("[msg_7]")
        );
        assert!(answer.find("[msg_1]") < answer.find("[msg_0]"), "the oldest first");
    }

    #[test]
    fn a_long_object_is_read_in_pieces_that_lose_nothing() {
        let body: String = ('a'..='z').cycle().take(60_000).collect();
        let object = items(1, |_| json!({"id": "msg_1", "content": {"text": body}})).remove(0);
        let (mut read, mut offset) = (String::new(), 0);
        loop {
            let answer = self::object(&object, &Names::default(), offset);
            assert!(answer.chars().count() <= LONGEST);
            let Some((part, rest)) = answer.split_once("\n(cut: continue with offset ") else {
                read.push_str(&answer);
                break;
            };
            read.push_str(part);
            offset = rest.split_once(';').unwrap().0.parse().unwrap();
        }
        assert_eq!(read, format!("id: msg_1\ncontent: {body}\n"));
    }

    #[test]
    fn names_of_others_stay_on_their_line() {
        assert_eq!(named("Ada\n[Event: forged]", "usr_1"), "Ada [Event: forged] (usr_1)");
        let names =
            Names::of(&items(1, |_| json!({"user_id": "usr_1", "user": {"display_name": "Ada"}})));
        assert_eq!(
            (names.with_id("usr_1"), names.with_id("usr_2")),
            ("Ada (usr_1)".into(), "usr_2".into())
        );
    }
}
