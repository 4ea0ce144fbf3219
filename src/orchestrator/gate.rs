//! What gets a turn and what does not.

use std::sync::{Arc, Mutex, PoisonError};

use super::event::{Event, Origin, Subject};
use super::host::Level;
use super::loop_budget::{Incoming, LoopBudget, SenderKind, Verdict};
use super::seen::Seen;
use super::settle::close;
use super::shared::Shared;
use crate::api::{Agent, announced};

/// Name of the journal's note that keeps the loop budget.
pub(super) const LOOP_BUDGET_NOTE: &str = "loop_budget";

/// Decides what needs a turn.
pub(super) struct Gate {
    agent: Agent,
    budget: Mutex<LoopBudget>,
}

impl Gate {
    /// A gate for this agent.
    pub(super) fn new(agent: Agent, budget: LoopBudget) -> Self {
        Self { agent, budget: Mutex::new(budget) }
    }

    /// Whether an announced event is for this agent: a server without inbox announces what nobody said to it, too.
    pub(super) fn is_addressed(&self, event: &Event) -> bool {
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
    pub(super) async fn admits(&self, shared: &Arc<Shared>, seen: &Seen, event: &Event) -> bool {
        let Some(reason) = self.objection(shared, event) else { return true };
        close(shared, seen, event.key(), &event.origin, &reason).await;
        false
    }

    fn objection(&self, shared: &Shared, event: &Event) -> Option<String> {
        let Subject::Message { message, .. } = &event.subject else { return None };
        if !message.sender_id.is_empty() && message.sender_id == self.agent.id {
            return Some("the agent's own message".to_owned());
        }
        if message.content.text.trim().is_empty() && message.attachments.is_empty() {
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
        let journal = shared.journal().ok()?;
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = budget.consider(&incoming, journal.now());
        if incoming.kind != SenderKind::Unknown {
            journal.set_note(LOOP_BUDGET_NOTE, budget.save());
        }
        let Verdict::Spent(spent) = verdict else { return None };
        let reason = format!("agents answer each other: {spent}");
        shared.log(Level::Warn, format!("{} gets no answer: {reason}", event.key()));
        shared.status.update(|status| status.loop_stopped = Some(reason.clone()));
        Some(reason)
    }
}
