//! From the server to the journal's door: what is listed, what is pushed, each met once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connection::{Change, Connection};
use super::held::Held;
use super::missed::catch_up::{CatchUp, Found, is_lasting};
use super::phase::{Call, Generation, Listing, Phase, Step};
use super::references::{self, Reference};
use super::unhandled::Unhandled;
use crate::api::backoff::Backoff;
use crate::api::socket::SocketEvent;
use crate::api::{Class, Dispatch, Error, Frame};
use crate::error::chain;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::{EventState, InFlight};
use crate::orchestrator::platform::Platform;
use crate::orchestrator::status::problems::About;

/// Name of the journal's note that keeps whose server has an inbox.
const INBOX_NOTE: &str = "inbox";
/// How often the pending list is read while connected, in case a frame never came.
const RELIST_INTERVAL: Duration = Duration::from_secs(60);
/// How soon the list, or what was missed, is read again after it could not be read.
const SHORTEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long frames of a server without inbox wait for what was missed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Meets events.
pub(crate) struct Intake {
    context: Arc<Context>,
    in_flight: Arc<InFlight>,
    completion: Arc<Completion>,
    connection: Connection,
    catch_up: Arc<CatchUp>,
    references: mpsc::UnboundedSender<Reference>,
    generation: Generation,
    phase: Phase,
    held: Held,
    /// When the server wants to be asked for the list again at the earliest.
    list_not_before: Instant,
    backoff: Backoff,
    unhandled: Unhandled,
}

impl Intake {
    /// Sets the intake up; what is new goes to `references`.
    ///
    /// # Errors
    /// The account stops.
    pub(crate) async fn new(
        catch_up: CatchUp,
        completion: Arc<Completion>,
        platform: Option<Arc<Platform>>,
        references: mpsc::UnboundedSender<Reference>,
    ) -> Result<Self, Stopped> {
        let context = Arc::clone(&catch_up.context);
        let journal = context.journal()?;
        let inbox =
            context.record("reading what the server is", || journal.note(INBOX_NOTE)).await?;
        let is_known = inbox.is_some_and(|agent| agent == catch_up.agent.id);
        Ok(Self {
            in_flight: Arc::clone(&completion.in_flight),
            connection: Connection { context: Arc::clone(&context), platform },
            context,
            completion,
            catch_up: Arc::new(catch_up),
            references,
            generation: if is_known { Generation::Inbox } else { Generation::Unknown },
            phase: Phase::Offline {
                listing: Some(Listing::Due(Instant::now())),
                is_complete: false,
            },
            held: Held::default(),
            list_not_before: Instant::now(),
            backoff: Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE, Duration::MAX),
            unhandled: Unhandled::default(),
        })
    }

    /// Follows the socket and the list until the account stops. What cannot be kept is not read from the socket.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<SocketEvent>) {
        loop {
            self.work_off();
            tokio::select! {
                biased;
                () = self.context.work.cancelled() => return,
                step = self.phase.next(&self.in_flight) => self.step(step),
                () = self.in_flight.room(), if self.in_flight.is_full() => {}
                event = events.recv(), if self.held.has_room() => match event {
                    Some(event) => self.on_event(event),
                    None => return,
                },
            }
        }
    }

    /// Lets in what waits, as far as there is room.
    fn work_off(&mut self) {
        while !self.in_flight.is_full() {
            if let Some(reference) = self.held.missed.pop_front() {
                self.meet(reference);
            } else if self.phase.lets_frames_pass(self.generation)
                && let Some(frame) = self.held.pop()
            {
                self.on_frame(&frame);
            } else {
                return;
            }
        }
    }

    fn on_event(&mut self, event: SocketEvent) {
        match self.connection.on_event(event) {
            // What came in between the last list and this connection.
            Some(Change::Connected) => {
                self.phase = Phase::Listing {
                    listing: Listing::Due(self.list_not_before.max(Instant::now())),
                    patience: Some(Instant::now() + PATIENCE),
                };
            }
            Some(Change::Disconnected) => {
                let is_complete = self.phase.is_complete();
                self.phase = Phase::Offline { listing: None, is_complete };
            }
            Some(Change::Pushed(frame)) => self.held.push(frame),
            None => {}
        }
    }

    fn on_frame(&mut self, frame: &Frame) {
        let Some(data) = frame.data.as_deref() else { return };
        match frame.kind.as_str() {
            "dispatch.new" => match serde_json::from_str::<Dispatch>(data.get()) {
                Ok(dispatch) => {
                    self.has_inbox();
                    self.on_dispatch(&dispatch, frame.seq);
                    self.tell_unhandled();
                }
                Err(error) => {
                    self.context
                        .log(Level::Warn, format!("dispatch.new is not a dispatch: {error}"));
                }
            },
            "message.new" | "task.assigned" if self.generation == Generation::Events => {
                self.on_announcement(frame, data);
            }
            _ => {}
        }
    }

    fn on_announcement(&self, frame: &Frame, data: &RawValue) {
        match references::announced(frame, data) {
            Ok(reference) => {
                let place = reference.place.filter(|_| self.phase.is_complete());
                self.meet(Reference { place, ..reference });
            }
            Err(error) => {
                let text = format!("{} cannot be read: {error}", frame.kind);
                self.context.log(Level::Warn, text);
            }
        }
    }

    /// One that cannot be shown to the agent stays at the server.
    fn on_dispatch(&mut self, dispatch: &Dispatch, seq: Option<u64>) {
        match references::dispatched(dispatch, seq) {
            Ok(reference) => self.meet(reference),
            Err(kind) => self.unhandled.add(&kind, dispatch),
        }
    }

    /// The server keeps an inbox, now and for good.
    fn has_inbox(&mut self) {
        if self.generation == Generation::Inbox {
            return;
        }
        if self.generation == Generation::Events {
            self.context.log(Level::Info, "this server has a dispatch inbox by now");
        }
        self.generation = Generation::Inbox;
        if let Ok(journal) = self.context.journal() {
            journal.set_note(INBOX_NOTE, self.catch_up.agent.id.clone());
            self.catch_up.history.forget(journal);
        }
        // Where its first dispatch was pushed there may be older ones.
        self.list_again(Duration::ZERO);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::List => {
                let list = self.list();
                if let Some(listing) = self.phase.listing() {
                    *listing = Listing::UnderWay(list);
                }
            }
            Step::Listed(Ok(dispatches)) => self.listed(&dispatches),
            Step::Listed(Err(error))
                if error.status() == Some(404) && self.generation != Generation::Inbox =>
            {
                self.no_inbox();
            }
            Step::Listed(Err(error)) => {
                let text = format!("cannot read the pending list: {}", chain(&error));
                let pause = self.complain(text, error.retry_after());
                if matches!(self.phase, Phase::BackPressured { .. }) {
                    self.wait_for_list(pause);
                }
                self.list_again(pause);
            }
            Step::Looked(Ok(found)) => self.found(found),
            Step::Looked(Err(error)) if is_lasting(&error) => {
                let text = format!("this server does not tell what was missed: {}", chain(&error));
                self.context.log(Level::Warn, text.clone());
                self.context.status.update(|status| status.catch_up = Some(text));
                self.live();
            }
            Step::Looked(Err(error)) => self.look_again(&chain(&error), error.retry_after()),
            Step::OutOfPatience => self.phase.lose_patience(),
        }
    }

    fn list(&self) -> Call<Vec<Dispatch>> {
        let context = Arc::clone(&self.context);
        async move {
            let begun = Instant::now();
            let listed = context.server.pending_dispatches().await;
            waited_for_key(&context, begun, listed).await
        }
        .boxed()
    }

    /// Meets what the inbox holds. What has no room stays there, and everything younger waits for it.
    fn listed(&mut self, dispatches: &[Dispatch]) {
        self.has_inbox();
        self.unhandled = Unhandled::default();
        let mut has_room = true;
        for dispatch in dispatches {
            let is_known =
                |reference: &Reference| self.in_flight.known(&reference.identity()).is_some();
            match references::dispatched(dispatch, None) {
                Ok(reference) if is_known(&reference) || has_room && !self.in_flight.is_full() => {
                    self.meet(reference);
                }
                Ok(_) => has_room = false,
                Err(kind) => self.unhandled.add(&kind, dispatch),
            }
        }
        self.tell_unhandled();
        let listing = Listing::Due(Instant::now() + RELIST_INTERVAL);
        self.backoff.reset();
        self.context.status.solve(About::List);
        self.phase = match self.phase {
            Phase::Offline { .. } => Phase::Offline { listing: None, is_complete: has_room },
            _ if has_room => Phase::Live { listing },
            _ => Phase::BackPressured { listing },
        };
    }

    fn tell_unhandled(&self) {
        let summary = self.unhandled.summary();
        self.context.status.update(|status| status.unhandled = summary);
    }

    /// An older server: what was missed is looked for once a connection is up.
    fn no_inbox(&mut self) {
        if self.generation != Generation::Events {
            let text =
                "this server has no dispatch inbox; listening for message.new and task.assigned";
            self.context.log(Level::Info, text);
        }
        self.generation = Generation::Events;
        match self.phase {
            Phase::Listing { patience, .. } => {
                let (context, catch_up) = (Arc::clone(&self.context), Arc::clone(&self.catch_up));
                let looking = async move {
                    let begun = Instant::now();
                    waited_for_key(&context, begun, catch_up.look().await).await
                };
                self.phase = Phase::CatchingUp { looking: looking.boxed(), patience };
            }
            Phase::Offline { is_complete, .. } => {
                self.phase = Phase::Offline { listing: None, is_complete };
            }
            _ => self.list_again(RELIST_INTERVAL),
        }
    }

    /// What was missed is in the backlog now. When not everything could be read, the rest is looked for again.
    fn found(&mut self, found: Found) {
        if !found.references.is_empty() || found.left_out > 0 {
            let text = found.summary();
            self.context.log(Level::Info, text.clone());
            self.context.status.update(|status| status.catch_up = Some(text));
        }
        // One look after the other may find the same.
        self.held.missed = found.references.into();
        if found.failures.is_empty() {
            self.live();
        } else {
            self.look_again(&found.failures.join("; "), found.retry_after);
        }
    }

    fn look_again(&mut self, cause: &str, retry_after: Option<Duration>) {
        if !matches!(self.phase, Phase::CatchingUp { .. }) {
            return;
        }
        let text = format!("cannot read what was missed, trying again: {cause}");
        let pause = self.complain(text, retry_after);
        self.wait_for_list(pause);
    }

    /// The server could not be read. Returns how long to wait.
    fn complain(&mut self, text: String, retry_after: Option<Duration>) -> Duration {
        self.context.log(Level::Warn, text.clone());
        self.context.status.raise(About::List, text, false);
        self.list_not_before = Instant::now() + retry_after.unwrap_or_default();
        self.backoff.pause_of(retry_after)
    }

    /// Frames wait for the list, which is read after a pause.
    fn wait_for_list(&mut self, pause: Duration) {
        let patience = match self.phase {
            Phase::Listing { patience, .. } | Phase::CatchingUp { patience, .. } => patience,
            _ => Some(Instant::now() + PATIENCE),
        };
        let listing = Listing::Due(self.list_not_before.max(Instant::now() + pause));
        self.phase = Phase::Listing { listing, patience };
    }

    fn list_again(&mut self, pause: Duration) {
        let at = self.list_not_before.max(Instant::now() + pause);
        if let Some(listing) = self.phase.listing() {
            *listing = Listing::Due(at);
        }
    }

    /// Nothing older is missing.
    fn live(&mut self) {
        self.backoff.reset();
        self.context.status.solve(About::List);
        self.phase = Phase::Live { listing: Listing::Due(Instant::now() + RELIST_INTERVAL) };
    }

    fn meet(&self, reference: Reference) {
        match self.in_flight.claim(&reference.identity()) {
            EventState::New => {
                self.context.status.touch(|status| &mut status.last_inbound_at);
                self.in_flight.weigh(&reference.key, reference.source.size());
                if let (Some(place), Ok(journal)) = (&reference.place, self.context.journal()) {
                    self.catch_up.history.taken(journal, place);
                }
                // The loader ends only with the account.
                let _ = self.references.send(reference);
            }
            // The server does not know yet that this is done: the acknowledgement got lost, or it was for another dispatch.
            EventState::Done { key } => self.completion.acknowledge(&key, &reference.origin),
            EventState::Running | EventState::Failed => {}
        }
    }
}

/// What a call gave, as soon as the server knows the key, if it was refused for that.
async fn waited_for_key<T>(
    context: &Context,
    begun: Instant,
    answer: Result<T, Error>,
) -> Result<T, Error> {
    if let Err(error) = &answer
        && error.class() == Class::Unauthorized
    {
        context.confirm_key(begun, error).await.map_err(|Stopped| Error::Stopped)?;
    }
    answer
}
