//! Files that are not ours: read them honestly, replace them whole or not at all.
//!
//! Everything here blocks; call it from a blocking thread.

mod atomic;
mod attributes;
mod error;
mod identity;
mod in_place;
pub mod lock;
mod options;
mod private;
mod temporary;

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

pub use atomic::replace;
pub use error::Error;
pub(crate) use identity::Identity;
pub use options::{ReplaceOptions, Step};
pub(crate) use private::{private_options, sync_folder};
pub use temporary::{sweep, sweep_locked};

/// How many symbolic links one path may lead through; what Linux allows.
const MAX_LINKS: usize = 40;

/// The contents of a file, or nothing when there is none.
///
/// "Not found" is the only emptiness: a folder in its place, missing rights and every other failure is an error.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    read_with_room(path, 0)
}

/// The same, with room for so many further bytes, so that adding to a large file's contents does not copy them in memory.
pub fn read_with_room(path: &Path, room: usize) -> Result<Option<Vec<u8>>, Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.into(), source }),
    };
    if !metadata.is_file() {
        return Err(Error::NotAFile { path: path.into() });
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let mut contents = Vec::with_capacity(size.saturating_add(room));
    let mut file =
        fs::File::open(path).map_err(|source| Error::Read { path: path.into(), source })?;
    file.read_to_end(&mut contents).map_err(|source| Error::Read { path: path.into(), source })?;
    Ok(Some(contents))
}

/// Where a path leads once its symbolic links are followed, also when the last one points to a file that is yet to be made.
pub fn follow(path: &Path) -> Result<PathBuf, Error> {
    let fail = |source: io::Error| Error::Read { path: path.into(), source };
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().map_or(next.clone(), |folder| folder.join(&next)),
            // EINVAL: it is there and no link.
            Err(source)
                if matches!(source.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) =>
            {
                return Ok(target);
            }
            Err(source) => return Err(fail(source)),
        }
    }
    Err(fail(ErrorKind::InvalidFilename.into()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_empty_and_a_folder_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&folder.path().join("none")).unwrap().is_none());
        assert!(matches!(read(folder.path()), Err(Error::NotAFile { .. })));
    }

    #[test]
    fn follow_goes_through_relative_links_to_a_file_that_is_yet_to_be_made() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("b", folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink("c", folder.path().join("b")).unwrap();
        assert_eq!(follow(&folder.path().join("a")).unwrap(), folder.path().join("c"));
    }

    #[test]
    fn follow_gives_up_on_a_ring_of_links() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("b", folder.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("b")).unwrap();
        assert!(matches!(follow(&folder.path().join("a")), Err(Error::Read { .. })));
    }
}
