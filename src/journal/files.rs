//! Names, folder and permissions of an account's files.

use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::Error;

/// The files of one account in a folder that only its owner may enter.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
    account: String,
}

impl Files {
    /// Makes the folder if need be and closes it to others.
    pub(super) fn prepare(folder: &Path, account: &str) -> Result<Self, Error> {
        private_folder(folder).map_err(|error| Error::file(folder, error))?;
        Ok(Self::at(folder, account))
    }

    /// The names alone.
    pub(super) fn at(folder: &Path, account: &str) -> Self {
        Self { folder: folder.to_owned(), account: file_name(account) }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn database(&self) -> PathBuf {
        self.with(".sqlite")
    }

    /// Where a new database is made before it gets its name.
    pub(super) fn unfinished(&self) -> PathBuf {
        self.with(".sqlite.new")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.with(".lock")
    }

    fn with(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}{suffix}", self.account))
    }
}

/// A path with something appended to its last component.
pub(super) fn appended(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens a file that only its owner may read or write, making it if need be.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and names are durable with their file.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
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

/// A time as part of a file name, such as `20261122T093000Z`.
pub(super) fn stamp(milliseconds: i64) -> String {
    let seconds = milliseconds.div_euclid(1_000);
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted from 1 March 0000, so that the leap day is the last of its year; eras have 400 years.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, turn) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + turn;
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_utc_stamps() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_782_400_000), "20000229T000000Z");
        assert_eq!(stamp(1_795_339_859_999), "20261122T093059Z");
        assert_eq!(stamp(-1), "19691231T235959Z");
    }

    #[test]
    fn account_ids_become_distinct_harmless_names() {
        assert_eq!(file_name("default"), "default");
        assert_eq!(file_name("../Ops"), "%2e%2e%2f%4fps");
        assert_ne!(file_name("A").to_lowercase(), file_name("a").to_lowercase());
    }
}
