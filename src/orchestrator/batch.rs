//! Events that one turn answers: messages of one chat and thread that waited together.

use super::event::{Company, Event, Origin, Subject};
use super::target::Target;

/// Most events of a turn, unless configured otherwise.
pub const DEFAULT_COLLECT_EVENTS: usize = 20;
/// Most characters that the messages of a turn have together, unless configured otherwise. A single longer one has a turn of its own.
pub const DEFAULT_COLLECT_CHARACTERS: usize = 16_000;

/// How much one turn may collect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CollectLimits {
    /// Most events; every event has a turn of its own with one.
    pub(crate) events: usize,
    /// Most characters of their texts together.
    pub(crate) characters: usize,
}

impl CollectLimits {
    /// No limit.
    pub(crate) const NONE: Self = Self { events: usize::MAX, characters: usize::MAX };
}

impl Default for CollectLimits {
    fn default() -> Self {
        Self { events: DEFAULT_COLLECT_EVENTS, characters: DEFAULT_COLLECT_CHARACTERS }
    }
}

/// One event or more, in their order. The first one is the **owner**: the parts of the answer are journaled as its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch {
    owner: Event,
    others: Vec<Event>,
    characters: usize,
}

/// What is left of an event when its turn has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// What the journal knows it by.
    pub key: String,
    /// How it came.
    pub origin: Origin,
}

impl Batch {
    /// Takes another event in if it belongs to the same turn; gives it back otherwise.
    pub(crate) fn join(&mut self, event: Event, limits: &CollectLimits) -> Result<(), Box<Event>> {
        let characters = self.characters + characters(&event);
        if self.len() >= limits.events
            || characters > limits.characters
            || !belong_together(&self.owner, &event)
        {
            return Err(Box::new(event));
        }
        self.characters = characters;
        self.others.push(event);
        Ok(())
    }

    /// The first event.
    pub(crate) fn owner(&self) -> &Event {
        &self.owner
    }

    /// The newest event.
    pub(crate) fn last(&self) -> &Event {
        self.others.last().unwrap_or(&self.owner)
    }

    /// All events in their order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Event> {
        std::iter::once(&self.owner).chain(&self.others)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// Whether there is more than one.
    pub(crate) fn is_shared(&self) -> bool {
        !self.others.is_empty()
    }

    /// Where the answer goes.
    pub(crate) fn target(&self) -> Target {
        self.owner.target()
    }

    /// What is needed to end them.
    pub(crate) fn members(&self) -> Vec<Member> {
        let member =
            |event: &Event| Member { key: event.key().to_owned(), origin: event.origin.clone() };
        self.iter().map(member).collect()
    }

    /// Leaves the owner alone and gives the others; from now on each of them has a turn of its own.
    pub(crate) fn split(&mut self) -> Vec<Event> {
        self.owner.company = Company::Alone;
        let mut others = std::mem::take(&mut self.others);
        for event in &mut others {
            event.company = Company::Alone;
        }
        others
    }

    /// The first event and the others.
    pub(crate) fn into_parts(self) -> (Event, Vec<Event>) {
        (self.owner, self.others)
    }
}

impl From<Event> for Batch {
    fn from(owner: Event) -> Self {
        Self { characters: characters(&owner), owner, others: Vec::new() }
    }
}

/// Whether an event may have its turn with another one before it: new messages of one chat and thread that all want an answer, or none
/// of them.
fn belong_together(first: &Event, next: &Event) -> bool {
    let may_share = |event: &Event| {
        matches!(event.subject, Subject::Message { .. })
            && event.unknown_type().is_none()
            && event.company != Company::Alone
    };
    may_share(first)
        && may_share(next)
        && first.company == next.company
        && first.target() == next.target()
        && first.thread_root_id() == next.thread_root_id()
        && first.no_reply() == next.no_reply()
}

fn characters(event: &Event) -> usize {
    match &event.subject {
        Subject::Message { message, .. } => message.content.text.chars().count(),
        Subject::Task(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: &str, more: serde_json::Value) -> Event {
        let mut message = json!({"id": id, "chat_id": "cht_1", "content": {"text": "12345"}});
        let fields = more.as_object().cloned().unwrap_or_default();
        message.as_object_mut().unwrap().extend(fields);
        let subject = Subject::Message {
            message: serde_json::from_value(message).unwrap(),
            chat: serde_json::from_value(json!({"id": "cht_1"})).unwrap(),
        };
        Event::new(Origin::Announcement, subject)
    }

    fn joins(first: Event, next: Event) -> bool {
        Batch::from(first).join(next, &CollectLimits::default()).is_ok()
    }

    #[test]
    fn messages_of_one_chat_and_thread_share_a_turn_and_nothing_else_does() {
        let plain = || event("msg_1", json!({}));
        assert!(joins(plain(), event("msg_2", json!({"sender_id": "usr_2"}))));
        let threaded = |id| event(id, json!({"thread_root_id": "msg_0"}));
        assert!(joins(threaded("msg_1"), threaded("msg_2")));
        assert!(!joins(plain(), threaded("msg_2")));
        assert!(!joins(plain(), event("msg_2", json!({"chat_id": "cht_2"}))));
        let hint = |id| event(id, json!({"hints": {"no_reply": true}}));
        assert!(!joins(plain(), hint("msg_2")) && !joins(hint("msg_1"), event("m", json!({}))));
        assert!(joins(hint("msg_1"), hint("msg_2")));
        let of = |company| Event { company, ..plain() };
        let turn = |id: &str| Company::Turn(id.to_owned());
        assert!(joins(of(turn("t1")), of(turn("t1"))));
        assert!(!joins(of(turn("t1")), of(turn("t2"))) && !joins(plain(), of(turn("t1"))));
        assert!(!joins(of(Company::Alone), of(Company::Alone)));
        let dispatch = |event_type: Option<&str>| Origin::Dispatch {
            id: "dsp_1".into(),
            source_type: "message".into(),
            source_id: "msg_2".into(),
            event_type: event_type.map(str::to_owned),
        };
        assert!(joins(plain(), Event { origin: dispatch(None), ..plain() }));
        assert!(!joins(plain(), Event { origin: dispatch(Some("reaction")), ..plain() }));
        let task = serde_json::from_value(json!({"id": "tsk_1", "title": "t"})).unwrap();
        let task = Event { subject: Subject::Task(task), ..plain() };
        assert!(!joins(task.clone(), task));
    }

    #[test]
    fn a_turn_is_full_at_its_limits_and_a_long_message_is_alone() {
        let limits = CollectLimits { events: 3, characters: 14 };
        let mut batch = Batch::from(event("msg_1", json!({})));
        assert!(batch.join(event("msg_2", json!({})), &limits).is_ok());
        let long = batch.join(event("msg_3", json!({})), &limits).unwrap_err();
        assert_eq!(long.source_id(), "msg_3");
        let short = |id| event(id, json!({"content": {"text": "üü"}}));
        assert!(batch.join(short("msg_3"), &limits).is_ok());
        assert!(batch.join(event("msg_4", json!({"content": {}})), &limits).is_err());
        let ids: Vec<&str> = batch.iter().map(Event::source_id).collect();
        assert_eq!(ids, ["msg_1", "msg_2", "msg_3"]);
        assert_eq!((batch.owner().key(), batch.last().key()), ("msg_1", "msg_3"));
    }

    #[test]
    fn what_is_split_never_shares_a_turn_again() {
        let mut batch = Batch::from(event("msg_1", json!({})));
        batch.join(event("msg_2", json!({})), &CollectLimits::default()).unwrap();
        let others = batch.split();
        assert!(!batch.is_shared() && batch.owner().company == Company::Alone);
        assert!(others.iter().all(|event| event.company == Company::Alone));
    }
}
