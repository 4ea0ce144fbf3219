//! Temporary files beside the file they are to become.
//!
//! Their names tell whose they are and for which target, so that what a killed process left is found and removed.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::{Builder, NamedTempFile};

use super::Error;

/// Random characters in a name.
const RANDOM: usize = 16;
/// A replacement takes milliseconds; an older temporary file is what a killed process left.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);
/// Ends the name of every temporary file.
const SUFFIX: &str = ".tmp";

/// A new, empty file in the folder of `target`, readable by its owner alone. It goes away when it is dropped, unless it becomes
/// the file it stands for.
pub(super) fn beside(target: &Path) -> Result<NamedTempFile, Error> {
    create(target, SUFFIX, "create a temporary file for")
}

/// A new file `.<name>.parall-<random><suffix>` beside `target` that did not exist before, readable by its owner alone.
pub(super) fn create(
    target: &Path,
    suffix: &str,
    action: &'static str,
) -> Result<NamedTempFile, Error> {
    let (prefix, folder) = (prefix(target), folder(target));
    Builder::new()
        .prefix(&prefix)
        .suffix(suffix)
        .rand_bytes(RANDOM)
        .tempfile_in(folder)
        .map_err(|source| Error::Write { action, path: target.into(), source })
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
    for entry in fs::read_dir(folder(target)).into_iter().flatten().flatten() {
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
