//! Bringing what was written to the disk: file by file, or the whole file system when there are many.

use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::fs::File;
use std::path::PathBuf;

use super::scan::is_absent;
use crate::fs::sync_folder;
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
        match sync_folder(folder) {
            // It was removed with its last file.
            Err(error) if is_absent(error.kind()) => {}
            synced => synced.map_err(Error::file("bring to the disk", folder))?,
        }
    }
    Ok(())
}
