//! From the server to the lane: what is listed, what is pushed, each taken on once.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::event::Origin;
use super::event_text::now_milliseconds;
use super::host::Level;
use super::loader::{Reference, Source};
use super::platform;
use super::problems::About;
use super::seen::{Known, Seen};
use super::settle::acknowledge;
use super::shared::Shared;
use super::status::Disconnect;
use crate::api::announced::AGENT_CONFIG_UPDATE;
use crate::api::socket::SocketEvent;
use crate::api::{Class, Dispatch, Error, Frame, announced};
use crate::error::chain;

/// How often the pending list is read while connected, in case a frame never came.
const RELIST_INTERVAL: Duration = Duration::from_secs(60);
/// How soon the list is read again after it could not be read.
const RELIST_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How many frames may wait for the list after a connection came up; then the socket stops reading.
const MOST_HELD: usize = 256;
/// How many events may be waiting here. The rest stays with the server and is listed again.
const MOST_WAITING: usize = 10_000;

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

/// Takes events on.
pub(super) struct Intake {
    shared: Arc<Shared>,
    seen: Arc<Seen>,
    generation: Generation,
    references: mpsc::UnboundedSender<Reference>,
    relist_at: Option<Instant>,
    /// When the server wants to be asked for the list again at the earliest.
    list_not_before: Instant,
    /// The list that is being read.
    listing: Option<Listing>,
    /// The list was read since the connection came up. Frames before that wait, because what was missed comes first.
    caught_up: bool,
    held: VecDeque<Frame>,
}

type Listing = BoxFuture<'static, Result<Vec<Dispatch>, Error>>;

impl Intake {
    /// Sets the intake up; what is taken on goes to `references`.
    pub(super) fn new(
        shared: Arc<Shared>,
        seen: Arc<Seen>,
        references: mpsc::UnboundedSender<Reference>,
    ) -> Self {
        Self {
            shared,
            seen,
            generation: Generation::Unknown,
            references,
            relist_at: Some(Instant::now()),
            list_not_before: Instant::now(),
            listing: None,
            caught_up: false,
            held: VecDeque::new(),
        }
    }

    /// Follows the socket and the list until the account stops.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<SocketEvent>) {
        loop {
            let due = self.relist_at.filter(|_| self.listing.is_none());
            let relist_at = due.unwrap_or_else(Instant::now).max(self.list_not_before);
            tokio::select! {
                biased;
                () = self.shared.work.cancelled() => return,
                listed = listed(&mut self.listing), if self.listing.is_some() => self.listed(listed),
                () = tokio::time::sleep_until(relist_at), if due.is_some() => self.list(),
                event = events.recv(), if self.held.len() < MOST_HELD => match event {
                    Some(event) => self.follow(event),
                    None => return,
                },
            }
        }
    }

    fn follow(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Connecting { attempt } => {
                self.shared.log(Level::Debug, format!("connecting, attempt {attempt}"));
            }
            SocketEvent::Connected => {
                self.shared.log(Level::Info, "connected");
                self.shared.status.update(|status| {
                    let now = now_milliseconds();
                    status.connected = true;
                    status.reconnect_attempts = 0;
                    status.last_connected_at = Some(now);
                    status.last_transport_activity_at = Some(now);
                });
                self.shared.status.solve(About::Connection);
                // What came in between the last list and this connection.
                self.caught_up = false;
                self.listing = None;
                self.relist_at = Some(Instant::now());
            }
            SocketEvent::Heartbeat => {
                self.shared.status.touch(|status| &mut status.last_transport_activity_at);
            }
            SocketEvent::Frame(frame)
                if self.caught_up || self.generation == Generation::Events =>
            {
                self.frame(&frame);
            }
            SocketEvent::Frame(frame) => self.held.push_back(frame),
            SocketEvent::Ignored { reason, count } => {
                self.shared.log(
                    Level::Warn,
                    format!("{count} frames could not be read; the latest: {reason}"),
                );
            }
            SocketEvent::Disconnected { error, attempt, retry_in } => {
                self.shared.log(
                    Level::Warn,
                    format!(
                        "disconnected: {error}; next attempt in {:.1} s",
                        retry_in.as_secs_f64()
                    ),
                );
                self.relist_at = None;
                self.listing = None;
                self.shared.status.update(|status| {
                    status.connected = false;
                    status.reconnect_attempts = attempt;
                    status.last_disconnect =
                        Some(Disconnect { at: now_milliseconds(), error: error.clone() });
                });
                self.shared.status.raise(About::Connection, error, false);
            }
            SocketEvent::Blocked { error } => self.shared.block(&error),
        }
    }

    fn frame(&mut self, frame: &Frame) {
        self.shared.status.touch(|status| &mut status.last_transport_activity_at);
        if frame.kind == AGENT_CONFIG_UPDATE {
            let task = Arc::clone(&self.shared);
            self.shared.tasks.spawn(async move { platform::refresh(&task).await });
            return;
        }
        let Some(data) = frame.data.as_deref() else { return };
        match frame.kind.as_str() {
            "dispatch.new" => match serde_json::from_str::<Dispatch>(data.get()) {
                Ok(dispatch) => self.take_on(dispatched(&dispatch, frame.seq)),
                Err(error) => {
                    self.shared
                        .log(Level::Warn, format!("dispatch.new is not a dispatch: {error}"));
                }
            },
            "message.new" | "task.assigned" if self.generation == Generation::Events => {
                self.announced(frame, data);
            }
            _ => {}
        }
    }

    /// Takes on what an older server announces.
    fn announced(&mut self, frame: &Frame, data: &RawValue) {
        let source = if frame.kind == "message.new" {
            announced::message(data)
                .map(|message| (message.id.clone(), Source::Message(Box::new(message))))
        } else {
            announced::task(data).map(|task| (task.id.clone(), Source::Task(Box::new(task))))
        };
        match source {
            Ok((key, source)) => self.take_on(Reference {
                key,
                origin: Origin::Announcement,
                source,
                seq: frame.seq,
                alone: false,
            }),
            Err(error) => {
                self.shared.log(Level::Warn, format!("{} cannot be read: {error}", frame.kind));
            }
        }
    }

    fn list(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.listing = Some(async move { shared.server.pending_dispatches().await }.boxed());
    }

    fn listed(&mut self, listed: Result<Vec<Dispatch>, Error>) {
        self.listing = None;
        let pause = match listed {
            Ok(dispatches) => {
                self.generation = Generation::Inbox;
                for dispatch in dispatches {
                    self.take_on(dispatched(&dispatch, None));
                }
                self.catch_up();
                RELIST_INTERVAL
            }
            Err(error) if error.class() == Class::Unauthorized => {
                self.shared.block(&error);
                return;
            }
            Err(error) if error.status() == Some(404) => {
                if self.generation != Generation::Events {
                    self.shared.log(Level::Info, "this server has no dispatch inbox; listening for message.new and task.assigned");
                }
                self.generation = Generation::Events;
                self.catch_up();
                RELIST_INTERVAL
            }
            Err(error) => {
                let text = format!("cannot read the pending list: {}", chain(&error));
                self.shared.log(Level::Warn, text.clone());
                self.shared.status.raise(About::List, text, false);
                self.list_not_before = Instant::now() + error.retry_after().unwrap_or_default();
                RELIST_AFTER_FAILURE
            }
        };
        self.relist_at = Some(Instant::now() + pause);
    }

    /// What was missed is taken on: now what came since.
    fn catch_up(&mut self) {
        self.shared.status.solve(About::List);
        self.caught_up = true;
        for frame in std::mem::take(&mut self.held) {
            self.frame(&frame);
        }
    }

    fn take_on(&self, reference: Reference) {
        if self.seen.running() >= MOST_WAITING {
            return;
        }
        match self.seen.claim(&reference.key) {
            Known::New => {
                self.shared.status.touch(|status| &mut status.last_inbound_at);
                // The loader ends only with the account.
                let _ = self.references.send(reference);
            }
            // The server does not know yet that this is done: the acknowledgement got lost.
            Known::Done => acknowledge(&self.shared, &reference.key, &reference.origin),
            Known::Running | Known::Failed => {}
        }
    }
}

/// The list, once it is there.
async fn listed(listing: &mut Option<Listing>) -> Result<Vec<Dispatch>, Error> {
    match listing {
        Some(listing) => listing.await,
        None => pending().await,
    }
}

/// A dispatch as a reference.
fn dispatched(dispatch: &Dispatch, seq: Option<u64>) -> Reference {
    let kind = dispatch.source_type.clone().unwrap_or_else(|| "message".to_owned());
    Reference {
        key: dispatch.id.clone(),
        origin: Origin::from(dispatch),
        source: Source::Named(kind, dispatch.source_id.clone()),
        seq,
        alone: false,
    }
}
