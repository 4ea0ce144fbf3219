//! A folder with the files of one wiki, which can be edited like any other, and the base that they are compared with.
//!
//! Promises: an edit of somebody is never lost, whatever fails and whenever the process ends; a file is whole or not there; what
//! is outside of the folder is never touched; a symbolic link is never followed.

mod apply;
mod layout;
mod memory;
mod plan;
mod recover;
mod rename;
mod reset;
mod scan;
mod stat;
mod status;
mod sync;
mod upload;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::layout::Layout;
use self::memory::{Identity, Memory};
use super::Error;
use super::path::{Rules, check_name};
use crate::api::Wiki;

pub use self::reset::Reset;
pub use self::status::{ChangedFile, ConflictView, DiffView, FileDiff, State, Status};
pub use self::sync::{Skipped, Synced, sync};
pub use self::upload::{Proposed, create_changeset, saw_changeset, update_changeset};

const LOCK_PAUSE: Duration = Duration::from_millis(20);

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
    fn progressed(&self, done: usize, total: usize) {
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
struct Observer<'a>(Option<&'a (dyn Fn(Step) + Send + Sync)>);

impl Observer<'_> {
    fn reached(self, step: Step) {
        if let Some(observer) = self.0 {
            observer(step);
        }
    }
}

/// An open workspace. Nobody else works in it until it is dropped. Everything here blocks.
pub struct Workspace {
    layout: Layout,
    memory: Memory,
    options: Options,
    _lock: File,
}

impl Workspace {
    /// The folder of a wiki below `root`.
    pub fn mount(root: &Path, slug: &str) -> Result<PathBuf, Error> {
        // It becomes a folder on every system, and never one that is hidden.
        let strictest = Rules { windows: true, folds_case: true };
        if slug.contains('/') || slug.starts_with('.') || check_name(slug, strictest).is_err() {
            let reason = "the wiki's slug is no name for a folder".to_owned();
            return Err(Error::Mount { mount: root.into(), reason });
        }
        Ok(root.join(slug))
    }

    /// Opens the folder of a wiki; makes it when there is none.
    pub fn create(
        root: &Path,
        organisation: &str,
        wiki: &Wiki,
        options: Options,
    ) -> Result<Self, Error> {
        let layout = Layout::at(&Self::mount(root, &wiki.slug)?);
        layout.create()?;
        let mut workspace = Self::take(layout, options)?;
        match workspace.memory.identity()? {
            Some(found) if found.id == wiki.id && found.organisation == organisation => {}
            Some(_) => {
                return Err(Error::Mount {
                    mount: workspace.layout.mount().into(),
                    reason: "it holds a wiki of another organisation or id".to_owned(),
                });
            }
            None => workspace.memory.set_identity(&Identity {
                id: wiki.id.clone(),
                organisation: organisation.to_owned(),
                slug: wiki.slug.clone(),
                version: String::new(),
                complete: false,
            })?,
        }
        Ok(workspace)
    }

    /// Opens the folder of a wiki that was synced before.
    pub fn open(
        root: &Path,
        organisation: &str,
        slug: &str,
        options: Options,
    ) -> Result<Self, Error> {
        let layout = Layout::at(&Self::mount(root, slug)?);
        let not_synced = || Error::NotSynced { mount: layout.mount().into() };
        if !layout.database().is_file() {
            return Err(not_synced());
        }
        layout.create()?;
        let mount = layout.mount().to_path_buf();
        let workspace = Self::take(layout, options)?;
        match workspace.memory.identity()? {
            Some(found) if found.version.is_empty() => Err(Error::NotSynced { mount }),
            Some(found) if found.organisation == organisation => Ok(workspace),
            Some(_) => Err(Error::Mount {
                mount,
                reason: "it holds a wiki of another organisation".to_owned(),
            }),
            None => Err(Error::NotSynced { mount }),
        }
    }

    fn take(layout: Layout, options: Options) -> Result<Self, Error> {
        let lock = lock(&layout, options.lock_wait)?;
        let mut memory = Memory::open(&layout.database())?;
        recover::recover(&layout, &mut memory)?;
        Ok(Self { layout, memory, options, _lock: lock })
    }

    fn observer(&self) -> Observer<'_> {
        Observer(self.options.observer.as_deref())
    }

    fn identity(&self) -> Result<Identity, Error> {
        let not_synced = || Error::NotSynced { mount: self.layout.mount().into() };
        self.memory.identity()?.ok_or_else(not_synced)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        self.layout.mount()
    }

    /// The server's id of the wiki.
    pub fn wiki_id(&self) -> Result<String, Error> {
        Ok(self.identity()?.id)
    }
}

/// The system lets a lock go with the process that holds it.
fn lock(layout: &Layout, wait: Duration) -> Result<File, Error> {
    let path = layout.lock();
    let failed = || Error::file("lock", &path);
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed())?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed()(error)),
            Err(TryLockError::WouldBlock) if start.elapsed() < wait => sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { mount: layout.mount().into() });
            }
        }
    }
}

/// Runs file work on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::BrokenOff)?
}
