//! From loaded events to the lanes: what gets a turn, with what it was in one before, and what runs with nothing beside it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::admission::Admission;
use super::loading::attachments::Admitted;
use super::loading::loader::Loaded;
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::event::{Company, Event};
use crate::orchestrator::lanes::scheduler::Lanes;

/// Hands events to the lanes.
pub(crate) struct Handover {
    /// What needs no turn.
    pub admission: Arc<Admission>,
    /// How events end.
    pub completion: Arc<Completion>,
    /// Where they go.
    pub lanes: Arc<Lanes>,
}

/// How many events of each turn that was cut off are loaded again, and those that are loaded already: the turn is run again with exactly
/// these.
#[derive(Debug, Default)]
pub(crate) struct CutOff(HashMap<String, (usize, Vec<Event>)>);

impl CutOff {
    /// One more event of a turn is going to be loaded.
    pub(crate) fn expect(&mut self, turn: &str) {
        self.0.entry(turn.to_owned()).or_default().0 += 1;
    }

    /// An event is loaded, or nothing is left of it. Gives what may go to the lanes with that.
    fn arrived(&mut self, company: &Company, event: Option<Event>) -> Vec<Event> {
        if let Company::Turn(turn) = company
            && let Some((left, events)) = self.0.get_mut(turn)
        {
            events.extend(event);
            *left -= 1;
            if *left > 0 {
                return Vec::new();
            }
            return self.0.remove(turn).map(|(_, events)| events).unwrap_or_default();
        }
        event.into_iter().collect()
    }
}

impl Handover {
    /// Passes on what gets a turn, in its order.
    pub(crate) async fn admit(
        &self,
        mut cut_off: CutOff,
        mut loaded: mpsc::UnboundedReceiver<Loaded>,
        admitted: mpsc::UnboundedSender<Admitted>,
    ) {
        while let Some(Loaded { event, alone, company }) = loaded.recv().await {
            let event = match event {
                Some(event) if self.admits(&event).await => Some(event),
                _ => None,
            };
            let events = cut_off.arrived(&company, event);
            if !events.is_empty() {
                // The receiver lives as long as the account.
                let _ = admitted.send(Admitted { events, alone });
            }
        }
    }

    /// Hands events over in their order. Loading continues while some of them run alone.
    pub(crate) async fn run(&self, mut ready: mpsc::UnboundedReceiver<Admitted>) {
        while let Some(Admitted { events, alone }) = ready.recv().await {
            if alone {
                self.lanes.accept_alone(events).await;
            } else {
                self.lanes.accept(events);
            }
        }
    }

    /// Whether an event gets a turn. What is in one that continues was admitted before.
    async fn admits(&self, event: &Event) -> bool {
        self.completion.turns.runs_with_others(event.key())
            || self.admission.admits(&self.completion, event).await
    }
}
