//! Replacing a file so that a reader, or a crash at any moment, sees the old or the new contents, whole.

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use tempfile::{NamedTempFile, PersistError};

use super::attributes::Attributes;
use super::options::{ReplaceOptions, Step};
use super::private::sync_name;
use super::temporary;
use super::{Error, follow, in_place, read};

/// Waits before each further try of a rename that the system refused for the moment: 150 ms in all.
const RENAME_WAITS: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
];

/// Replaces the contents of a file, or makes it.
///
/// The new contents go to a temporary file in the same folder, to the disk, and then take the file's name. A symbolic link
/// stays and its target is replaced. Mode, owner and access list stay. Where the system does not allow the rename, as for a
/// file that is mounted into a container, and a few tries do not help, the file is written in place, locked, with a backup
/// beside it until the result is verified.
///
/// Equal contents are the caller's matter: this always writes.
pub fn replace(path: &Path, contents: &[u8], options: &ReplaceOptions<'_>) -> Result<(), Error> {
    let target = follow(path)?;
    let attributes = Attributes::of(&target)?;
    let mut temporary = temporary::beside(&target)?;
    options.reached(Step::Created);
    let failed = |action| move |source| Error::Write { action, path: path.into(), source };
    temporary.write_all(contents).map_err(failed("write a temporary file for"))?;
    options.reached(Step::Written);
    let is_kept = attributes
        .as_ref()
        .map_or(Ok(true), |attributes| attributes.apply(temporary.as_file_mut(), options.secret));
    if !is_kept.map_err(failed("keep the mode of"))? {
        return in_place::overwrite(&target, contents, options);
    }
    options.reached(Step::Attributed);
    temporary.as_file().sync_all().map_err(failed("sync a temporary file for"))?;
    options.reached(Step::Synced);
    unchanged(&target, options)?;
    let renamed = rename(temporary, &target).map_err(failed("replace"))?;
    if !renamed {
        return in_place::overwrite(&target, contents, options);
    }
    options.reached(Step::Renamed);
    sync_name(&target).map_err(failed("sync the folder of"))?;
    options.reached(Step::FolderSynced);
    Ok(())
}

/// Whether the target still holds what the caller made the new contents from.
fn unchanged(target: &Path, options: &ReplaceOptions<'_>) -> Result<(), Error> {
    match options.expected {
        Some(expected) if read(target)?.as_deref() != Some(expected) => {
            Err(Error::Changed { path: target.into() })
        }
        _ => Ok(()),
    }
}

/// Renames; `false` when the system keeps refusing for a reason that writing in place does not share.
fn rename(mut temporary: NamedTempFile, target: &Path) -> io::Result<bool> {
    let mut waits = RENAME_WAITS.iter();
    loop {
        let Err(PersistError { error, file }) = temporary.persist(target) else { return Ok(true) };
        if !is_passing(&error) {
            return Err(error);
        }
        match waits.next() {
            Some(wait) => sleep(*wait),
            None if target.exists() => return Ok(false),
            None => return Err(error),
        }
        temporary = file;
    }
}

/// EBUSY for a mounted file, EPERM and EACCES for one that another program has open on Windows, EXDEV for an overlay.
fn is_passing(source: &io::Error) -> bool {
    matches!(
        source.kind(),
        ErrorKind::ResourceBusy | ErrorKind::PermissionDenied | ErrorKind::CrossesDevices
    )
}
