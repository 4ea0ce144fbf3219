//! Names, folder and permissions of an account's files.

use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::fs::private_options;
use crate::journal::Error;

/// The files of one account in a folder that only its owner may enter.
#[derive(Debug, Clone)]
pub(in crate::journal) struct Files {
    folder: PathBuf,
    account: String,
}

impl Files {
    /// Makes the folder if need be and closes it to others.
    pub(in crate::journal) fn prepare(folder: &Path, account: &str) -> Result<Self, Error> {
        private_folder(folder).map_err(|error| Error::file(folder, error))?;
        Ok(Self::at(folder, account))
    }

    /// The names alone.
    pub(in crate::journal) fn at(folder: &Path, account: &str) -> Self {
        Self { folder: folder.to_owned(), account: file_name(account) }
    }

    pub(in crate::journal) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(in crate::journal) fn database(&self) -> PathBuf {
        self.with(".sqlite")
    }

    /// Where a new database is made before it gets its name.
    pub(in crate::journal) fn unfinished(&self) -> PathBuf {
        self.with(".sqlite.new")
    }

    pub(in crate::journal) fn lock(&self) -> PathBuf {
        self.with(".lock")
    }

    fn with(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}{suffix}", self.account))
    }
}

/// A path with something appended to its last component.
pub(in crate::journal) fn appended(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a file that only its owner may read or write, making it if need be.
pub(in crate::journal) fn private_file(path: &Path) -> io::Result<File> {
    private_options().create(true).truncate(false).open(path)
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        let permissions = fs::metadata(folder)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            fs::set_permissions(folder, PermissionsExt::from_mode(0o700))?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(folder)
}

/// An account id as a file name: different ids give different names, also where case does not count.
fn file_name(account: &str) -> String {
    let mut name = String::new();
    for byte in account.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(name, "%{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_become_distinct_harmless_names() {
        assert_eq!(file_name("default"), "default");
        assert_eq!(file_name("../Ops"), "%2e%2e%2f%4fps");
        assert_ne!(file_name("A").to_lowercase(), file_name("a").to_lowercase());
    }
}
