//! Whether the sender of an event may cause a turn, and what becomes of one that may not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::policy::{Access, Applicant, Place};
use super::refusals::Refusals;
use crate::api::NewMessage;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::outbox::{Outbox, Replies};
use crate::orchestrator::event::{Event, Subject};
use crate::orchestrator::lanes::limits::HourlyTurns;
use crate::text::one_line;

/// What a person reads in a direct chat, once a day.
const REFUSED: &str =
    "I do not take messages from you here. Whoever runs this agent can change that.";
/// What it reads when it has had its turns for the hour.
const SPENT: &str =
    "You have asked me as often as you may within an hour. Please write again later.";
/// How much of an id a text shows.
const SHOWN: usize = 80;
/// Whose turns are counted together when the server does not say who caused them.
const UNNAMED: &str = "?";

/// Guards the way to a turn.
pub(crate) struct AccessGate {
    context: Arc<Context>,
    access: Access,
    outbox: Arc<Outbox>,
    replies: Replies,
    refusals: Arc<Refusals>,
    /// The turns of the last hour, by chat, where a chat limits them.
    turns: Mutex<HashMap<String, HourlyTurns>>,
}

/// Why there is no turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The sender may cause none here.
    NotAllowed,
    /// It has had this many within the hour.
    Spent(usize),
}

/// An event that wants a turn, as far as access is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'event> {
    event: &'event Event,
    applicant: Applicant<'event>,
    place: Place<'event>,
}

impl<'event> Request<'event> {
    /// `is_person` says whether the server says that of the event's sender.
    pub(crate) fn new(event: &'event Event, is_person: bool) -> Self {
        let applicant = match event.sender() {
            "" => Applicant::Nameless,
            // Who wrote a message is not who did something to it.
            _ if event.unknown_type().is_some() => Applicant::Somebody,
            id if is_person => Applicant::Person(id),
            id => Applicant::Agent(id),
        };
        let place = match &event.subject {
            Subject::Task(_) => Place::Task,
            Subject::Message { message, chat } => match chat.kind.as_deref() {
                Some("direct") => Place::Direct(&message.chat_id),
                Some("group") => Place::Group(&message.chat_id),
                _ => Place::Chat(&message.chat_id),
            },
        };
        Self { event, applicant, place }
    }

    fn sender(&self) -> &'event str {
        self.applicant.id().unwrap_or(UNNAMED)
    }

    fn sender_in_words(&self) -> String {
        match self.applicant {
            Applicant::Person(id) | Applicant::Agent(id) => one_line(id, SHOWN),
            Applicant::Somebody => "somebody whom Parall does not name".to_owned(),
            Applicant::Nameless => "a sender without a name".to_owned(),
        }
    }

    fn place_in_words(&self) -> String {
        match self.place {
            Place::Direct(_) => "in direct chats".to_owned(),
            Place::Group(id) | Place::Chat(id) => format!("in {}", one_line(id, SHOWN)),
            Place::Task => "by tasks".to_owned(),
        }
    }
}

impl AccessGate {
    /// Knows who was told by earlier starts of the account.
    ///
    /// # Errors
    /// The account stops.
    pub(crate) async fn new(
        context: Arc<Context>,
        access: Access,
        outbox: Arc<Outbox>,
        replies: Replies,
    ) -> Result<Self, Stopped> {
        let refusals = Arc::<Refusals>::default();
        refusals.restore(&context).await?;
        Ok(Self { context, access, outbox, replies, refusals, turns: Mutex::default() })
    }

    /// Why the sender gets no turn; nothing if it may have one. Says so to whom it concerns.
    pub(crate) fn objection(&self, request: &Request<'_>) -> Option<String> {
        let refusal = self.refusal(request)?;
        let (who, place) = (request.sender_in_words(), request.place_in_words());
        let reason = match refusal {
            Refusal::NotAllowed => format!("{who} may not cause turns {place}"),
            Refusal::Spent(turns) => format!("{who} has had {turns} turns in an hour {place}"),
        };
        self.refusals.note(&self.context, request.sender(), &reason);
        self.tell(request, refusal);
        Some(reason)
    }

    /// The event gets a turn.
    pub(crate) fn count(&self, request: &Request<'_>) {
        if let (Some(most), Some(chat)) = (self.access.turns(request.place), request.place.chat()) {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let of_chat = turns.entry(chat.to_owned()).or_insert_with(|| HourlyTurns::new(most));
            of_chat.count(request.sender(), Instant::now());
        }
    }

    fn refusal(&self, request: &Request<'_>) -> Option<Refusal> {
        if !self.access.admits(request.applicant, request.place) {
            return Some(Refusal::NotAllowed);
        }
        let most = self.access.turns(request.place)?;
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let of_chat = turns.get(request.place.chat()?)?;
        of_chat.limited_until(request.sender(), Instant::now())?;
        Some(Refusal::Spent(most))
    }

    /// Tells a person in a direct chat, once a day. Never an agent: two that refuse each other would never end.
    fn tell(&self, request: &Request<'_>, refusal: Refusal) {
        let (Applicant::Person(sender), Place::Direct(_)) = (request.applicant, request.place)
        else {
            return;
        };
        if request.event.no_reply() || self.replies == Replies::Explicit {
            return;
        }
        let text = match refusal {
            Refusal::NotAllowed => REFUSED,
            Refusal::Spent(_) => SPENT,
        };
        let message = NewMessage {
            text: text.to_owned(),
            thread_root_id: request.event.thread_root_id().map(str::to_owned),
            idempotency_key: format!("openclaw:{}:refused", request.event.key()),
            no_reply: true,
            attachment_ids: Vec::new(),
        };
        let (context, outbox) = (Arc::clone(&self.context), Arc::clone(&self.outbox));
        let refusals = Arc::clone(&self.refusals);
        let (sender, target) = (sender.to_owned(), request.event.target());
        self.context.spawn(async move {
            if refusals.begin_to_tell(&context, &sender).await == Ok(true) {
                // Of no consequence if the server does not take it.
                let _ = outbox.send_message(&target, &message).await;
            }
        });
    }
}
