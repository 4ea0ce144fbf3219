//! What gets a turn and what does not.

use std::sync::Arc;

use super::loading::senders::{SenderKind, Senders};
use crate::api::Agent;
use crate::api::wire::announced;
use crate::orchestrator::access::gate::{AccessGate, Request};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::event::{Event, Origin, Subject};
use crate::orchestrator::host::Level;
use crate::orchestrator::loops::budget::{Cause, Decision, Incoming};
use crate::orchestrator::loops::guard::LoopGuard;

/// Decides what needs a turn.
pub(crate) struct Admission {
    /// Who is served.
    pub agent: Agent,
    /// Who may cause turns.
    pub access: AccessGate,
    /// What agents may cause.
    pub loops: Arc<LoopGuard>,
    /// Who people are and who agents are.
    pub senders: Arc<Senders>,
}

impl Admission {
    /// Whether an announced event is for this agent: a server without inbox announces what nobody said to it, too.
    pub(crate) fn is_addressed(&self, event: &Event) -> bool {
        match (&event.origin, &event.subject) {
            (Origin::Dispatch { .. }, _) => true,
            (Origin::Announcement, Subject::Task(task)) => {
                task.assignee_id.as_deref() == Some(&self.agent.id)
            }
            (Origin::Announcement, Subject::Message { message, chat }) => {
                announced::addresses(message, chat, &self.agent)
            }
        }
    }

    /// Whether an event gets a turn. One that does not is closed, unless the account stops.
    pub(crate) async fn admits(&self, completion: &Arc<Completion>, event: &Event) -> bool {
        // What was begun is brought to its end, whoever may begin what by now.
        if completion.turns.continues(event.key()) {
            return true;
        }
        let objection = self.objection(&completion.context, event);
        if let Ok(Some(reason)) = &objection {
            completion.close(event.key(), &event.origin, reason).await;
        }
        objection == Ok(None)
    }

    fn objection(&self, context: &Context, event: &Event) -> Result<Option<String>, Stopped> {
        if let Subject::Message { message, .. } = &event.subject {
            // What happened to a message is not that message.
            let is_new = event.unknown_type().is_none();
            if is_new && !message.sender_id.is_empty() && message.sender_id == self.agent.id {
                return Ok(Some("the agent's own message".to_owned()));
            }
            if is_new && message.content.text.trim().is_empty() && message.attachments.is_empty() {
                return Ok(Some("an empty message".to_owned()));
            }
        }
        let is_person = self.senders.kind(event) == SenderKind::Human;
        let request = Request::new(event, is_person);
        // What is refused uses up nobody's budget.
        if let Some(reason) = self.access.objection(&request) {
            return Ok(Some(reason));
        }
        let target = event.target().to_string();
        let incoming = Incoming {
            key: event.key(),
            chat: &target,
            cause: self.cause(event),
            no_reply: event.no_reply(),
        };
        let Decision::Spent(spent) = self.loops.consider(&incoming, context.journal()?) else {
            self.access.count(&request);
            return Ok(None);
        };
        let reason = format!("agents answer each other: {spent}");
        context.log(Level::Warn, format!("{} gets no answer: {reason}", event.key()));
        context.status.update(|status| status.loop_stopped = Some(reason.clone()));
        Ok(Some(reason))
    }

    /// Who caused an event: the writer of a message, the creator of a task. Who passed a task on or commented on it is not
    /// known, so a person's task is no proof of a person.
    fn cause<'event>(&self, event: &'event Event) -> Cause<'event> {
        match (self.senders.kind(event), &event.subject) {
            (SenderKind::Agent, _) => Cause::Agent(event.sender()),
            (SenderKind::Human, Subject::Message { .. }) => Cause::Person,
            (SenderKind::Human, Subject::Task(_)) => Cause::Unclear,
        }
    }
}
