//! The life of an event as JSON.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::journal::{Error, Journal, Step, Trace};
use crate::text::one_line;

/// Most events of one message or task: a task may be assigned many times.
const MOST_EVENTS: u32 = 20;
/// Most characters of a text.
const MOST_CHARACTERS: usize = 500;

/// What the journal in a folder knows of a dispatch, a message or a task, as JSON. Times are milliseconds since the epoch.
pub async fn trace(folder: PathBuf, account: String, id: String) -> Result<String, Error> {
    let read = async move |journal: Journal| journal.trace(&id, MOST_EVENTS).await;
    let traces = Journal::beside(folder, account, read).await?;
    Ok(traces.into_iter().map(shown).collect::<Value>().to_string())
}

fn shown(Trace { record, steps, parts }: Trace) -> Value {
    let details = record.details.unwrap_or_default();
    let short = |text: Option<String>| text.map(|text| one_line(&text, MOST_CHARACTERS));
    let steps = steps.into_iter().map(|step| Step { detail: short(step.detail), ..step });
    json!({
        "id": record.id,
        "origin": record.origin.as_str(),
        "sourceType": one_line(&record.source_type, MOST_CHARACTERS),
        "sourceId": one_line(&record.source_id, MOST_CHARACTERS),
        "eventType": short(record.event_type),
        "target": short(Some(details.target).filter(|target| !target.is_empty())),
        "senderId": short(details.sender_id),
        "writtenAt": short(details.created_at),
        "state": record.state.as_str(),
        "attempts": record.attempts,
        "cause": short(record.cause),
        "nextTryAt": record.next_try_at,
        "steps": steps.collect::<Vec<_>>(),
        "parts": parts,
    })
}
