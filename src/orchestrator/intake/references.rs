//! What the server says, as references: "look at this source".

use serde_json::value::RawValue;

use super::missed::history::{Mark, Place};
use crate::api::wire::announced;
use crate::api::{Dispatch, Frame, Message, Task};
use crate::journal::DispatchRecord;
use crate::orchestrator::event::{Company, MESSAGE, Origin, TASK};
use crate::orchestrator::in_flight::Identity;
use crate::orchestrator::target::Target;

/// What the event type of a dispatch says when it is a new message, and when a task was assigned. **Choice**: only the first
/// of each pair is known to exist.
const NEW_MESSAGE: [&str; 2] = ["message", "message.new"];
const ASSIGNED_TASK: [&str; 2] = ["task", "task.assigned"];
/// An event in whose turns the process has ended this often may be the cause, and runs alone.
const SUSPICIOUS: u32 = 2;
/// Bytes of an attachment's description in memory, roughly.
const ATTACHMENT_SIZE: usize = 256;

/// Something to look at.
#[derive(Debug)]
pub(crate) struct Reference {
    /// What the journal knows it by.
    pub key: String,
    /// How it came.
    pub origin: Origin,
    /// What it is, as far as it is known.
    pub source: SourceRef,
    /// Position of the frame that brought it.
    pub seq: Option<u64>,
    /// The chat of a message that is only named, where known.
    pub chat: Option<String>,
    /// It may be what ended the process the last times, and so runs with nothing beside it.
    pub alone: bool,
    /// With which others it may share a turn.
    pub company: Company,
    /// What is known up to it, once it is claimed.
    pub place: Option<Place>,
}

/// The source of an event.
#[derive(Debug)]
pub(crate) enum SourceRef {
    /// To be loaded: its kind (`message`, `task`) and its id.
    Named(String, String),
    /// A message that came with its announcement.
    Message(Box<Message>),
    /// A task that came with its announcement.
    Task(Box<Task>),
}

impl Reference {
    /// Where it belongs, as far as it is known before it is loaded.
    pub(crate) fn target(&self) -> Option<Target> {
        match &self.source {
            SourceRef::Message(message) => Some(Target::Chat(message.chat_id.clone())),
            SourceRef::Task(task) => Some(Target::Task(task.id.clone())),
            SourceRef::Named(kind, id) if kind == TASK => Some(Target::Task(id.clone())),
            SourceRef::Named(..) => self.chat.clone().map(Target::Chat),
        }
    }

    /// What tells it from all others. A message is one event whatever way it comes.
    pub(crate) fn identity(&self) -> Identity {
        let (kind, id) = self.source.name();
        let is_new = match &self.origin {
            Origin::Announcement => true,
            Origin::Dispatch { event_type, .. } => event_type.is_none() && !id.is_empty(),
        };
        let source = (is_new && kind == MESSAGE).then(|| format!("{kind} {id}"));
        Identity { key: self.key.clone(), source }
    }
}

impl SourceRef {
    /// Its kind and its id.
    pub(crate) fn name(&self) -> (&str, &str) {
        match self {
            Self::Named(kind, id) => (kind, id),
            Self::Message(message) => (MESSAGE, &message.id),
            Self::Task(task) => (TASK, &task.id),
        }
    }

    /// Bytes in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Named(..) => 0,
            Self::Message(message) => message_size(message),
            Self::Task(task) => task_size(task),
        }
    }
}

/// Bytes of a message in memory, roughly.
pub(crate) fn message_size(message: &Message) -> usize {
    message.content.text.len() + message.attachments.len() * ATTACHMENT_SIZE
}

/// Bytes of a task in memory, roughly.
pub(crate) fn task_size(task: &Task) -> usize {
    task.title.len() + task.description.as_ref().map_or(0, String::len)
}

/// A dispatch as a reference. One of a kind that this version does not know keeps its event type, so that it is not taken for
/// a new message; the error is what it is called when its source cannot be read either.
pub(crate) fn dispatched(dispatch: &Dispatch, seq: Option<u64>) -> Result<Reference, String> {
    let event_type = dispatch.event_type.as_deref().filter(|kind| !kind.is_empty());
    let source_type = dispatch.source_type.as_deref().filter(|kind| !kind.is_empty());
    let (source_type, event_type) = match (source_type, event_type) {
        (None | Some(MESSAGE), None) => (MESSAGE, None),
        (None | Some(MESSAGE), Some(kind)) if NEW_MESSAGE.contains(&kind) => (MESSAGE, None),
        (Some(TASK), None) => (TASK, None),
        (None | Some(TASK), Some(kind)) if ASSIGNED_TASK.contains(&kind) => (TASK, None),
        (Some(MESSAGE), Some(kind)) => (MESSAGE, Some(kind)),
        (Some(TASK), Some(kind)) => (TASK, Some(kind)),
        (source_type, event_type) => {
            return Err(event_type.or(source_type).unwrap_or_default().to_owned());
        }
    };
    Ok(Reference {
        key: dispatch.id.clone(),
        origin: Origin::Dispatch {
            id: dispatch.id.clone(),
            source_type: source_type.to_owned(),
            source_id: dispatch.source_id.clone(),
            event_type: event_type.map(str::to_owned),
        },
        source: SourceRef::Named(source_type.to_owned(), dispatch.source_id.clone()),
        seq,
        chat: dispatch.chat_id.clone(),
        alone: false,
        company: Company::New,
        place: None,
    })
}

/// What an older server announces, a message or a task, as a reference.
pub(crate) fn announced(frame: &Frame, data: &RawValue) -> Result<Reference, serde_json::Error> {
    let (key, place, source) = if frame.kind == "message.new" {
        let message = announced::message(data)?;
        let place = Place::Chat(message.chat_id.clone(), Mark::of(&message));
        (message.id.clone(), place, SourceRef::Message(Box::new(message)))
    } else {
        let task = announced::task(data)?;
        (task.id.clone(), Place::Task(task.id.clone()), SourceRef::Task(Box::new(task)))
    };
    Ok(Reference {
        key,
        origin: Origin::Announcement,
        source,
        seq: frame.seq,
        chat: None,
        alone: false,
        company: Company::New,
        place: Some(place),
    })
}

/// A message or task that came in while nobody listened, as a reference.
pub(crate) fn missed(kind: &str, id: String, place: Place) -> Reference {
    let chat = match &place {
        Place::Chat(chat, _) => Some(chat.clone()),
        Place::Task(_) => None,
    };
    Reference {
        key: id.clone(),
        origin: Origin::Announcement,
        source: SourceRef::Named(kind.to_owned(), id),
        seq: None,
        chat,
        alone: false,
        company: Company::New,
        place: Some(place),
    }
}

/// What a record of the journal is about, as a reference.
pub(crate) fn recorded(record: &DispatchRecord) -> Reference {
    let chat = record.details.as_ref().filter(|_| record.source_type == MESSAGE);
    Reference {
        key: record.id.clone(),
        origin: Origin::from(record),
        source: SourceRef::Named(record.source_type.clone(), record.source_id.clone()),
        seq: None,
        alone: record.attempts.saturating_sub(record.failures) >= SUSPICIOUS,
        company: match &record.turn_id {
            Some(turn) => Company::Turn(turn.clone()),
            None if record.attempts > 0 => Company::Alone,
            None => Company::New,
        },
        chat: chat.map(|details| details.target.clone()),
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(event_type: Option<&str>, source_type: Option<&str>) -> Result<Reference, String> {
        let dispatch = json!({
            "id": "dsp_1", "event_type": event_type, "source_type": source_type, "source_id": "x_1",
        });
        dispatched(&serde_json::from_value(dispatch).unwrap(), None)
    }

    #[test]
    fn only_what_is_a_new_message_is_taken_for_one() {
        for (event_type, source_type, kind, unknown) in [
            (None, None, MESSAGE, None),
            (None, Some("message"), MESSAGE, None),
            (Some("message"), Some("message"), MESSAGE, None),
            (Some("message"), None, MESSAGE, None),
            (Some("message.new"), Some("message"), MESSAGE, None),
            (None, Some("task"), TASK, None),
            (Some("task"), Some("task"), TASK, None),
            (Some("task.assigned"), None, TASK, None),
            (Some("reaction.added"), Some("message"), MESSAGE, Some("reaction.added")),
            (Some("task"), Some("message"), MESSAGE, Some("task")),
            (Some("task.overdue"), Some("task"), TASK, Some("task.overdue")),
        ] {
            let reference = read(event_type, source_type).unwrap();
            let Origin::Dispatch { event_type: found, .. } = &reference.origin else { panic!() };
            assert_eq!((reference.source.name(), found.as_deref()), ((kind, "x_1"), unknown));
            let is_only = kind == MESSAGE && unknown.is_none();
            assert_eq!(reference.identity().source.is_some(), is_only);
        }
    }

    #[test]
    fn what_has_no_readable_source_is_called_by_its_kind() {
        for (event_type, source_type, called) in [
            (Some("wiki.changed"), Some("wiki"), "wiki.changed"),
            (None, Some("wiki"), "wiki"),
            (Some("wiki.changed"), None, "wiki.changed"),
            (Some("message"), Some("wiki"), "message"),
        ] {
            assert_eq!(read(event_type, source_type).unwrap_err(), called);
        }
    }
}
