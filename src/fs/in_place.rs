//! Writing over a file whose name cannot be given to another one, such as a file mounted into a container.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::Error;
use super::options::{ReplaceOptions, Step};
use super::private::sync_name;
use super::temporary;

/// Tries for the lock, and the wait between them: half a second in all.
const LOCK_ATTEMPTS: usize = 50;
const LOCK_WAIT: Duration = Duration::from_millis(10);
/// Ends the name of the backup.
const BACKUP_SUFFIX: &str = ".backup";

/// Writes `contents` over the file, under a lock and with the old contents in a backup beside it until the result is verified.
///
/// When a step fails the old contents are put back. A crash half way is the one case in which the file is neither old nor
/// new; the backup is then still beside it.
pub(super) fn overwrite(
    target: &Path,
    contents: &[u8],
    options: &ReplaceOptions<'_>,
) -> Result<(), Error> {
    let failed = |action| move |source| Error::Write { action, path: target.into(), source };
    let mut file =
        OpenOptions::new().read(true).write(true).open(target).map_err(failed("open"))?;
    lock(&file, target)?;
    let mut old = Vec::new();
    file.read_to_end(&mut old).map_err(|source| Error::Read { path: target.into(), source })?;
    if options.expected.is_some_and(|expected| expected != old) {
        return Err(Error::Changed { path: target.into() });
    }
    // It outlives a crash and a panic.
    let (mut copy, backup) = temporary::create(target, BACKUP_SUFFIX, "back up")?
        .keep()
        .map_err(|refused| failed("back up")(refused.error))?;
    let backed_up =
        copy.write_all(&old).and_then(|()| copy.sync_all()).and_then(|()| sync_name(target));
    if let Err(source) = backed_up {
        let _ = fs::remove_file(&backup);
        return Err(failed("back up")(source));
    }
    options.reached(Step::BackedUp);
    let written = restrict(&file, options.secret)
        .and_then(|()| write_from_start(&mut file, contents, || options.reached(Step::HalfWritten)))
        .and_then(|()| verify(&mut file, contents));
    if let Err(source) = written {
        let put_back =
            write_from_start(&mut file, &old, || {}).and_then(|()| verify(&mut file, &old));
        return Err(match put_back {
            Ok(()) => {
                let _ = fs::remove_file(&backup);
                failed("write")(source)
            }
            Err(_) => Error::Damaged { path: target.into(), backup, source },
        });
    }
    options.reached(Step::Overwritten);
    fs::remove_file(&backup).map_err(failed("remove the backup of"))?;
    options.reached(Step::BackupRemoved);
    Ok(())
}

fn lock(file: &File, target: &Path) -> Result<(), Error> {
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => sleep(LOCK_WAIT),
            Err(TryLockError::Error(source)) => {
                return Err(Error::Write { action: "lock", path: target.into(), source });
            }
        }
    }
    Err(Error::Locked { path: target.into() })
}

/// Takes the rights of everybody else before a secret is written.
#[cfg(unix)]
fn restrict(file: &File, secret: bool) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = file.metadata()?.permissions().mode() & 0o7777;
    let restricted = mode & 0o600;
    if !secret || restricted == mode {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(restricted))
}

#[cfg(not(unix))]
fn restrict(_file: &File, _secret: bool) -> io::Result<()> {
    Ok(())
}

fn write_from_start(file: &mut File, contents: &[u8], half: impl FnOnce()) -> io::Result<()> {
    // Space for a longer file is taken before the old contents are touched, so that a full disk is noticed in time.
    let old_length = file.seek(SeekFrom::End(0))?;
    let common = usize::try_from(old_length).unwrap_or(usize::MAX).min(contents.len());
    file.write_all(&contents[common..])?;
    half();
    file.rewind()?;
    file.write_all(&contents[..common])?;
    file.set_len(contents.len() as u64)?;
    file.sync_all()
}

fn verify(file: &mut File, contents: &[u8]) -> io::Result<()> {
    let mut found = Vec::with_capacity(contents.len());
    file.rewind()?;
    file.read_to_end(&mut found)?;
    if found == contents {
        Ok(())
    } else {
        Err(io::Error::other("the file does not hold what was written to it"))
    }
}
