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

/// Messages or comments, the oldest first, as one reads.
pub(super) fn conversation(json: &Value) -> String {
    let mut items: Vec<_> = items(json).collect();
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
