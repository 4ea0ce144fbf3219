//! The header lines and the body of an event's text.

use std::fmt::Write;

use super::untrusted::{body, fact, id, name};
use crate::api::{Attachment, Message, moment};
use crate::orchestrator::event::Event;
use crate::orchestrator::media::receipt::Receipt;
use crate::time::{as_javascript, now, parse_iso};

/// Most attachments and most mentions that are listed.
pub(super) const MOST_LISTED: usize = 20;

/// What happened. Of an event of an unknown kind only its source can be shown, and that is no news.
pub(super) fn say_what_happened(text: &mut String, event: &Event, known: &str) {
    match event.unknown_type() {
        None => header(text, "Event", known),
        Some(unknown) => {
            header(text, "Event", &name(unknown));
            let kind = event.source_kind();
            header(text, "Note", &format!("not a new {kind}; the event is about the {kind} below"));
        }
    }
}

pub(super) fn push_body(text: &mut String, kept: &str, left_out: usize) {
    text.push_str(&body(kept));
    if left_out > 0 {
        text.push('\n');
        header(text, "Cut", &format!("{left_out} more bytes are not shown"));
    }
}

pub(super) fn say_missed(text: &mut String, event: &Event) {
    if event.missed {
        header(text, "Received", "late; it was written while you were offline");
    }
}

pub(super) fn say_mentions(text: &mut String, message: &Message, agent_id: Option<&str>) {
    let ids = message.content.mentions.iter().map(|mention| mention.user_id.as_str());
    let mentioned: Vec<String> = ids
        .filter(|mentioned| !mentioned.is_empty())
        .take(MOST_LISTED)
        .map(|mentioned| match agent_id {
            Some(own) if own == mentioned => format!("{} (you)", id(mentioned)),
            _ => id(mentioned),
        })
        .collect();
    if !mentioned.is_empty() {
        header(text, "Mentions", &mentioned.join(", "));
    }
}

pub(super) fn say_time(text: &mut String, time: Option<&str>) {
    let time = time.map(id).unwrap_or_default();
    if !time.is_empty() {
        header(text, "Time", &time);
    }
}

pub(super) fn header(text: &mut String, label: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "[{label}: {value}]");
}

/// An id, facts about it in parentheses, and its name.
pub(super) fn named(of: &str, facts: &[&str], name: &str) -> String {
    let of = first_of([id(of), "unknown".to_owned()]);
    let facts =
        facts.iter().filter(|fact| !fact.is_empty()).copied().collect::<Vec<_>>().join(", ");
    let mut text = if facts.is_empty() { of } else { format!("{of} ({facts})") };
    if !name.is_empty() {
        text.push(' ');
        text.push_str(name);
    }
    text
}

/// One line about a file: what it is, and where it is or why it is not.
pub(super) fn describe_attachment(attachment: &Attachment, receipt: Option<&Receipt>) -> String {
    let announced = attachment.mime_type.as_deref().map(id);
    let size = |size: u64| format!("{size} bytes");
    let mut facts = Vec::new();
    match receipt {
        Some(Receipt::Kept(file)) => {
            facts.extend([id(&file.mime_type), size(file.size)]);
            facts.extend(file.announced.as_deref().map(|kind| format!("not {} as said", id(kind))));
            // A host shows an image once for itself and once for each path of it in a text, so the path is left to the host.
            let is_image = file.mime_type.starts_with("image/");
            let path = fact(&file.path.to_string_lossy());
            facts.push(if is_image { "attached".to_owned() } else { path });
        }
        other => {
            facts.extend(announced);
            facts.extend(attachment.file_size.map(size));
            facts.push(match other {
                Some(Receipt::Refused(reason)) => format!("not fetched: {}", fact(reason)),
                _ => "you cannot open it".to_owned(),
            });
        }
    }
    let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    let file_name = attachment.file_name.as_deref().map(name).unwrap_or_default();
    named(&attachment.id, &facts, &file_name)
}

/// The first text that is not empty.
pub(super) fn first_of<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// Milliseconds since the epoch of a time that the server named; now when it named none.
pub(super) fn written_at(time: Option<&str>) -> f64 {
    let written =
        time.and_then(moment).and_then(|moment| parse_iso(&format!("{}Z", moment.get(..23)?)));
    as_javascript(written.unwrap_or_else(now))
}
