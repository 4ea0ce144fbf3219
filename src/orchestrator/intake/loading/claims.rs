//! Claiming events: what is for this agent goes into the journal before anything else happens to it.
//!
//! Claims are journaled in the order of arrival within a chat or task, and across them as far as nothing is slow: after a crash
//! the journal's order is all that is left. The event cursor moves when everything up to there is claimed.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::order::{Aimed, Ordered};
use super::progress::Progress;
use super::sources::{Sources, Unloaded};
use crate::journal::{Claim, NewDispatch, Origin as JournalOrigin, State};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::event::{Company, Event, MESSAGE, Origin, Subject};
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::intake::admission::Admission;
use crate::orchestrator::intake::missed::history::{History, Place};
use crate::orchestrator::intake::references::{Reference, SourceRef};
use crate::orchestrator::target::Target;

/// How many events that wait are claimed together.
pub(crate) const CLAIMED_AT_ONCE: usize = 64;
/// How many events are looked at at once before they are claimed.
const AT_ONCE: usize = 256;

/// A reference that is claimed, or why it need not be.
pub(crate) struct Claimed {
    pub key: String,
    pub origin: Origin,
    pub alone: bool,
    pub company: Company,
    pub target: Option<Target>,
    pub source: Result<Sought, Skipped>,
}

/// What has to be loaded yet.
pub(crate) enum Sought {
    /// Everything.
    Named(String, String),
    /// Nothing.
    Found(Box<Event>),
    /// Nothing can be: the server cannot show what a message of this id needs.
    Unreadable { message: String, cause: String },
}

/// Why there is nothing to load.
pub(crate) enum Skipped {
    /// It is over, or in flight already.
    Over,
    /// The account stops, or the journal cannot take it.
    Stopped,
}

impl From<Stopped> for Skipped {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Puts events into the journal.
pub(crate) struct Claims {
    /// The account.
    pub context: Arc<Context>,
    /// What this process has met.
    pub in_flight: Arc<InFlight>,
    /// How events end.
    pub completion: Arc<Completion>,
    /// What is for this agent.
    pub admission: Arc<Admission>,
    /// How far chats were read.
    pub history: Arc<History>,
    /// What events are about.
    pub sources: Arc<Sources>,
}

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

impl Claims {
    /// Claims events that are for this agent, those that wait in one step.
    pub(crate) async fn run(
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
        let is_named = matches!(reference.source, SourceRef::Named(..));
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
        let Reference { key, origin, source, seq, alone, company, place, .. } = reference;
        let source = self.addressed(&key, &origin, source).await;
        let claimed = Claimed { key, origin, alone, company, target, source };
        Checked { claimed, place, seq, number }
    }

    async fn addressed(
        &self,
        key: &str,
        origin: &Origin,
        source: SourceRef,
    ) -> Result<Sought, Skipped> {
        let subject = match source {
            SourceRef::Named(kind, id) => return Ok(Sought::Named(kind, id)),
            SourceRef::Task(task) => Subject::Task(*task),
            SourceRef::Message(message) => match self.sources.announced(*message).await {
                Ok(subject) => subject,
                Err(Unloaded::Stopped) => return Err(Skipped::Stopped),
                Err(Unloaded::Gone) => return Err(Skipped::Over),
                Err(Unloaded::Refused(cause)) => {
                    return Ok(Sought::Unreadable { message: key.to_owned(), cause });
                }
            },
        };
        let event = Event::new(origin.clone(), subject);
        if self.admission.is_addressed(&event) {
            Ok(Sought::Found(Box::new(event)))
        } else {
            self.in_flight.done(key);
            Err(Skipped::Over)
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
                    Some(claim) => self.judge(claim, &next.key, &next.origin),
                    None => Err(Skipped::Stopped),
                }
            {
                next.source = Err(nothing);
            }
            if recorded && !matches!(next.source, Err(Skipped::Stopped)) {
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
        self.context.record("admitting events", || journal.claim_all(wanted.clone())).await
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

    /// What the journal knows of the event counts.
    fn judge(&self, claim: Claim, key: &str, origin: &Origin) -> Result<(), Skipped> {
        match claim {
            Claim::New => {
                self.context.status.update(|status| status.admitted += 1);
                return Ok(());
            }
            Claim::Running(State::Answered | State::NoReply) => self.in_flight.done(key),
            Claim::Running(_) => return Ok(()),
            Claim::Done => self.completion.answered(key, origin),
            Claim::Dead { .. } => self.in_flight.failed(key),
            Claim::Same { id, state } => self.merge(key, origin, &id, state),
        }
        Err(Skipped::Over)
    }

    /// The event is known under another id. Its own dispatch is acknowledged once the event is over; until then the server
    /// lists it.
    fn merge(&self, key: &str, origin: &Origin, known: &str, state: State) {
        match state {
            State::Acknowledged => {
                self.in_flight.done(known);
                self.completion.acknowledge(known, origin);
            }
            State::Dead => self.in_flight.failed(known),
            _ => {}
        }
        self.in_flight.merge(key, known);
    }
}

/// What is claimed; nothing when the event is none for this agent.
fn new_dispatch(claimed: &Claimed) -> Option<NewDispatch> {
    let (source_type, source_id) = match claimed.source.as_ref().ok()? {
        Sought::Named(kind, id) => (kind.as_str(), id.as_str()),
        Sought::Found(event) => (event.source_kind(), event.source_id()),
        Sought::Unreadable { message, .. } => (MESSAGE, message.as_str()),
    };
    let event_type = match &claimed.origin {
        Origin::Dispatch { event_type, .. } => event_type.clone(),
        Origin::Announcement => None,
    };
    Some(NewDispatch {
        id: claimed.key.clone(),
        origin: match claimed.origin {
            Origin::Dispatch { .. } => JournalOrigin::Inbox,
            Origin::Announcement => JournalOrigin::Announcement,
        },
        source_type: source_type.to_owned(),
        source_id: source_id.to_owned(),
        event_type,
    })
}
