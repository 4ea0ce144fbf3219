//! Bringing what was written to the disk: file by file, or the whole file system when there are many.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::scan::is_absent;
use crate::wiki::Error;
use crate::wiki::workspace::layout::Layout;

/// From so many files on, the whole file system is brought to the disk at once instead of each of them.
#[cfg(target_os = "linux")]
const MANY: usize = 16;

#[cfg(target_os = "linux")]
pub(super) fn is_many(count: usize) -> bool {
    count >= MANY
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_many(_count: usize) -> bool {
    false
}

#[cfg(target_os = "linux")]
pub(super) fn sync_all(layout: &Layout) -> Result<(), Error> {
    let failed = || Error::file("bring to the disk", layout.mount());
    let folder = File::open(layout.mount()).map_err(failed())?;
    rustix::fs::syncfs(&folder).map_err(|error| failed()(error.into()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn sync_all(_layout: &Layout) -> Result<(), Error> {
    Ok(())
}

pub(super) fn sync_folders(layout: &Layout, touched: &BTreeSet<PathBuf>) -> Result<(), Error> {
    if is_many(touched.len()) {
        return sync_all(layout);
    }
    for folder in touched {
        sync_folder(folder)?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Error> {
    match File::open(folder) {
        Ok(file) => file.sync_all().map_err(Error::file("bring to the disk", folder)),
        // It was removed with its last file.
        Err(error) if is_absent(error.kind()) => Ok(()),
        Err(error) => Err(Error::file("open", folder)(error)),
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), Error> {
    Ok(())
}
