//! Temporary files beside the file they are to become.
//!
//! `tempfile` is not used: names have to tell whose file it is and for which target, so that what a killed process left is found
//! and removed (`tempfile` knows no such sweep), and a backup that outlives a crash must keep its name. What remains, a random
//! name and `create_new`, is ten lines.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Error;
use super::private::private_options;

/// How many random names are tried before giving up.
const ATTEMPTS: usize = 16;
/// A replacement takes milliseconds; an older temporary file is what a killed process left.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);
/// Ends the name of every temporary file.
const SUFFIX: &str = ".tmp";

/// A temporary file that goes away with its owner unless it is kept.
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
    keep: bool,
}

impl Temporary {
    /// A new, empty file in the folder of `target`, readable by its owner alone.
    pub(super) fn beside(target: &Path) -> Result<Self, Error> {
        let (file, path) = create_unique(target, SUFFIX, "create a temporary file for")?;
        Ok(Self { file, path, keep: false })
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It has become the file it stood for.
    pub(super) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now is swept later.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A new file `.<name>.parall-<random><suffix>` beside `target` that did not exist before, readable by its owner alone.
pub(super) fn create_unique(
    target: &Path,
    suffix: &str,
    action: &'static str,
) -> Result<(File, PathBuf), Error> {
    let mut options = private_options();
    options.create_new(true);
    let mut last = io::Error::from(ErrorKind::AlreadyExists);
    for _ in 0..ATTEMPTS {
        let mut name = prefix(target);
        name.push(format!("{:016x}{suffix}", fastrand::u64(..)));
        let path = target.with_file_name(name);
        match options.open(&path) {
            Ok(file) => return Ok((file, path)),
            Err(source) if source.kind() == ErrorKind::AlreadyExists => last = source,
            Err(source) => return Err(Error::Write { action, path: target.into(), source }),
        }
    }
    Err(Error::Write { action, path: target.into(), source: last })
}

/// What the names of all our temporary files for `target` begin with.
fn prefix(target: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".parall-");
    name
}

/// Removes temporary files that killed processes left beside `target`. Failures do not matter: the next sweep tries again.
pub fn sweep(target: &Path) {
    remove_where(target, is_abandoned);
}

/// The same for the holder of a lock under which `target` is always written: all of them are left over, however young.
pub fn sweep_locked(target: &Path) {
    remove_where(target, |_| true);
}

fn remove_where(target: &Path, is_left: impl Fn(&fs::DirEntry) -> bool) {
    let prefix = prefix(target);
    let folder =
        target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_ours = name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes())
            && name.as_encoded_bytes().ends_with(SUFFIX.as_bytes());
        if is_ours && is_left(&entry) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_abandoned(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|time| {
        SystemTime::now().duration_since(time).is_ok_and(|age| age > ABANDONED_AFTER)
    })
}
