//! Fetches what comes with messages, some files at once, and says what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use super::folder::{MediaFolder, Place, folder_in};
use super::options::{MOST_FILES, MediaOptions};
use super::receipt::{KeptFile, Receipt};
use crate::api::retry::{GaveUp, Policy, retry_noting};
use crate::api::{Attachment, FileError, RemoteFile};
use crate::error::chain;
use crate::orchestrator::context::Context;
use crate::orchestrator::event::{Event, Subject};
use crate::orchestrator::host::Level;

/// How many files are fetched at once, and how many of one message.
const AT_ONCE: usize = 8;
const OF_A_MESSAGE: usize = 3;
/// How long a message waits for its files. Until then it holds up its own chat alone.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// Attempts at a file.
const POLICY: Policy = Policy::limited(3, Duration::from_millis(500), Duration::from_secs(5));
/// How often the folder is swept, and after how many new bytes besides.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 60 * 60);
const SWEEP_BYTES: u64 = 512 * 1024 * 1024;

/// Fetches what comes with messages.
pub(crate) struct Fetcher {
    context: Arc<Context>,
    options: MediaOptions,
    folder: Option<MediaFolder>,
    room: Semaphore,
    /// Bytes that came since the last sweep.
    unswept: AtomicU64,
}

impl Fetcher {
    /// Nothing is fetched yet.
    pub(crate) fn new(context: Arc<Context>, options: MediaOptions) -> Self {
        let folder = options.folder.as_deref().map(folder_in);
        let (room, unswept) = (Semaphore::new(AT_ONCE), AtomicU64::default());
        Self { context, options, folder, room, unswept }
    }

    /// Whether an event brings files that are to be fetched.
    pub(crate) fn concerns(event: &Event) -> bool {
        !attachments(event).is_empty()
    }

    /// What became of the files of an event, in their order. Nothing that happens to a file is an error: the text is answered
    /// in any case.
    pub(crate) async fn receive(&self, event: &Event) -> Vec<Receipt> {
        let deadline = Instant::now() + LONGEST_WAIT;
        let message_id = event.source_id();
        let files = attachments(event);
        stream::iter(0..files.len().min(MOST_FILES))
            .map(|ordinal| self.one(message_id, ordinal, &files[ordinal], deadline))
            .buffered(OF_A_MESSAGE)
            .collect()
            .await
    }

    /// Keeps the folder small until the account stops.
    pub(crate) async fn keep_small(&self) {
        loop {
            self.sweep().await;
            sleep(SWEEP_EVERY).await;
        }
    }

    async fn one(
        &self,
        message_id: &str,
        ordinal: usize,
        attachment: &Attachment,
        deadline: Instant,
    ) -> Receipt {
        let most = self.options.max_files;
        if ordinal >= most {
            return Receipt::Refused(format!("only {most} files of a message are"));
        }
        let fetched = timeout_at(deadline, self.kept(message_id, ordinal, attachment)).await;
        let reason = match fetched {
            Ok(Ok(file)) => return Receipt::Kept(file),
            Ok(Err(reason)) => reason,
            Err(_) => "there was no time left for it".to_owned(),
        };
        let name = &attachment.id;
        let text = format!("{message_id}: the attachment {name} was not fetched: {reason}");
        self.context.log(Level::Warn, text);
        Receipt::Refused(reason)
    }

    async fn kept(
        &self,
        message_id: &str,
        ordinal: usize,
        attachment: &Attachment,
    ) -> Result<KeptFile, String> {
        let limit = self.options.max_bytes;
        let folder = self.folder.as_ref().ok_or("there is no folder for files")?;
        let address = attachment.url.as_deref().ok_or("Parall does not say where it is")?;
        if attachment.file_size == Some(0) {
            return Err(EMPTY.to_owned());
        }
        let place = folder.place(message_id, ordinal, attachment);
        let (known, of) = (place.clone(), attachment.clone());
        if let Some(file) = blocking(move || Ok(known.find(&of))).await.map_err(|e| chain(&e))? {
            return Ok(file);
        }
        let remote =
            RemoteFile { address, size: attachment.file_size, limit, hosts: &self.options.hosts };
        // Nobody closes it.
        let _room = self.room.acquire().await;
        let attempt = || self.attempt(&place, attachment, &remote);
        match retry_noting(POLICY, &self.context.work, |_, _| {}, attempt).await {
            Ok(file) if file.size == 0 => {
                let _ = tokio::fs::remove_file(&file.path).await;
                Err(EMPTY.to_owned())
            }
            Ok(file) => {
                if self.unswept.fetch_add(file.size, Ordering::Relaxed) + file.size > SWEEP_BYTES {
                    self.sweep().await;
                }
                Ok(file)
            }
            Err(GaveUp::Failed(error)) => Err(chain(&error)),
            Err(GaveUp::Stopped) => Err(FileError::Stopped.to_string()),
        }
    }

    async fn attempt(
        &self,
        place: &Place,
        attachment: &Attachment,
        remote: &RemoteFile<'_>,
    ) -> Result<KeptFile, FileError> {
        let begin = place.clone();
        let partial = blocking(move || begin.begin()).await?;
        let mut file = tokio::fs::File::from_std(partial.reopen()?);
        self.context.server.fetch_file(remote, &mut file).await?;
        let (keep, of) = (place.clone(), attachment.clone());
        Ok(blocking(move || keep.keep(partial, &of)).await?)
    }

    async fn sweep(&self) {
        self.unswept.store(0, Ordering::Relaxed);
        if let Some(folder) = self.folder.clone() {
            let sweep = move || {
                folder.sweep(SystemTime::now());
                Ok(())
            };
            let _ = blocking(sweep).await;
        }
    }
}

const EMPTY: &str = "it is empty";

/// The files of a new message. What happened to a message that the agent has seen brings none.
fn attachments(event: &Event) -> &[Attachment] {
    match &event.subject {
        Subject::Message { message, .. } if event.unknown_type().is_none() => &message.attachments,
        _ => &[],
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}
