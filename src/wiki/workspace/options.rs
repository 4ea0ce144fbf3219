//! How a run behaves, and who observes its steps.

use std::sync::Arc;
use std::time::Duration;

/// How a run behaves.
#[derive(Clone)]
pub struct Options {
    /// How long to wait for another run in the same folder.
    pub lock_wait: Duration,
    /// Told how many files of how many have come or gone.
    pub progress: Option<Arc<dyn Fn(u64, u64) + Send + Sync>>,
    /// Told after every step that a crash could follow. For tests.
    pub observer: Option<Arc<dyn Fn(Step) + Send + Sync>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { lock_wait: Duration::from_secs(10), progress: None, observer: None }
    }
}

impl Options {
    pub(super) fn progressed(&self, done: usize, total: usize) {
        if let Some(progress) = &self.progress {
            progress(done as u64, total as u64);
        }
    }
}

/// The steps of a change of files, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Some bytes of the server are at hand.
    Fetched,
    /// All new contents are on the disk, aside.
    Staged,
    /// It is noted what is about to change.
    Begun,
    /// One file has changed.
    Placed,
    /// Everything is noted as done.
    Finished,
}

/// Who wants to know of steps.
#[derive(Clone, Copy)]
pub(super) struct Observer<'a>(pub(super) Option<&'a (dyn Fn(Step) + Send + Sync)>);

impl Observer<'_> {
    pub(super) fn reached(self, step: Step) {
        if let Some(observer) = self.0 {
            observer(step);
        }
    }
}
