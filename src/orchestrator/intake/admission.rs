//! What gets a turn and what does not.

use std::sync::{Arc, Mutex, PoisonError};

use super::loop_budget::{Incoming, LoopBudget, SenderKind, Verdict};
use crate::api::{Agent, announced};
use crate::orchestrator::context::Context;
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::event::{Event, Origin, Subject};
use crate::orchestrator::host::Level;

/// Name of the journal's note that keeps the loop budget.
pub(crate) const LOOP_BUDGET_NOTE: &str = "loop_budget";

/// Decides what needs a turn.
pub(crate) struct Gate {
    agent: Agent,
    budget: Mutex<LoopBudget>,
}

impl Gate {
    /// A gate for this agent.
    pub(crate) fn new(agent: Agent, budget: LoopBudget) -> Self {
        Self { agent, budget: Mutex::new(budget) }
    }

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

    /// Whether an event gets a turn. One that does not is closed.
    pub(crate) async fn admits(&self, completion: &Arc<Completion>, event: &Event) -> bool {
        let Some(reason) = self.objection(&completion.context, event) else { return true };
        completion.close(event.key(), &event.origin, &reason).await;
        false
    }

    fn objection(&self, context: &Context, event: &Event) -> Option<String> {
        let Subject::Message { message, .. } = &event.subject else { return None };
        // What happened to a message is not that message.
        let is_new = event.unknown_type().is_none();
        if is_new && !message.sender_id.is_empty() && message.sender_id == self.agent.id {
            return Some("the agent's own message".to_owned());
        }
        if is_new && message.content.text.trim().is_empty() && message.attachments.is_empty() {
            return Some("an empty message".to_owned());
        }
        let incoming = Incoming {
            key: event.key(),
            chat: &message.chat_id,
            sender: &message.sender_id,
            kind: SenderKind::from(
                message.sender.as_ref().and_then(|sender| sender.kind.as_deref()),
            ),
            no_reply: message.hints.no_reply,
        };
        let journal = context.journal().ok()?;
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = budget.consider(&incoming, journal.now());
        if incoming.kind != SenderKind::Unknown {
            journal.set_note(LOOP_BUDGET_NOTE, budget.save());
        }
        let Verdict::Spent(spent) = verdict else { return None };
        let reason = format!("agents answer each other: {spent}");
        context.log(Level::Warn, format!("{} gets no answer: {reason}", event.key()));
        context.status.update(|status| status.loop_stopped = Some(reason.clone()));
        Some(reason)
    }
}
