//! One turn: what the host was asked, what came back, where it stands.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::journal::OpenDispatch;
use crate::orchestrator::event::Event;
use crate::orchestrator::target::Target;

/// How long the host may add something to a turn that is over, and take up by itself what the last run left open.
pub(crate) const HOST_ADDS: Duration = Duration::from_secs(300);

/// Where a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The last run left it open. The host may take it up by itself until then.
    LeftOpen(Instant),
    /// The host has it.
    Running,
    /// The host is done with it.
    Returned,
    /// The host returned without a run: it may answer by itself.
    Owed,
    /// It is over. The host may add something until then.
    Over(Instant),
}

/// A turn that the host runs, or whose answer is still awaited. It stays the same from one attempt to the next.
#[derive(Debug)]
pub(crate) struct OpenTurn {
    id: Mutex<Option<String>>,
    stage: Mutex<Stage>,
    /// The message or task it is about.
    pub source: Source,
    /// Where its answer goes.
    pub target: Target,
    /// The thread that its answer belongs to.
    pub thread_root_id: Option<String>,
    /// What idempotency keys start from.
    pub event_key: String,
    /// The sender asked for no answer: replies are kept to ourselves.
    pub no_reply: bool,
    /// What an earlier run of this account said.
    said_before: Vec<String>,
    /// The end of an earlier run cut its answer off.
    is_interrupted: bool,
    first_part: u32,
    parts: AtomicU32,
    replied: AtomicBool,
    closed: AtomicBool,
    delivered: AtomicU32,
    delivered_before: AtomicU32,
    finished: AtomicBool,
    cut_off: AtomicBool,
    refused: Mutex<Option<String>>,
    spoken: Mutex<String>,
    changed: Notify,
}

/// What a turn is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// `message` or `task`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl OpenTurn {
    /// A turn for an event.
    pub(crate) fn new(event: &Event, first_part: u32) -> Self {
        let source =
            Source { kind: event.source_kind().to_owned(), id: event.source_id().to_owned() };
        let thread = event.thread_root_id().map(str::to_owned);
        let turn = Self::empty(source, event.target(), thread, event.key(), first_part);
        Self { no_reply: event.no_reply(), ..turn }
    }

    /// A turn that the last run had begun; nothing when it is not known where its answer goes.
    pub(crate) fn left(open: &OpenDispatch, over: bool) -> Option<Self> {
        let record = &open.record;
        let details = record.details.as_ref()?;
        let target = details.target.parse().ok()?;
        let source = Source { kind: record.source_type.clone(), id: record.source_id.clone() };
        let thread = details.thread_root_id.clone();
        let until = Instant::now() + HOST_ADDS;
        let stage = if over { Stage::Over(until) } else { Stage::LeftOpen(until) };
        Some(Self {
            stage: Mutex::new(stage),
            no_reply: details.no_reply,
            said_before: open.parts.iter().map(|part| part.part.text.clone()).collect(),
            is_interrupted: !open.is_answered(),
            ..Self::empty(source, target, thread, &record.id, 0)
        })
    }

    fn empty(
        source: Source,
        target: Target,
        thread_root_id: Option<String>,
        key: &str,
        first_part: u32,
    ) -> Self {
        Self {
            id: Mutex::default(),
            stage: Mutex::new(Stage::Returned),
            source,
            target,
            thread_root_id,
            event_key: key.to_owned(),
            no_reply: false,
            said_before: Vec::new(),
            is_interrupted: false,
            first_part,
            parts: AtomicU32::new(first_part),
            replied: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            delivered: AtomicU32::new(0),
            delivered_before: AtomicU32::new(0),
            finished: AtomicBool::new(false),
            cut_off: AtomicBool::new(false),
            refused: Mutex::new(None),
            spoken: Mutex::new(String::new()),
            changed: Notify::new(),
        }
    }

    /// Where the turn is.
    pub(crate) fn stage(&self) -> Stage {
        *lock(&self.stage)
    }

    /// Whether this is the id of the attempt that runs.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        lock(&self.id).as_deref() == Some(id)
    }

    /// Whether the end of an earlier run cut the answer off.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// Another attempt begins.
    pub(crate) fn begin(&self, id: String) {
        *lock(&self.id) = Some(id);
        self.replied.store(false, Ordering::Release);
        self.delivered_before.store(self.delivered.load(Ordering::Acquire), Ordering::Release);
        *lock(&self.stage) = Stage::Running;
    }

    /// The host is done with the attempt; `owes` when it returned without a run.
    pub(crate) fn returned(&self, owes: bool) {
        *lock(&self.stage) = if owes { Stage::Owed } else { Stage::Returned };
    }

    /// The attempt is over and there will be another one: nothing comes for this one any more.
    pub(crate) fn end_attempt(&self) {
        *lock(&self.id) = None;
    }

    /// A reply came under the id of this attempt: its words have reached the agent, whatever else the host says.
    pub(crate) fn reply(&self) {
        self.replied.store(true, Ordering::Release);
    }

    /// Whether a reply came under the id of this attempt.
    pub(crate) fn has_replied(&self) -> bool {
        self.replied.load(Ordering::Acquire)
    }

    /// Whether all of these parts were said before a restart; a host may say them again.
    pub(crate) fn has_said(&self, parts: &[String]) -> bool {
        parts.iter().all(|part| self.said_before.contains(part))
    }

    /// The ordinal of the next part, counted from zero.
    pub(crate) fn next_part(&self) -> u32 {
        self.parts.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a part of the answer has been handed over, wherever it is now.
    pub(crate) fn has_begun(&self) -> bool {
        self.parts.load(Ordering::Relaxed) > self.first_part
    }

    /// No further part is taken.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether no further part is taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A part stands in the chat.
    pub(crate) fn delivered(&self, text: &str, last: bool) {
        let mut spoken = lock(&self.spoken);
        if !spoken.is_empty() {
            spoken.push_str("\n\n");
        }
        spoken.push_str(text);
        drop(spoken);
        self.delivered.fetch_add(1, Ordering::Release);
        if last {
            self.finished.store(true, Ordering::Release);
        }
        self.changed.notify_one();
    }

    /// What has been said in this turn.
    pub(crate) fn spoken(&self) -> String {
        lock(&self.spoken).clone()
    }

    /// The account stopped before a part was known to stand in the chat.
    pub(crate) fn cut_off(&self) {
        self.cut_off.store(true, Ordering::Release);
    }

    /// Whether the account stopped before all parts that came were known to stand in the chat.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.cut_off.load(Ordering::Acquire)
    }

    /// The server will never take a part.
    pub(crate) fn refused(&self, reason: String) {
        *lock(&self.refused) = Some(reason);
    }

    /// Whether any part stands in the chat.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered.load(Ordering::Acquire) > 0
    }

    /// Whether any part stands in the chat that came during this attempt.
    pub(crate) fn is_delivered_now(&self) -> bool {
        self.delivered.load(Ordering::Acquire) > self.delivered_before.load(Ordering::Acquire)
    }

    /// There is nothing to answer any more. What the host adds belongs to a turn that is over.
    pub(crate) fn end_left(&self) {
        self.end_if(|stage| matches!(stage, Stage::LeftOpen(_)));
    }

    /// The host has answered by itself. What it adds belongs to a turn that is over; says whether it was so.
    pub(crate) fn end_owed(&self) -> bool {
        self.end_if(|stage| stage == Stage::Owed)
    }

    fn end_if(&self, ends: impl Fn(Stage) -> bool) -> bool {
        let mut stage = lock(&self.stage);
        let ends = ends(*stage);
        if ends {
            *stage = Stage::Over(Instant::now() + HOST_ADDS);
        }
        ends
    }

    /// Whether the host has answered by itself after it returned without a run.
    pub(crate) fn is_answered_by_host(&self) -> bool {
        self.stage() == Stage::Owed && self.is_delivered()
    }

    /// Whether the answer's last part stands in the chat.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// Why the server would not take a part.
    pub(crate) fn refusal(&self) -> Option<String> {
        lock(&self.refused).clone()
    }

    /// Waits until a part stands in the chat.
    pub(crate) async fn wait_delivered(&self) {
        while !self.is_delivered() {
            self.changed.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
