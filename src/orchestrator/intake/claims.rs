//! Taking events on: what is for this agent goes into the journal before anything else happens to it.
//!
//! Claims are journaled in the order of arrival within a chat or task, and across them as far as nothing is slow: after a crash
//! the journal's order is all that is left. The event cursor moves when everything up to there is claimed.

use std::collections::VecDeque;
use std::future::pending;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::history::Place;
use super::loader::{
    AT_ONCE, CLAIMED_AT_ONCE, Claimed, Loader, Nothing, Reference, Sought, Source,
};
use super::order::{Aimed, Ordered};
use super::progress::Progress;
use crate::journal::{Claim, NewDispatch, Origin as JournalOrigin};
use crate::orchestrator::context::Stopped;
use crate::orchestrator::event::{Event, Origin, Subject};
use crate::orchestrator::target::Target;

/// A reference of which is known whether it is for this agent.
struct Checked {
    claimed: Claimed,
    place: Option<Place>,
    seq: Option<u64>,
    number: u64,
}

impl Aimed for Checked {
    fn target(&self) -> Option<Target> {
        self.claimed.target.clone()
    }
}

/// What waits to be claimed.
struct Queue<'work> {
    checked: VecDeque<Checked>,
    /// What has to be looked at first, and what came after it in the same chat.
    checking: Ordered<'work, Checked>,
}

impl Queue<'_> {
    async fn next(&mut self) -> Option<Checked> {
        match self.checked.pop_front() {
            Some(next) => Some(next),
            None => self.checking.next(|| true, pending()).await,
        }
    }

    /// What can be claimed together.
    fn batch(&mut self, first: Option<Checked>) -> Vec<Checked> {
        let mut batch: Vec<Checked> = first.into_iter().collect();
        while batch.len() < CLAIMED_AT_ONCE
            && let Some(next) = self.next().now_or_never().flatten()
        {
            batch.push(next);
        }
        batch
    }
}

impl Loader {
    /// Takes events on that are for this agent, those that wait in one step.
    pub(crate) async fn claim_all(
        &self,
        mut references: mpsc::UnboundedReceiver<Reference>,
        sender: mpsc::Sender<Claimed>,
    ) {
        let mut progress = Progress::default();
        let mut queue = Queue { checked: VecDeque::new(), checking: Ordered::new(AT_ONCE, 1) };
        let mut arrived = Vec::new();
        loop {
            tokio::select! {
                biased;
                first = queue.next() => {
                    let batch = queue.batch(first);
                    for claimed in self.claim(batch, &mut progress).await {
                        // The receiver lives as long as this does.
                        let _ = sender.send(claimed).await;
                    }
                }
                count = references.recv_many(&mut arrived, CLAIMED_AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    for reference in arrived.drain(..) {
                        self.enqueue(&mut queue, reference, progress.begin());
                    }
                }
            }
        }
    }

    fn enqueue<'work>(&'work self, queue: &mut Queue<'work>, reference: Reference, number: u64) {
        let target = reference.target();
        let is_named = matches!(reference.source, Source::Named(..));
        let check = self.check(reference, number);
        match target {
            Some(target) if !is_named || queue.checking.has(&target) => {
                queue.checking.push(Some(target), check);
            }
            // There is nothing to look at.
            _ => queue.checked.extend(check.now_or_never()),
        }
    }

    /// Finds out what has to be known before an event is claimed: an announced one may be for somebody else.
    async fn check(&self, reference: Reference, number: u64) -> Checked {
        let target = reference.target();
        let Reference { key, origin, source, seq, alone, place, .. } = reference;
        let source = self.addressed(&key, &origin, source).await;
        let claimed = Claimed { key, origin, alone, target, source };
        Checked { claimed, place, seq, number }
    }

    async fn addressed(
        &self,
        key: &str,
        origin: &Origin,
        source: Source,
    ) -> Result<Sought, Nothing> {
        let subject = match source {
            Source::Named(kind, id) => return Ok(Sought::Named(kind, id)),
            Source::Message(message) => self.message(*message).await?,
            Source::Task(task) => Subject::Task(*task),
        };
        let event = Event { origin: origin.clone(), subject, missed: false };
        if self.gate.is_addressed(&event) {
            Ok(Sought::Found(Box::new(event)))
        } else {
            self.in_flight.done(key);
            Err(Nothing::Over)
        }
    }

    /// Puts events into the journal in one step, so that their order is kept.
    async fn claim(&self, batch: Vec<Checked>, progress: &mut Progress) -> Vec<Claimed> {
        let wanted = batch.iter().filter_map(|checked| new_dispatch(&checked.claimed)).collect();
        let claims = self.record_claims(wanted).await;
        let recorded = claims.is_ok();
        let mut claims = claims.into_iter().flatten();
        let mut claimed = Vec::new();
        let (mut places, mut cursor) = (Vec::new(), None);
        for Checked { claimed: mut next, place, seq, number } in batch {
            if next.source.is_ok()
                && let Err(nothing) = match claims.next() {
                    Some(claim) => self.heed(claim, &next.key, &next.origin),
                    None => Err(Nothing::Stopped),
                }
            {
                next.source = Err(nothing);
            }
            if recorded && !matches!(next.source, Err(Nothing::Stopped)) {
                places.extend(place);
                cursor = progress.end(number, seq).or(cursor);
            }
            claimed.push(next);
        }
        self.move_on(places, cursor);
        claimed
    }

    async fn record_claims(&self, wanted: Vec<NewDispatch>) -> Result<Vec<Claim>, Stopped> {
        let journal = self.context.journal()?;
        self.context.record("taking on events", || journal.claim_all(wanted.clone())).await
    }

    /// Events are claimed, so they need not come again.
    fn move_on(&self, places: Vec<Place>, cursor: Option<u64>) {
        let Ok(journal) = self.context.journal() else { return };
        if !places.is_empty() {
            self.history.claimed(journal, places);
        }
        if let Some(seq) = cursor {
            journal.set_cursor(seq);
            self.context.status.update(|status| status.event_cursor = Some(seq));
        }
    }

    /// What an earlier life of this process knows of the event counts.
    fn heed(&self, claim: Claim, key: &str, origin: &Origin) -> Result<(), Nothing> {
        match claim {
            Claim::New => {
                self.context.status.update(|status| status.admitted += 1);
                Ok(())
            }
            Claim::Running(_) => Ok(()),
            Claim::Done => {
                self.completion.answered(key, origin);
                Err(Nothing::Over)
            }
            Claim::Dead { .. } => {
                self.in_flight.failed(key);
                Err(Nothing::Over)
            }
        }
    }
}

/// What the journal takes on; nothing when the event is none for this agent.
fn new_dispatch(claimed: &Claimed) -> Option<NewDispatch> {
    let (source_type, source_id) = match claimed.source.as_ref().ok()? {
        Sought::Named(kind, id) => (kind.as_str(), id.as_str()),
        Sought::Found(event) => (event.source_kind(), event.source_id()),
    };
    Some(NewDispatch {
        id: claimed.key.clone(),
        origin: match claimed.origin {
            Origin::Dispatch { .. } => JournalOrigin::Inbox,
            Origin::Announcement => JournalOrigin::Announcement,
        },
        source_type: source_type.to_owned(),
        source_id: source_id.to_owned(),
        details: None,
    })
}
