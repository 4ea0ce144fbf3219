//! From an event to an event with its files. A file that is slow to come holds up its own chat alone.

use std::future::pending;

use tokio::sync::mpsc;

use super::order::{Aimed, Ordered};
use crate::orchestrator::event::Event;
use crate::orchestrator::media::fetcher::Fetcher;
use crate::orchestrator::target::Target;

/// Of how many messages of one chat files come at once.
const OF_A_CHAT: usize = 16;

/// What gets a turn.
pub(crate) struct Admitted {
    /// An event, or all events of a turn that was cut off.
    pub events: Vec<Event>,
    /// They run with nothing beside them.
    pub alone: bool,
}

impl Aimed for Admitted {
    fn target(&self) -> Option<Target> {
        self.events.first().map(Event::target)
    }
}

/// Passes events on with what became of their files, those of a chat in their order. Without files an event only waits for earlier
/// ones of its chat. How many there are is bounded by what may be in memory.
pub(crate) async fn run(
    fetcher: &Fetcher,
    mut admitted: mpsc::UnboundedReceiver<Admitted>,
    ready: mpsc::UnboundedSender<Admitted>,
) {
    let mut fetching = Ordered::new(usize::MAX, OF_A_CHAT);
    loop {
        tokio::select! {
            biased;
            next = fetching.next(|| true, pending()) => {
                if let Some(next) = next {
                    // The receiver lives as long as the account.
                    let _ = ready.send(next);
                }
            }
            next = admitted.recv() => {
                let Some(mut next) = next else { return };
                let Some(target) = next.target() else { continue };
                if !next.events.iter().any(Fetcher::concerns) && !fetching.has(&target) {
                    let _ = ready.send(next);
                    continue;
                }
                fetching.push(Some(target), async move {
                    for event in &mut next.events {
                        event.receipts = fetcher.receive(event).await;
                    }
                    next
                });
            }
        }
    }
}
