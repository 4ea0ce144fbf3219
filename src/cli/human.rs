//! Documents as people see them at a terminal.

use std::fmt::Write;

use serde_json::Value;

use super::table::{Table, one_line, paragraph};
use crate::api::Object;
use crate::organisation::{inner_text, text, user_name};

/// A list as a table, with the way to its next page.
pub(super) fn list<const N: usize>(
    json: &Value,
    headings: [&str; N],
    cells: impl Fn(&Object) -> [String; N],
) -> String {
    let mut table = Table::new(headings);
    for item in items(json) {
        let cells = cells(item);
        table.row(cells.each_ref().map(String::as_str));
    }
    let mut lines = if items(json).next().is_none() { "none\n".to_owned() } else { table.render() };
    lines.push_str(&next_page(json));
    lines
}

/// An object, one field a line.
pub(super) fn details(json: &Value) -> String {
    let mut lines = String::new();
    for (key, value) in json.as_object().into_iter().flatten() {
        let shown = match value {
            Value::Null => continue,
            Value::String(text) => paragraph(text),
            other => one_line(&other.to_string()),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{}: {shown}", one_line(key));
    }
    lines
}

/// Messages that the server lists newest first, as one reads: the oldest first.
pub(super) fn messages(json: &Value) -> String {
    let mut items: Vec<_> = items(json).collect();
    // What was written at the same moment stays in order.
    items.reverse();
    conversation(json, items)
}

/// Answers or comments, which the server lists oldest first.
pub(super) fn answers(json: &Value) -> String {
    conversation(json, items(json).collect())
}

fn conversation(json: &Value, mut items: Vec<&Object>) -> String {
    items.sort_by_key(|item| cell(item, "created_at"));
    let mut lines = String::new();
    for item in items {
        let author = inner_text(item, "sender", "display_name")
            .or_else(|| user_name(item))
            .or_else(|| text(item, "sender_id"))
            .or_else(|| text(item, "author_id"))
            .unwrap_or("?");
        let body = inner_text(item, "content", "text").or_else(|| text(item, "body"));
        let (id, time) = (cell(item, "id"), cell(item, "created_at"));
        let _ = writeln!(lines, "{} {} ({})", one_line(&time), one_line(author), one_line(&id));
        for line in paragraph(body.unwrap_or_default()).lines() {
            let _ = writeln!(lines, "    {line}");
        }
        for file in item.get("attachments").and_then(Value::as_array).into_iter().flatten() {
            if let Some(name) = file.as_object().and_then(|file| text(file, "file_name")) {
                let _ = writeln!(lines, "    [file: {}]", one_line(name));
            }
        }
    }
    if lines.is_empty() {
        lines.push_str("none\n");
    }
    lines.push_str(&next_page(json));
    lines
}

/// A text of an object for a cell.
pub(super) fn cell(object: &Object, key: &str) -> String {
    text(object, key).unwrap_or_default().to_owned()
}

fn items(json: &Value) -> impl Iterator<Item = &Object> {
    json.get("data").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn next_page(json: &Value) -> String {
    match json.get("next_cursor").and_then(Value::as_str) {
        Some(cursor) => format!("more: --cursor {}\n", one_line(cursor)),
        None if json.get("has_more") == Some(&Value::Bool(true)) => "there is more\n".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_reads_from_the_oldest_on_and_names_its_next_page() {
        let message = |id: &str, text: &str| json!({"id": id, "sender": {"display_name": "Ada"}, "content": {"text": text}, "created_at": "2026-01-01T00:00:00Z"});
        let file = json!({"id": "msg_0", "sender_id": "usr_1", "attachments": [{"file_name": "a.txt"}], "created_at": "2025-01-01T00:00:00Z"});
        let json = json!({"data": [message("msg_2", "b\nc"), message("msg_1", "a\u{1b}[2J"), file], "next_cursor": "msg_0"});
        assert_eq!(
            messages(&json),
            "2025-01-01T00:00:00Z usr_1 (msg_0)\n    [file: a.txt]\n\
             2026-01-01T00:00:00Z Ada (msg_1)\n    a[2J\n\
             2026-01-01T00:00:00Z Ada (msg_2)\n    b\n    c\n\
             more: --cursor msg_0\n"
        );
        let comment = json!({"data": [{"id": "cmt_1", "author_id": "usr_1", "body": "On it"}]});
        assert_eq!(answers(&comment), " usr_1 (cmt_1)\n    On it\n");
        assert_eq!(answers(&json!({"data": []})), "none\n");
    }

    #[test]
    fn details_are_one_field_a_line_and_forge_none() {
        let json = json!({"id": "tsk_1", "due_date": null, "labels": [{"id": "l"}], "title": "a"});
        assert_eq!(details(&json), "id: tsk_1\nlabels: [{\"id\":\"l\"}]\ntitle: a\n");
    }

    #[test]
    fn an_empty_list_says_so() {
        let none = list(&json!({"data": []}), ["ID"], |item| [cell(item, "id")]);
        assert_eq!(none, "none\n");
        let one = json!({"data": [{"id": "x"}], "has_more": true});
        assert_eq!(list(&one, ["ID"], |item| [cell(item, "id")]), "ID\nx\nthere is more\n");
    }
}
