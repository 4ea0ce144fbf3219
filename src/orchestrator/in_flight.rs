//! Which events this process has met, so that one that comes by list and by frame, or by two ways of the server, is one turn.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LinkedHashMap;
use tokio::sync::watch;

/// How many finished keys are remembered.
const FINISHED_LIMIT: usize = 20_000;
/// How many events may be queued or running unless an account says otherwise.
pub const DEFAULT_MAX_WAITING: usize = 10_000;
/// How many bytes these may have: some events are large.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What tells an event from all others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Dispatch id, or the source's id where there is none: what the journal knows it by.
    pub key: String,
    /// The source, when every event of it that comes another way is the same event. A task may be assigned more than once: the
    /// journal knows which of its dispatches was announced.
    pub source: Option<String>,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EventState {
    /// Never met: in flight from now on.
    New,
    /// Queued or running.
    Running,
    /// Answered, under this key.
    Done { key: String },
    /// Given up until an operator decides.
    Failed,
}

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Failed,
}

/// How much is queued or running.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Load {
    events: usize,
    bytes: usize,
    /// Those of the bytes that are loaded, and so continue by themselves.
    loaded: usize,
}

/// An event that is queued or running.
#[derive(Debug, Clone, Default)]
struct InProgress {
    source: Option<String>,
    /// Bytes in memory, where they are known.
    bytes: usize,
    is_loaded: bool,
}

/// An event that is over.
#[derive(Debug, Clone)]
struct Finished {
    source: Option<String>,
    end: End,
}

/// Remembers the keys of events, and knows how much there is to do.
#[derive(Debug)]
pub(crate) struct InFlight {
    keys: Mutex<Keys>,
    load: watch::Sender<Load>,
    most_events: usize,
}

/// A key is in `running` or in `finished`, never in both: only [`Keys::take`] and the two insertions touch them.
#[derive(Debug, Default)]
struct Keys {
    running: HashMap<String, InProgress>,
    /// In the order in which they ended, the oldest first.
    finished: LinkedHashMap<String, Finished>,
    /// The key of each source that has only one.
    sources: HashMap<String, String>,
    bytes: usize,
    loaded: usize,
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_WAITING)
    }
}

impl InFlight {
    /// Nothing was met; at most so many events are to be queued or running.
    pub(crate) fn new(most: usize) -> Self {
        Self { keys: Mutex::default(), load: watch::Sender::default(), most_events: most.max(1) }
    }

    /// Takes an event up if it is new.
    pub(crate) fn claim(&self, identity: &Identity) -> EventState {
        let mut keys = self.lock();
        if let Some(known) = keys.known(identity) {
            return known;
        }
        keys.begin(identity);
        self.report(&keys);
        EventState::New
    }

    /// What is known of an event.
    pub(crate) fn known(&self, identity: &Identity) -> Option<EventState> {
        self.lock().known(identity)
    }

    /// Whether the event of a key is answered.
    pub(crate) fn is_done(&self, key: &str) -> bool {
        matches!(self.lock().state(key), Some(EventState::Done { .. }))
    }

    /// Whether the event of a key is answered or given up.
    pub(crate) fn is_over(&self, key: &str) -> bool {
        matches!(self.lock().state(key), Some(EventState::Done { .. } | EventState::Failed))
    }

    /// The event of a key has so many bytes in memory as long as it is queued or running.
    pub(crate) fn weigh(&self, key: &str, bytes: usize) {
        self.change_weight(key, bytes, false);
    }

    /// The same for an event that is loaded.
    pub(crate) fn loaded(&self, key: &str, bytes: usize) {
        self.change_weight(key, bytes, true);
    }

    fn change_weight(&self, key: &str, bytes: usize, is_loaded: bool) {
        let mut keys = self.lock();
        if let Some(event) = keys.running.get_mut(key) {
            let before = std::mem::replace(event, InProgress { bytes, is_loaded, ..event.clone() });
            keys.count_out(&before);
            keys.count_in(bytes, is_loaded);
            self.report(&keys);
        }
    }

    /// Nothing more may be taken up.
    pub(crate) fn is_full(&self) -> bool {
        let load = *self.load.borrow();
        load.events >= self.most_events || load.bytes >= MOST_BYTES
    }

    /// Nothing more may be loaded. Only loaded events count: counting the others would deadlock.
    pub(crate) fn is_heavy(&self) -> bool {
        self.load.borrow().loaded >= MOST_BYTES
    }

    /// Comes back as soon as something may be taken up.
    pub(crate) async fn room(&self) {
        self.wait(|load| load.events < self.most_events && load.bytes < MOST_BYTES).await;
    }

    /// Comes back as soon as at most half of what may be queued or running is.
    pub(crate) async fn half_empty(&self) {
        let half =
            |load: &Load| load.events <= self.most_events / 2 && load.bytes <= MOST_BYTES / 2;
        self.wait(half).await;
    }

    /// Comes back as soon as something may be loaded.
    pub(crate) async fn lighter(&self) {
        self.wait(|load| load.loaded < MOST_BYTES).await;
    }

    /// The event is answered.
    pub(crate) fn done(&self, key: &str) {
        self.finish(key, End::Done);
    }

    /// The event is given up.
    pub(crate) fn failed(&self, key: &str) {
        self.finish(key, End::Failed);
    }

    /// The event is to be met as new again.
    pub(crate) fn release(&self, key: &str) {
        let mut keys = self.lock();
        let source = keys.take(key);
        keys.forget_source(key, source.as_deref());
        self.report(&keys);
    }

    /// The event of `key` turned out to be the one that the journal knows as `known`.
    pub(crate) fn merge(&self, key: &str, known: &str) {
        let mut keys = self.lock();
        let source = keys.take(key);
        keys.merge(known, source);
        self.report(&keys);
    }

    fn finish(&self, key: &str, end: End) {
        let mut keys = self.lock();
        let source = keys.take(key);
        keys.finished.insert(key.to_owned(), Finished { source, end });
        if keys.finished.len() > FINISHED_LIMIT
            && let Some((oldest, Finished { source, .. })) = keys.finished.pop_front()
        {
            keys.forget_source(&oldest, source.as_deref());
        }
        self.report(&keys);
    }

    async fn wait(&self, condition: impl Fn(&Load) -> bool) {
        // The sender lives as long as this.
        let _ = self.load.subscribe().wait_for(condition).await;
    }

    fn report(&self, keys: &Keys) {
        let load = Load { events: keys.running.len(), bytes: keys.bytes, loaded: keys.loaded };
        self.load.send_if_modified(|known| std::mem::replace(known, load) != load);
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn known(&self, identity: &Identity) -> Option<EventState> {
        self.state(&identity.key).or_else(|| {
            let source = identity.source.as_ref()?;
            self.state(self.sources.get(source)?)
        })
    }

    fn state(&self, key: &str) -> Option<EventState> {
        if self.running.contains_key(key) {
            return Some(EventState::Running);
        }
        Some(match self.finished.get(key)?.end {
            End::Done => EventState::Done { key: key.to_owned() },
            End::Failed => EventState::Failed,
        })
    }

    fn begin(&mut self, identity: &Identity) {
        let Identity { key, source } = identity.clone();
        if let Some(source) = &source {
            self.sources.insert(source.clone(), key.clone());
        }
        self.running.insert(key, InProgress { source, ..InProgress::default() });
    }

    /// Takes a key out, wherever it is, and gives its source.
    fn take(&mut self, key: &str) -> Option<String> {
        if let Some(event) = self.running.remove(key) {
            self.count_out(&event);
            return event.source;
        }
        self.finished.remove(key)?.source
    }

    /// Makes a source lead to a key, as long as that is remembered.
    fn merge(&mut self, key: &str, source: Option<String>) {
        let entry = match self.running.get_mut(key) {
            Some(event) => Some(&mut event.source),
            None => self.finished.get_mut(key).map(|event| &mut event.source),
        };
        if let (Some(entry), Some(source)) = (entry, source) {
            *entry = Some(source.clone());
            self.sources.insert(source, key.to_owned());
        }
    }

    fn forget_source(&mut self, key: &str, source: Option<&str>) {
        if let Some(source) = source
            && self.sources.get(source).is_some_and(|known| known == key)
        {
            self.sources.remove(source);
        }
    }

    fn count_in(&mut self, bytes: usize, is_loaded: bool) {
        self.bytes += bytes;
        self.loaded += if is_loaded { bytes } else { 0 };
    }

    fn count_out(&mut self, event: &InProgress) {
        self.bytes -= event.bytes;
        self.loaded -= if event.is_loaded { event.bytes } else { 0 };
    }
}

#[cfg(test)]
mod tests;
