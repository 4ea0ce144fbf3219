//! Renames that overwrite nothing unseen.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Gives `from` the name `to`, unless something has it: then [`ErrorKind::AlreadyExists`].
pub(in crate::wiki::workspace) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match system::rename_new(from, to) {
        Err(error) if is_unsupported(&error) => {}
        result => return result,
    }
    match fs::hard_link(from, to) {
        Ok(()) => return fs::remove_file(from),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        // File systems without hard links.
        Err(_) => {}
    }
    match fs::symlink_metadata(to) {
        Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// Exchanges two files in one step. `false` where the system cannot, and nothing happened.
pub(in crate::wiki::workspace) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    match system::exchange(one, other) {
        Ok(()) => Ok(true),
        Err(error) if is_unsupported(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::path::Path;

    use rustix::fs::{CWD, RenameFlags, renameat_with};

    pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
        Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
    }

    pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
        Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io::{self, ErrorKind};
    use std::path::Path;

    pub(super) fn rename_new(_from: &Path, _to: &Path) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(super) fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_never_costs_the_file_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::write(&one, "1").unwrap();
        fs::write(&other, "2").unwrap();
        assert_eq!(rename_new(&one, &other).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&other).unwrap(), b"2");
        fs::remove_file(&other).unwrap();
        rename_new(&one, &other).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"1");
        assert!(!one.exists());
    }

    #[test]
    fn an_exchange_keeps_both_files() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::write(&one, "1").unwrap();
        fs::write(&other, "2").unwrap();
        let exchanged = exchange(&one, &other).unwrap();
        let expected = if exchanged { (b"2", b"1") } else { (b"1", b"2") };
        assert_eq!(
            (&fs::read(&one).unwrap()[..], &fs::read(&other).unwrap()[..]),
            (&expected.0[..], &expected.1[..])
        );
    }
}
