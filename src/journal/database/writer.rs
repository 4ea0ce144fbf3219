//! The handle, and the thread behind it that owns the connection.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[cfg(feature = "testing")]
use tokio::sync::Notify;
use tokio::sync::oneshot;

use super::access::Access;
use super::pending::Notes;
use super::store::{Call, Durability, Job, Store};
use crate::journal::error::Fault;
use crate::journal::{Clock, Error};

/// Most calls in one transaction.
const MOST_IN_ONE: usize = 1_000;
/// How long notes may wait for being written.
const NOTES_WAIT: Duration = Duration::from_millis(500);

/// An account's journal. Clones share one database.
///
/// A future of any method resolves after its transaction is on disk, with one exception: [`Journal::claim_all`] resolves when
/// it is in the file. Methods may be called from any thread, on any runtime; none of them blocks.
#[derive(Clone)]
pub struct Journal {
    backend: Arc<Backend>,
    /// Notes that are not written yet.
    pub(in crate::journal) notes: Arc<Notes>,
    path: PathBuf,
    clock: Clock,
}

enum Backend {
    /// A thread of its own.
    Thread { queue: Sender<Message>, thread: Mutex<Option<JoinHandle<()>>> },
    /// A disk that a test plays.
    #[cfg(feature = "testing")]
    Simulated { queue: Sender<Message>, asked: Arc<Notify> },
    /// The thread of the caller: a journal in memory.
    Inline(Mutex<Option<Store>>),
}

/// What a handle asks for.
pub(in crate::journal) enum Message {
    /// A call that waits for its transaction.
    Job(Box<dyn Job>),
    /// A call that waits until its transaction is in the file; the next one that is synced brings it to the disk.
    Written(Box<dyn Job>),
    /// A call that goes with the next transaction, or as late as notes do.
    Later(Box<dyn Job>),
    /// Notes wait to be written.
    Notes,
    /// Finish and tell.
    Close(oneshot::Sender<()>),
}

impl Journal {
    /// Starts the thread of an open store.
    pub(in crate::journal) fn start(store: Store) -> Result<Self, Error> {
        let (queue, messages) = channel();
        let (notes, path) = (Arc::clone(&store.notes), store.path.clone());
        let clock = Arc::clone(&store.clock);
        let thread = std::thread::Builder::new()
            .name("parall-journal".to_owned())
            .spawn(move || serve(store, &messages))
            .map_err(|error| Error::file(&path, error))?;
        let backend = Backend::Thread { queue, thread: Mutex::new(Some(thread)) };
        Ok(Self { backend: Arc::new(backend), notes, path, clock })
    }

    /// Serves a store on the threads of its callers.
    pub(in crate::journal) fn inline(store: Store) -> Self {
        let (notes, path) = (Arc::clone(&store.notes), store.path.clone());
        let clock = Arc::clone(&store.clock);
        Self { backend: Arc::new(Backend::Inline(Mutex::new(Some(store)))), notes, path, clock }
    }

    /// A handle on a store that a simulated disk serves.
    #[cfg(feature = "testing")]
    pub(in crate::journal) fn served_elsewhere(
        store: &Store,
        queue: Sender<Message>,
        asked: Arc<Notify>,
    ) -> Self {
        let (notes, path) = (Arc::clone(&store.notes), store.path.clone());
        let backend = Arc::new(Backend::Simulated { queue, asked });
        Self { backend, notes, path, clock: Arc::clone(&store.clock) }
    }

    /// Milliseconds since the epoch, by the clock that the journal was opened with.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Finishes what is queued, closes the database and gives the lease back. Every later call fails with
    /// [`Error::Closed`].
    pub async fn close(&self) {
        match &*self.backend {
            Backend::Thread { queue, thread } => {
                let (reply, closed) = oneshot::channel();
                if queue.send(Message::Close(reply)).is_ok() {
                    // Without an answer the thread is gone already.
                    let _ = closed.await;
                }
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(thread) = thread {
                    // It has nothing left to do; an error means it panicked, and then too it is gone.
                    let _ = thread.join();
                }
            }
            #[cfg(feature = "testing")]
            Backend::Simulated { queue, asked } => {
                let (reply, closed) = oneshot::channel();
                if queue.send(Message::Close(reply)).is_ok() {
                    asked.notify_one();
                    // Without an answer the disk was opened anew.
                    let _ = closed.await;
                }
            }
            Backend::Inline(store) => {
                if let Some(store) = store.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    // Nobody waits for the answer.
                    let _ = store.flush();
                }
            }
        }
    }

    /// Runs `work` in the next transaction and resolves when that is on disk.
    pub(in crate::journal) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Access<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask(Message::Job, work).await
    }

    /// The same for what outlives the process at once and the power of the machine only with the next synced transaction: it
    /// costs no sync. What follows it in the journal is never on the disk without it.
    pub(in crate::journal) async fn call_written<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Access<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask(Message::Written, work).await
    }

    /// The same for what nobody waits for: it goes with a transaction that somebody does wait for, so that it delays nobody, or
    /// half a second later.
    pub(in crate::journal) async fn call_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Access<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask(Message::Later, work).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        message: fn(Box<dyn Job>) -> Message,
        work: impl FnOnce(&Access<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let job: Box<dyn Job> = Box::new(Call { work: Some(work), result: None, reply });
        match &*self.backend {
            Backend::Thread { queue, .. } => {
                queue.send(message(job)).map_err(|_| Error::Closed)?;
            }
            #[cfg(feature = "testing")]
            Backend::Simulated { queue, asked } => {
                queue.send(message(job)).map_err(|_| Error::Closed)?;
                asked.notify_one();
            }
            Backend::Inline(store) => {
                let store = store.lock().unwrap_or_else(PoisonError::into_inner);
                store.as_ref().ok_or(Error::Closed)?.run(vec![job], Durability::Disk);
            }
        }
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Lets the thread know that notes wait.
    pub(in crate::journal) fn wake(&self) {
        if let Backend::Thread { queue, .. } = &*self.backend {
            // A closed journal takes no notes.
            let _ = queue.send(Message::Notes);
        }
    }
}

/// Takes what is queued, as one transaction each time, until the journal is closed or all handles are gone.
fn serve(store: Store, messages: &Receiver<Message>) {
    // When notes, and calls that may wait, are written at the latest.
    let mut due: Option<Instant> = None;
    let mut jobs = Vec::new();
    let closing = loop {
        let first = match due {
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => messages.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        let first = match first {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break None,
        };
        let (mut is_awaited, mut is_synced) = (false, false);
        let mut closing = None;
        for message in first.into_iter().chain(messages.try_iter()).take(MOST_IN_ONE) {
            match message {
                Message::Job(job) => {
                    (is_awaited, is_synced) = (true, true);
                    jobs.push(job);
                }
                Message::Written(job) => {
                    is_awaited = true;
                    jobs.push(job);
                }
                Message::Later(job) => {
                    jobs.push(job);
                    due.get_or_insert_with(|| Instant::now() + NOTES_WAIT);
                }
                Message::Notes => {
                    due.get_or_insert_with(|| Instant::now() + NOTES_WAIT);
                }
                Message::Close(closed) => {
                    closing = Some(closed);
                    break;
                }
            }
        }
        let is_due = due.is_some_and(|due| due <= Instant::now());
        if is_awaited || is_due || closing.is_some() || jobs.len() >= MOST_IN_ONE {
            let durability = if is_synced || is_due || closing.is_some() {
                Durability::Disk
            } else {
                Durability::File
            };
            store.run(std::mem::take(&mut jobs), durability);
        }
        if closing.is_some() {
            break closing;
        }
        if is_due {
            let failed = store.flush().is_err();
            due = failed.then(|| Instant::now() + NOTES_WAIT);
        }
    };
    store.run(jobs, Durability::Disk);
    // What cannot be written now is read from the server again.
    let _ = store.flush();
    drop(store);
    if let Some(closed) = closing {
        // Whoever wanted it closed may have gone.
        let _ = closed.send(());
    }
}
