//! What the host would show its model, as messages: all that can be written into a fork.

use std::collections::HashSet;

use serde_json::Value;

use crate::session::json::object::Object;
use crate::session::json::text::{inner, is_string, quote, string};
use crate::session::transcript::context::Context;
use crate::session::transcript::line::Kind;
use crate::session::transcript::tokens::Weight;
use crate::time::parse_iso;

/// Messages are handed over in batches of about this many bytes.
const BATCH: usize = 128 << 10;
/// How hosts introduce the summary of a compaction to their model. A fork can only be given messages; with these words its model
/// reads what the parent's reads.
const SUMMARY: (&str, &str) = (
    "The conversation history before this point was compacted into the following summary:\n\n<summary>\n",
    "\n</summary>",
);
/// The same for a side branch.
const BRANCH: (&str, &str) = (
    "The following is a summary of a branch that this conversation came back from:\n\n<summary>\n",
    "</summary>",
);
/// The kind of message that summaries and notes become. Models see no difference; hosts leave it as it is.
const NOTE: &str = "parall.fork";
/// Replay data of a provider that stands for the conversation before it; useless where that is gone.
const CHECKPOINTS: [&str; 3] =
    ["anthropic-compaction", "openai-responses-compaction", "openai-responses-retained-compaction"];

/// A message as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

/// The messages of a context.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What the last compaction says.
    pub(super) summary: Option<Message>,
    /// The others, in the order in which the model sees them.
    pub(super) messages: Vec<Message>,
    /// The first of them that was said after the last boundary.
    pub(super) fresh: usize,
}

/// The messages of a path's context. The path has for every entry its kind and its JSON text.
pub(super) fn shown(path: &[(Kind, &[u8])], context: Context) -> Shown {
    let mut shown = Shown::default();
    let Some(boundary) = context.boundary else {
        shown.messages = path.iter().filter_map(|(_, row)| Message::of(row, false)).collect();
        return shown;
    };
    let (kind, row) = path[boundary];
    let kept = path[context.first..boundary].iter().map(|(_, row)| *row);
    shown.messages = if kind == Kind::Reset {
        survivors(kept)
    } else {
        shown.summary = Object::parse(row).and_then(|row| Message::summary(&row, SUMMARY));
        kept.filter_map(|row| Message::of(row, true)).collect()
    };
    shown.fresh = shown.messages.len();
    shown
        .messages
        .extend(path[boundary + 1..].iter().filter_map(|(_, row)| Message::of(row, false)));
    shown
}

/// What survives a reset: what was said, and results of calls that survive, too.
fn survivors<'r>(kept: impl Iterator<Item = &'r [u8]>) -> Vec<Message> {
    let mut open = HashSet::new();
    let mut messages = Vec::new();
    for row in kept {
        let Some(entry) = Object::parse(row).filter(|entry| is(entry, "type", "message")) else {
            continue;
        };
        let Some(message) = entry.get("message").and_then(Object::parse) else { continue };
        let is_kept = match message.get("role").and_then(string).as_deref() {
            Some("user") => true,
            Some("assistant") => {
                open.extend(message.get("content").map(calls).unwrap_or_default());
                true
            }
            Some("toolResult") => {
                message.get("toolCallId").and_then(string).is_some_and(|call| open.remove(&call))
            }
            _ => false,
        };
        if is_kept {
            messages.push(Message::plain(message, true));
        }
    }
    messages
}

/// The ids of the calls in a message's content.
fn calls(content: &[u8]) -> Vec<String> {
    let Ok(Value::Array(parts)) = serde_json::from_slice(content) else { return Vec::new() };
    parts
        .iter()
        .filter(|part| {
            matches!(part["type"].as_str(), Some("toolCall" | "toolUse" | "functionCall"))
        })
        .filter_map(|part| part["id"].as_str().map(str::to_owned))
        .collect()
}

impl Message {
    /// What the host shows of an entry, if anything. `is_retained` is for those before a boundary.
    fn of(row: &[u8], is_retained: bool) -> Option<Self> {
        let entry = Object::parse(row)?;
        match entry.get("type").and_then(string)?.as_str() {
            "message" => {
                let message = Object::parse(entry.get("message")?)?;
                (message.get("excludeFromContext") != Some(b"true"))
                    .then(|| Self::plain(message, is_retained))
            }
            "custom_message" => Some(Self::custom(&entry)),
            "branch_summary" => Self::summary(&entry, BRANCH),
            _ => None,
        }
    }

    /// A message as it is. A key that makes it unique in the parent would be looked up in the fork; it means nothing there.
    fn plain(mut message: Object<'_>, is_retained: bool) -> Self {
        message.remove("idempotencyKey");
        let is_checkpoint = is_retained
            && message
                .get("providerReplay")
                .and_then(Object::parse)
                .is_some_and(|replay| CHECKPOINTS.iter().any(|name| is(&replay, "type", name)));
        if is_checkpoint {
            message.remove("providerReplay");
        }
        Self(message.into_bytes())
    }

    fn custom(entry: &Object<'_>) -> Self {
        let mut text = br#"{"role":"custom""#.to_vec();
        for name in ["customType", "content", "display", "details"] {
            if let Some(value) = entry.get(name) {
                text.extend_from_slice(format!(r#","{name}":"#).as_bytes());
                text.extend_from_slice(value);
            }
        }
        text.extend_from_slice(format!(r#","timestamp":{}}}"#, time_of(entry)).as_bytes());
        Self(text)
    }

    /// A summary in the words of the host; nothing if it is empty.
    fn summary(entry: &Object<'_>, (before, after): (&str, &str)) -> Option<Self> {
        let summary = entry.get("summary").and_then(inner).filter(|text| !text.is_empty())?;
        let quoted = |text| quote(text).trim_matches('"').to_owned();
        let text = [quoted(before).as_bytes(), summary, quoted(after).as_bytes()].concat();
        Some(Self::said(&text, time_of(entry)))
    }

    /// What no person said; the text as spelt between its quotes. Hosts put the time before what a person says, and join it with
    /// what follows.
    fn said(text: &[u8], time: u64) -> Self {
        let mut message =
            format!(r#"{{"role":"custom","customType":"{NOTE}","content":""#).into_bytes();
        message.extend_from_slice(text);
        message.extend_from_slice(format!(r#"","display":false,"timestamp":{time}}}"#).as_bytes());
        Self(message)
    }

    /// What comes first: a summary, a note on what was left out, or both.
    pub(super) fn head(summary: Option<Self>, note: Option<&str>) -> Vec<Self> {
        let note = note.map(|note| Self::said(note.as_bytes(), 0));
        summary.into_iter().chain(note).collect()
    }

    pub(super) fn weight(&self) -> Weight {
        Weight::of_message(&self.0)
    }
}

/// Messages as JSON arrays.
pub(super) fn batches(messages: impl Iterator<Item = Message>) -> Vec<String> {
    let mut batches: Vec<String> = Vec::new();
    let mut batch = String::new();
    for Message(text) in messages {
        batch.push(if batch.is_empty() { '[' } else { ',' });
        batch += &String::from_utf8_lossy(&text);
        if batch.len() >= BATCH {
            batch.push(']');
            batches.push(std::mem::take(&mut batch));
        }
    }
    if !batch.is_empty() {
        batch.push(']');
        batches.push(batch);
    }
    batches
}

/// The id of an entry.
pub(super) fn id_of(row: &[u8]) -> String {
    Object::parse(row).and_then(|entry| entry.get("id").and_then(string)).unwrap_or_default()
}

fn is(object: &Object<'_>, name: &str, expected: &str) -> bool {
    object.get(name).is_some_and(|value| is_string(value, expected))
}

/// When an entry was written, in milliseconds since 1970.
fn time_of(entry: &Object<'_>) -> u64 {
    entry.get("timestamp").and_then(string).and_then(|text| parse_iso(&text)).unwrap_or_default()
}
