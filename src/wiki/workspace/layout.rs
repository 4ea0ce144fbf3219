//! Where the parts of a workspace are.
//!
//! ```text
//! <mount>/                 the files of the wiki
//!   .parall/               for its owner alone
//!     wiki.db              what the workspace remembers
//!     lock                 held while a run is at work
//!     staged/              new contents before they take their place, old ones after
//!     conflicts/           the server's side of what cannot be marked in a file
//!     discarded/<time>/    what the last resets took away
//!     rescued/             edits that were made in the very moment in which a file was replaced
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::fs::Identity;
use crate::time::{iso, now};
use crate::wiki::Error;
use crate::wiki::path::{Rules, STATE_FOLDER, native};

/// How many resets can be taken back by hand.
const KEPT_RESETS: usize = 3;

pub(super) struct Layout {
    mount: PathBuf,
    state: PathBuf,
}

impl Layout {
    pub(super) fn at(mount: &Path) -> Self {
        Self { mount: mount.into(), state: mount.join(STATE_FOLDER) }
    }

    /// Makes the folders; refuses what is a symbolic link.
    pub(super) fn create(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.mount).map_err(Error::file("make", &self.mount))?;
        for folder in [&self.mount, &self.state, &self.state.join("staged")] {
            make_private(folder)?;
            self.check(folder, fs::Metadata::is_dir)?;
        }
        for file in [self.database(), self.lock()] {
            self.check(&file, fs::Metadata::is_file)?;
        }
        Ok(())
    }

    fn check(&self, path: &Path, is_expected: fn(&fs::Metadata) -> bool) -> Result<(), Error> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if is_expected(&metadata) => Ok(()),
            Ok(_) => Err(Error::Mount {
                mount: self.mount.clone(),
                reason: format!("{} is a symbolic link or something else", path.display()),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    pub(super) fn mount(&self) -> &Path {
        &self.mount
    }

    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.mount.join(native(path))
    }

    pub(super) fn database(&self) -> PathBuf {
        self.state.join("wiki.db")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    pub(super) fn staged(&self, name: &str) -> PathBuf {
        self.state.join("staged").join(name)
    }

    /// Removes what is staged. Only while nothing is under way: what is there then is a copy.
    pub(super) fn clear_staging(&self) {
        for entry in fs::read_dir(self.state.join("staged")).into_iter().flatten().flatten() {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_file(entry.path());
        }
    }

    /// Writes the server's side of a conflict; gives its path below the mount.
    pub(super) fn write_conflict_copy(&self, path: &str, bytes: &[u8]) -> Result<String, Error> {
        let copy = format!("{STATE_FOLDER}/conflicts/{path}");
        let file = self.file(&copy);
        let folder = file.parent().unwrap_or(&self.state);
        let failed = || Error::file("write", &file);
        fs::create_dir_all(folder).map_err(failed())?;
        crate::fs::replace(&file, bytes, &crate::fs::ReplaceOptions::default())
            .map_err(|error| failed()(std::io::Error::other(error)))?;
        Ok(copy)
    }

    /// Keeps a staged file that is an edit of somebody and has no other place.
    pub(super) fn rescue(&self, staged: &str, target: &Path) -> Result<(), Error> {
        let folder = self.state.join("rescued");
        make_private(&folder)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let kept = folder.join(format!("{staged}-{name}"));
        fs::rename(self.staged(staged), &kept).map_err(Error::file("keep", &kept))
    }

    /// A new folder for what a reset takes away; the oldest of them goes.
    pub(super) fn discard_folder(&self) -> Result<PathBuf, Error> {
        let folder = self.state.join("discarded");
        make_private(&folder)?;
        let mut kept: Vec<_> = fs::read_dir(&folder)
            .map_err(Error::file("read", &folder))?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        kept.sort();
        let surplus = (kept.len() + 1).saturating_sub(KEPT_RESETS);
        for old in kept.into_iter().take(surplus) {
            fs::remove_dir_all(&old).map_err(Error::file("remove", &old))?;
        }
        // No colons: Windows forbids them.
        let new = folder.join(iso(now()).replace(':', "-"));
        make_private(&new)?;
        Ok(new)
    }

    /// What this file system does with names.
    pub(super) fn rules(&self) -> Rules {
        let identity =
            |path: &Path| fs::symlink_metadata(path).ok().map(|found| Identity::of(&found));
        let other_case = self.mount.join(STATE_FOLDER.to_uppercase());
        let folds_case =
            identity(&other_case).is_some_and(|other| identity(&self.state) == Some(other));
        Rules { windows: cfg!(windows), folds_case }
    }
}

fn make_private(folder: &Path) -> Result<(), Error> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(Error::file("make", folder)(error))
        }
        _ => Ok(()),
    }
}
