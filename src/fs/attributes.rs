//! Who may read a file, carried over from the old file to the new one.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::Error;

/// Read and write for the owner.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Mode, owner and access list of an existing file.
pub(super) struct Attributes {
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has them"))]
    path: PathBuf,
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has them"))]
    metadata: Metadata,
}

impl Attributes {
    /// Those of the file at `path`, or nothing when there is none.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, Error> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(Self { path: path.into(), metadata })),
            Ok(_) => Err(Error::NotAFile { path: path.into() }),
            Err(source) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path: path.into(), source }),
        }
    }

    /// Gives them to `file`; with a secret inside, nobody but the owner keeps any right. `false` when this user may not give
    /// the file to its old owner, so that only writing in place would keep it.
    #[cfg(unix)]
    pub(super) fn apply(&self, file: &File, secret: bool) -> io::Result<bool> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

        let ours = file.metadata()?;
        if (ours.uid(), ours.gid()) != (self.metadata.uid(), self.metadata.gid()) {
            match fchown(file, Some(self.metadata.uid()), Some(self.metadata.gid())) {
                Ok(()) => {}
                Err(source) if source.kind() == ErrorKind::PermissionDenied => return Ok(false),
                Err(source) => return Err(source),
            }
        }
        if !secret {
            copy_access_list(&self.path, file)?;
        }
        let mode = self.metadata.permissions().mode() & 0o7777;
        let mode = if secret { mode & OWNER_ONLY } else { mode };
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        Ok(true)
    }

    /// Windows takes rights from the folder.
    #[cfg(not(unix))]
    pub(super) fn apply(&self, _file: &File, _secret: bool) -> io::Result<bool> {
        Ok(true)
    }
}

/// Linux keeps a POSIX access list in an extended attribute; most files have none.
#[cfg(target_os = "linux")]
fn copy_access_list(from: &Path, to: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fsetxattr, getxattr};
    use rustix::io::Errno;

    const NAME: &str = "system.posix_acl_access";
    /// More than the 32 entries that common file systems allow.
    const MAX_BYTES: usize = 4096;

    let mut value = [0_u8; MAX_BYTES];
    match getxattr(from, NAME, &mut value) {
        Ok(length) => Ok(fsetxattr(to, NAME, &value[..length], XattrFlags::empty())?),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn copy_access_list(_from: &Path, _to: &File) -> io::Result<()> {
    Ok(())
}
