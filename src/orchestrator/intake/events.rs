//! From the server to the lane: what is listed, what is pushed, each taken on once.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::catch_up::{CatchUp, Found, is_lasting};
use super::loader::Reference;
use super::references;
use crate::api::announced::AGENT_CONFIG_UPDATE;
use crate::api::socket::SocketEvent;
use crate::api::{Class, Dispatch, Error, Frame};
use crate::error::chain;
use crate::orchestrator::context::Context;
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::{InFlight, Known};
use crate::orchestrator::platform::{self, Platform};
use crate::orchestrator::status::board::Disconnect;
use crate::orchestrator::status::problems::About;
use crate::orchestrator::turn::event_text::now_milliseconds;

/// How often the pending list is read while connected, in case a frame never came.
const RELIST_INTERVAL: Duration = Duration::from_secs(60);
/// How soon the list is read again after it could not be read.
const RELIST_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How many frames may wait for the list or for room, and their bytes; then the socket stops reading.
const MOST_HELD: usize = 256;
const MOST_HELD_BYTES: usize = 16 * 1024 * 1024;
/// How long frames of a server without inbox wait for what was missed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// Not known before the first listing.
    Unknown,
    /// It keeps a dispatch inbox, which is then the only source of events.
    Inbox,
    /// It only announces messages and tasks by frames.
    Events,
}

/// What happens to frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frames {
    /// They wait, because what was missed before them comes first.
    Wait,
    /// They are taken on.
    Flow,
    /// They are taken on although what was missed is not, so they do not show how far anything was read.
    GoAhead,
}

/// Takes events on.
pub(crate) struct Intake {
    context: Arc<Context>,
    in_flight: Arc<InFlight>,
    completion: Arc<Completion>,
    platform: Option<Arc<Platform>>,
    catch_up: Arc<CatchUp>,
    generation: Generation,
    references: mpsc::UnboundedSender<Reference>,
    relist_at: Option<Instant>,
    /// When the server wants to be asked for the list again at the earliest.
    list_not_before: Instant,
    /// What is being read: the list, or what was missed.
    reading: Option<Reading>,
    /// A connection is up.
    connected: bool,
    frames: Frames,
    /// When frames go on although what was missed cannot be read, on a server without inbox.
    impatient_at: Option<Instant>,
    /// The list had more than there was room for.
    unlisted: bool,
    /// What was missed and has no room yet.
    backlog: VecDeque<Reference>,
    held: VecDeque<Frame>,
    held_bytes: usize,
    /// How often in a row what was missed could not be read.
    failures: u32,
}

type Reading = BoxFuture<'static, Answer>;

/// What was read.
enum Answer {
    List(Result<Vec<Dispatch>, Error>),
    Missed(Result<Found, Error>),
}

impl Intake {
    /// Sets the intake up; what is taken on goes to `references`.
    pub(crate) fn new(
        catch_up: CatchUp,
        completion: Arc<Completion>,
        platform: Option<Arc<Platform>>,
        references: mpsc::UnboundedSender<Reference>,
    ) -> Self {
        Self {
            context: Arc::clone(&catch_up.context),
            in_flight: Arc::clone(&completion.in_flight),
            completion,
            platform,
            catch_up: Arc::new(catch_up),
            generation: Generation::Unknown,
            references,
            relist_at: Some(Instant::now()),
            list_not_before: Instant::now(),
            reading: None,
            connected: false,
            frames: Frames::Wait,
            impatient_at: None,
            unlisted: false,
            backlog: VecDeque::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            failures: 0,
        }
    }

    /// Follows the socket and the list until the account stops. What cannot be taken on yet is not read from the socket.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<SocketEvent>) {
        let in_flight = Arc::clone(&self.in_flight);
        loop {
            self.work_off();
            let due = self.relist_at.filter(|_| self.reading.is_none());
            let relist_at = due.unwrap_or_else(Instant::now).max(self.list_not_before);
            let impatient_at = self.impatient_at;
            tokio::select! {
                biased;
                () = self.context.work.cancelled() => return,
                answer = answer(&mut self.reading), if self.reading.is_some() => self.answered(answer),
                () = tokio::time::sleep_until(relist_at), if due.is_some() => self.list(),
                () = tokio::time::sleep_until(impatient_at.unwrap_or(relist_at)), if impatient_at.is_some() => self.go_on(),
                () = in_flight.room(), if in_flight.is_full() => {}
                () = in_flight.half_empty(), if self.unlisted && due.is_some() => self.list(),
                event = events.recv(), if self.has_hands_free() => match event {
                    Some(event) => self.follow(event),
                    None => return,
                },
            }
        }
    }

    /// Whether a frame can be kept.
    fn has_hands_free(&self) -> bool {
        self.held.len() < MOST_HELD && self.held_bytes < MOST_HELD_BYTES
    }

    /// Takes on what waits, as far as there is room.
    fn work_off(&mut self) {
        while !self.in_flight.is_full() {
            if let Some(reference) = self.backlog.pop_front() {
                self.take_on(reference);
            } else if self.frames != Frames::Wait
                && let Some(frame) = self.held.pop_front()
            {
                self.held_bytes -= references::size(&frame);
                self.frame(&frame);
            } else {
                return;
            }
        }
    }

    fn follow(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Connecting { attempt } => {
                self.context.log(Level::Debug, format!("connecting, attempt {attempt}"));
            }
            SocketEvent::Connected => {
                self.context.log(Level::Info, "connected");
                self.context.status.update(|status| {
                    let now = now_milliseconds();
                    status.connected = true;
                    status.reconnect_attempts = 0;
                    status.last_connected_at = Some(now);
                    status.last_transport_activity_at = Some(now);
                });
                self.context.status.solve(About::Connection);
                // What came in between the last list and this connection.
                self.connected = true;
                self.frames = Frames::Wait;
                self.reading = None;
                self.relist_at = Some(Instant::now());
                self.impatient_at = Some(Instant::now() + PATIENCE);
            }
            SocketEvent::Heartbeat => {
                self.context.status.touch(|status| &mut status.last_transport_activity_at);
            }
            SocketEvent::Frame(frame) if frame.kind == AGENT_CONFIG_UPDATE => {
                let (task, platform) = (Arc::clone(&self.context), self.platform.clone());
                self.context
                    .spawn(async move { platform::refresh(&task, platform.as_deref()).await });
            }
            SocketEvent::Frame(frame) => {
                self.context.status.touch(|status| &mut status.last_transport_activity_at);
                self.held_bytes += references::size(&frame);
                self.held.push_back(frame);
            }
            SocketEvent::Ignored { reason, count } => {
                self.context.log(
                    Level::Warn,
                    format!("{count} frames could not be read; the latest: {reason}"),
                );
            }
            SocketEvent::Disconnected { error, attempt, retry_in } => {
                self.context.log(
                    Level::Warn,
                    format!(
                        "disconnected: {error}; next attempt in {:.1} s",
                        retry_in.as_secs_f64()
                    ),
                );
                self.connected = false;
                self.relist_at = None;
                self.reading = None;
                self.impatient_at = None;
                self.context.status.update(|status| {
                    status.connected = false;
                    status.reconnect_attempts = attempt;
                    status.last_disconnect =
                        Some(Disconnect { at: now_milliseconds(), error: error.clone() });
                });
                self.context.status.raise(About::Connection, error, false);
            }
            SocketEvent::Blocked { error } => self.context.block(&error),
        }
    }

    fn frame(&mut self, frame: &Frame) {
        let Some(data) = frame.data.as_deref() else { return };
        match frame.kind.as_str() {
            "dispatch.new" => match serde_json::from_str::<Dispatch>(data.get()) {
                Ok(dispatch) => self.take_on(references::dispatched(&dispatch, frame.seq)),
                Err(error) => {
                    self.context
                        .log(Level::Warn, format!("dispatch.new is not a dispatch: {error}"));
                }
            },
            "message.new" | "task.assigned" if self.generation == Generation::Events => {
                match references::announced(frame, data) {
                    Ok(reference) => {
                        let place = reference.place.filter(|_| self.frames == Frames::Flow);
                        self.take_on(Reference { place, ..reference });
                    }
                    Err(error) => {
                        let text = format!("{} cannot be read: {error}", frame.kind);
                        self.context.log(Level::Warn, text);
                    }
                }
            }
            _ => {}
        }
    }

    fn list(&mut self) {
        self.unlisted = false;
        let context = Arc::clone(&self.context);
        let listing = async move { Answer::List(context.server.pending_dispatches().await) };
        self.reading = Some(listing.boxed());
    }

    fn answered(&mut self, answer: Answer) {
        self.reading = None;
        match answer {
            Answer::List(Ok(dispatches)) => self.listed(&dispatches),
            Answer::List(Err(error)) if error.status() == Some(404) => self.no_inbox(),
            Answer::Missed(Ok(found)) => self.found(found),
            Answer::Missed(Err(error)) if is_lasting(&error) => {
                let text = format!("this server does not tell what was missed: {}", chain(&error));
                self.context.log(Level::Warn, text.clone());
                self.context.status.update(|status| status.catch_up = Some(text));
                self.catch_up();
            }
            Answer::List(Err(error)) | Answer::Missed(Err(error))
                if error.class() == Class::Unauthorized =>
            {
                self.context.block(&error);
            }
            Answer::List(Err(error)) => {
                let text = format!("cannot read the pending list: {}", chain(&error));
                self.complain(text, error.retry_after(), RELIST_AFTER_FAILURE);
            }
            Answer::Missed(Err(error)) => self.failed(&chain(&error), error.retry_after()),
        }
    }

    /// Takes on what the inbox holds. What has no room stays there, and everything younger waits for it.
    fn listed(&mut self, dispatches: &[Dispatch]) {
        self.generation = Generation::Inbox;
        if let Ok(journal) = self.context.journal() {
            self.catch_up.history.forget(journal);
        }
        for dispatch in dispatches {
            if self.in_flight.is_full() && self.in_flight.state(&dispatch.id).is_none() {
                self.unlisted = true;
                break;
            }
            self.take_on(references::dispatched(dispatch, None));
        }
        self.relist_at = Some(Instant::now() + RELIST_INTERVAL);
        if self.unlisted {
            self.frames = Frames::Wait;
        } else {
            self.catch_up();
        }
    }

    /// An older server: what was missed is looked for once a connection is up.
    fn no_inbox(&mut self) {
        if self.generation != Generation::Events {
            let text =
                "this server has no dispatch inbox; listening for message.new and task.assigned";
            self.context.log(Level::Info, text);
        }
        self.generation = Generation::Events;
        self.relist_at = Some(Instant::now() + RELIST_INTERVAL);
        if self.connected && self.frames != Frames::Flow {
            let catch_up = Arc::clone(&self.catch_up);
            let looking = async move { Answer::Missed(catch_up.look().await) };
            self.reading = Some(looking.boxed());
        }
    }

    /// Takes on what was missed. When not everything could be read, the rest is looked for again.
    fn found(&mut self, found: Found) {
        if !found.references.is_empty() || found.left_out > 0 {
            let text = found.summary();
            self.context.log(Level::Info, text.clone());
            self.context.status.update(|status| status.catch_up = Some(text));
        }
        // One look after the other may find the same.
        self.backlog = found.references.into();
        if found.failures.is_empty() {
            self.catch_up();
        } else {
            self.failed(&found.failures.join("; "), found.retry_after);
        }
    }

    fn failed(&mut self, cause: &str, retry_after: Option<Duration>) {
        let text = format!("cannot read what was missed, trying again: {cause}");
        self.failures = self.failures.saturating_add(1);
        let pause = RELIST_AFTER_FAILURE * self.failures.min(12);
        self.complain(text, retry_after, pause);
    }

    fn complain(&mut self, text: String, retry_after: Option<Duration>, pause: Duration) {
        self.context.log(Level::Warn, text.clone());
        self.context.status.raise(About::List, text, false);
        self.list_not_before = Instant::now() + retry_after.unwrap_or_default();
        self.relist_at = Some(Instant::now() + pause);
    }

    /// What was missed is taken on: now what came since.
    fn catch_up(&mut self) {
        self.context.status.solve(About::List);
        self.failures = 0;
        self.impatient_at = None;
        self.frames = Frames::Flow;
    }

    /// An older server does not tell what was missed, and people wait: what is missed comes when it can be read.
    fn go_on(&mut self) {
        self.impatient_at = None;
        if self.generation != Generation::Events {
            self.impatient_at = Some(Instant::now() + PATIENCE);
        } else if self.frames == Frames::Wait {
            self.frames = Frames::GoAhead;
        }
    }

    fn take_on(&self, reference: Reference) {
        match self.in_flight.claim(&reference.key) {
            Known::New => {
                self.context.status.touch(|status| &mut status.last_inbound_at);
                self.in_flight.weigh(&reference.key, reference.source.size());
                if let (Some(place), Ok(journal)) = (&reference.place, self.context.journal()) {
                    self.catch_up.history.taken(journal, place);
                }
                // The loader ends only with the account.
                let _ = self.references.send(reference);
            }
            // The server does not know yet that this is done: the acknowledgement got lost.
            Known::Done => self.completion.acknowledge(&reference.key, &reference.origin),
            Known::Running | Known::Failed => {}
        }
    }
}

/// What is being read, once it is there.
async fn answer(reading: &mut Option<Reading>) -> Answer {
    match reading {
        Some(reading) => reading.await,
        None => pending().await,
    }
}
