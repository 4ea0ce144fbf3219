//! Changing values in a JSON5 text while every other byte stays.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::document::{Kind, Node, Object};

/// What a file without any indented line gets.
const DEFAULT_INDENT: &str = "  ";

/// A piece of text to put in the place of another one, or between two bytes when the range is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Splice {
    pub(in crate::config) range: Range<usize>,
    pub(in crate::config) text: String,
}

/// How a file is laid out.
#[derive(Debug)]
pub(in crate::config) struct Style<'a> {
    newline: &'static str,
    /// One level.
    unit: &'a str,
    /// The whole file is on one line.
    is_inline: bool,
}

impl<'a> Style<'a> {
    /// Read off a text and its root.
    pub(in crate::config) fn of(text: &'a str, root: &Node<'_>) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut indents = Vec::new();
        collect_indents(text, root, &mut indents);
        // The shallowest member tells the size of one level, wherever it is.
        let unit = indents
            .first()
            .map_or(DEFAULT_INDENT, |(outer, inner)| inner.strip_prefix(outer).unwrap_or(inner));
        let is_inline = match &root.kind {
            Kind::Object(object) => {
                !object.members.is_empty() && !text[root.range.clone()].contains('\n')
            }
            _ => false,
        };
        Self { newline, unit: if unit.is_empty() { DEFAULT_INDENT } else { unit }, is_inline }
    }

    /// A value as text, laid out for a line that is indented by `indent`.
    fn render(&self, value: &Value, indent: &str, is_inline: bool) -> String {
        if is_inline {
            return value.to_string();
        }
        let mut bytes = Vec::new();
        let formatter = PrettyFormatter::with_indent(self.unit.as_bytes());
        let rendered = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
        // Writing JSON into memory cannot fail; the compact form is as right as the pretty one.
        let pretty = rendered
            .ok()
            .and_then(|()| String::from_utf8(bytes).ok())
            .unwrap_or_else(|| value.to_string());
        pretty.replace('\n', &format!("{}{indent}", self.newline))
    }

    /// Members, each on a line of its own.
    fn lines(&self, entries: &[(String, Value)], indent: &str) -> String {
        let line = |(key, value): &(String, Value)| {
            format!(
                "{}{indent}{}: {}",
                self.newline,
                Value::from(key.as_str()),
                self.render(value, indent, false)
            )
        };
        entries.iter().map(line).collect::<Vec<_>>().join(",")
    }
}

/// Indentation of the line of each object's opening brace and of its first member, where that has a line of its own.
fn collect_indents<'t>(text: &'t str, node: &Node<'_>, found: &mut Vec<(&'t str, &'t str)>) {
    let Kind::Object(object) = &node.kind else { return };
    if let Some(first) = object.members.first()
        && let Some(inner) = own_line_indent(text, first.key_start)
    {
        found.push((line_indent(text, node.range.start), inner));
        return;
    }
    for member in &object.members {
        collect_indents(text, &member.value, found);
    }
}

/// The white space at the start of the line on which `at` is.
fn line_indent(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |newline| newline + 1)..];
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The same, if nothing else is before `at` on its line.
fn own_line_indent(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n')? + 1;
    let before = &text[start..at];
    before.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(before)
}

/// Puts `value` in the place of a value that is at `range`.
pub(in crate::config) fn replace(
    text: &str,
    style: &Style<'_>,
    range: &Range<usize>,
    value: &Value,
) -> Splice {
    let indent = line_indent(text, range.start);
    Splice { range: range.clone(), text: style.render(value, indent, style.is_inline) }
}

/// Adds members at the end of the object that is at `range`, without moving what is there.
pub(in crate::config) fn insert(
    text: &str,
    style: &Style<'_>,
    range: &Range<usize>,
    object: &Object<'_>,
    entries: &[(String, Value)],
) -> Vec<Splice> {
    let close = range.end - 1;
    let Some(last) = object.members.last() else {
        return vec![fill(text, style, range, object, entries)];
    };
    let last_end = last.value.range.end;
    let Some(indent) =
        object.members.iter().rev().find_map(|member| own_line_indent(text, member.key_start))
    else {
        // All members are on the line of the brace: the new ones do too.
        let (separator, gap) =
            if text[range.clone()].contains(": ") { (": ", ", ") } else { (":", ",") };
        let members = entries
            .iter()
            .map(|(key, value)| format!("{}{separator}{value}", Value::from(key.as_str())));
        let members = members.collect::<Vec<_>>().join(gap);
        return match object.last_comma {
            Some(comma) => vec![Splice {
                range: comma..comma,
                text: format!("{}{members},", gap.trim_start_matches(',')),
            }],
            None => vec![Splice { range: last_end..last_end, text: format!("{gap}{members}") }],
        };
    };
    let mut members = style.lines(entries, indent);
    let after = object.line_comment.max(object.last_comma).unwrap_or(last_end);
    // The closing brace needs a line of its own.
    if !text[after..close].contains('\n') {
        members.push_str(style.newline);
        members.push_str(line_indent(text, range.start));
    }
    match object.last_comma {
        Some(_) => {
            let comma_at = members.trim_end().len();
            members.insert(comma_at, ',');
            vec![Splice { range: after..after, text: members }]
        }
        None if after == last_end => {
            vec![Splice { range: after..after, text: format!(",{members}") }]
        }
        None => vec![
            Splice { range: last_end..last_end, text: ",".to_owned() },
            Splice { range: after..after, text: members },
        ],
    }
}

/// The first members of an object that has none.
fn fill(
    text: &str,
    style: &Style<'_>,
    range: &Range<usize>,
    object: &Object<'_>,
    entries: &[(String, Value)],
) -> Splice {
    let close = range.end - 1;
    let start = object.last_comment.unwrap_or(range.start + 1);
    let space = &text[start..close];
    if style.is_inline {
        let members =
            entries.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())));
        return Splice { range: start..close, text: members.collect::<Vec<_>>().join(",") };
    }
    let outer = line_indent(text, range.start);
    let members = style.lines(entries, &format!("{outer}{}", style.unit));
    if space.contains('\n') {
        return Splice { range: start..start, text: members };
    }
    Splice { range: start..close, text: format!("{members}{}{outer}", style.newline) }
}

/// The text of a file that does not exist yet.
pub(in crate::config) fn new_file(root: &Value) -> String {
    format!("{root:#}\n")
}

/// The text with all splices applied. They must not overlap.
pub(in crate::config) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut result = String::with_capacity(text.len() + added);
    let mut at = 0;
    for splice in &splices {
        result.push_str(&text[at..splice.range.start]);
        result.push_str(&splice.text);
        at = splice.range.end;
    }
    result.push_str(&text[at..]);
    result
}
