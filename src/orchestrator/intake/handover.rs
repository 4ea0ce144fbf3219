//! From loaded events to the lanes: what gets a turn, and what runs with nothing beside it.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::admission::Admission;
use super::loading::loader::Loaded;
use crate::orchestrator::delivery::completion::Completion;
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

impl Handover {
    /// Hands events over in their order. Loading continues while one of them runs alone.
    pub(crate) async fn run(self, mut loaded: mpsc::UnboundedReceiver<Loaded>) {
        while let Some(Loaded { event, alone }) = loaded.recv().await {
            let Some(event) = event else { continue };
            if !self.admission.admits(&self.completion, &event).await {
                continue;
            }
            if alone {
                self.lanes.accept_alone(event).await;
            } else {
                self.lanes.accept(event);
            }
        }
    }
}
