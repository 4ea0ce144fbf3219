//! A folder with the files of one wiki, which can be edited like any other, and the base that they are compared with.
//!
//! Promises: an edit of somebody is never lost, whatever fails and whenever the process ends; a file is whole or not there; what
//! is outside of the folder is never touched; a symbolic link is never followed.
//!
//! ```text
//! sync/    decision: what becomes of one path    target: what the server has    plan: one round
//! status   what was edited    reset: giving it up    upload: proposing it
//! mount/   the files: scan, stat, apply, rename, recover
//! memory   the base and what is under way (records: as values)    layout: where things are
//! ```

mod layout;
mod memory;
mod mount;
mod options;
mod records;
mod reset;
mod status;
mod sync;
mod upload;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use self::layout::Layout;
use self::memory::Memory;
use self::mount::{recover, scan};
use self::options::Observer;
use self::records::{Files, Identity};
use super::path::{Rules, check_name};
use super::{Error, Hash};
use crate::api::Wiki;

pub use self::options::{Options, Step};
pub use self::reset::Reset;
pub use self::status::{ChangedFile, ConflictView, DiffView, FileDiff, Skipped, State, Status};
pub use self::sync::{Synced, sync};
pub use self::upload::{Proposed, create_changeset, saw_changeset, update_changeset};

const LOCK_PAUSE: Duration = Duration::from_millis(20);

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

    /// Looks at the mount; `more` are files that count as the wiki's besides those of the base.
    fn scan(&mut self, more: &Files) -> Result<scan::Scan, Error> {
        let mut tracked = self.memory.base()?;
        tracked.extend(more.iter().map(|(path, hash)| (path.clone(), *hash)));
        let seen = self.memory.seen()?;
        let scan = scan::scan(self.layout.mount(), &tracked, &seen)?;
        let gone: Vec<_> = seen.into_keys().filter(|path| !scan.files.contains_key(path)).collect();
        self.memory.update_seen(&scan.fresh, &gone)?;
        Ok(scan)
    }

    /// Bytes of the base or of the server that have been fetched.
    fn bytes(&self, path: &str, hash: Hash) -> Result<Vec<u8>, Error> {
        self.memory.blob(hash)?.ok_or_else(|| Error::Content { path: path.to_owned() })
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
