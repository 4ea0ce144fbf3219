//! What the server says, as references to take on.

use serde_json::value::RawValue;

use super::history::{Mark, Place};
use super::loader::{Reference, Source};
use crate::api::{Dispatch, Frame, announced};
use crate::orchestrator::event::Origin;

/// A dispatch as a reference.
pub(crate) fn dispatched(dispatch: &Dispatch, seq: Option<u64>) -> Reference {
    let kind = dispatch.source_type.clone().unwrap_or_else(|| "message".to_owned());
    Reference {
        key: dispatch.id.clone(),
        origin: Origin::from(dispatch),
        source: Source::Named(kind, dispatch.source_id.clone()),
        seq,
        chat: dispatch.chat_id.clone(),
        alone: false,
        place: None,
    }
}

/// What an older server announces, a message or a task, as a reference.
pub(crate) fn announced(frame: &Frame, data: &RawValue) -> Result<Reference, serde_json::Error> {
    let (key, place, source) = if frame.kind == "message.new" {
        let message = announced::message(data)?;
        let place = Place::Chat(message.chat_id.clone(), Mark::of(&message));
        (message.id.clone(), place, Source::Message(Box::new(message)))
    } else {
        let task = announced::task(data)?;
        (task.id.clone(), Place::Task(task.id.clone()), Source::Task(Box::new(task)))
    };
    Ok(Reference {
        key,
        origin: Origin::Announcement,
        source,
        seq: frame.seq,
        chat: None,
        alone: false,
        place: Some(place),
    })
}

/// Bytes of a frame, roughly.
pub(crate) fn size(frame: &Frame) -> usize {
    frame.data.as_ref().map_or(0, |data| data.get().len())
}
