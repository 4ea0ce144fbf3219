//! The folder of kept files.
//!
//! It lies in the hosts' own folder for inbound media, because hosts show the agent no image from elsewhere, and one level
//! deeper, because some releases empty that folder itself after two minutes. Everything here blocks.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::{Builder, NamedTempFile};

use super::content::{HEAD, judge};
use super::file_name::{is_kept, kept_name};
use super::receipt::KeptFile;
use crate::api::Attachment;

/// How long a file is kept.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long an unfinished file may be left alone; the longest download takes less.
const UNFINISHED: Duration = Duration::from_secs(60 * 60);
/// How many bytes are kept; the oldest files go first.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How many files a sweep looks at.
const MOST_FILES: usize = 50_000;
/// Ends the name of an unfinished file.
const PARTIAL: &str = ".partial";

/// The folder of kept files.
#[derive(Debug, Clone)]
pub(super) struct MediaFolder(pub(super) PathBuf);

/// A place for one file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
    name: String,
}

impl MediaFolder {
    /// Where an attachment of a message is kept.
    pub(super) fn place(&self, message_id: &str, ordinal: usize, of: &Attachment) -> Place {
        Place { folder: self.0.clone(), name: kept_name(message_id, ordinal, of) }
    }

    /// Removes what is old, unfinished or too much. Failures do not matter: the next sweep tries again.
    pub(super) fn sweep(&self, now: SystemTime) {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten().take(MOST_FILES) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(metadata) = entry.metadata() else { continue };
            if !metadata.is_file() || !is_kept(&name) {
                continue;
            }
            let modified = metadata.modified().unwrap_or(now);
            let age = now.duration_since(modified).unwrap_or_default();
            let lifetime = if name.ends_with(PARTIAL) { UNFINISHED } else { LIFETIME };
            if age > lifetime {
                let _ = fs::remove_file(entry.path());
            } else {
                kept.push((modified, metadata.len(), entry.path()));
            }
        }
        kept.sort();
        let mut bytes: u64 = kept.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in kept {
            if bytes <= MOST_BYTES {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= size;
        }
    }
}

impl Place {
    /// What is there whole: a file gets its name when it is. It counts as new from now on.
    pub(super) fn find(&self, of: &Attachment) -> Option<KeptFile> {
        let path = self.path();
        let size = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?.len();
        if size == 0 || of.file_size.is_some_and(|announced| announced != size) {
            return None;
        }
        let file = File::options().write(true).open(&path).ok()?;
        let _ = file.set_modified(SystemTime::now());
        self.look(of).ok()
    }

    /// An empty file beside the place, readable by its owner alone. It goes away unless it is kept.
    pub(super) fn begin(&self) -> io::Result<NamedTempFile> {
        let mut folders = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders.recursive(true).create(&self.folder)?;
        let prefix = format!("{}.", self.name);
        Builder::new().prefix(&prefix).suffix(PARTIAL).tempfile_in(&self.folder)
    }

    /// Gives a whole file its name.
    pub(super) fn keep(&self, whole: NamedTempFile, of: &Attachment) -> io::Result<KeptFile> {
        whole.as_file().sync_all()?;
        whole.persist(self.path()).map_err(|error| error.error)?;
        self.look(of)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    fn look(&self, of: &Attachment) -> io::Result<KeptFile> {
        let path = self.path();
        let file = File::open(&path)?;
        let size = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(HEAD as u64).read_to_end(&mut head)?;
        let content = judge(&head, of.mime_type.as_deref(), &self.name);
        Ok(KeptFile { path, mime_type: content.mime_type, size, announced: content.announced })
    }
}

/// The folder below the host's folder for inbound media.
pub(super) fn folder_in(inbound: &Path) -> MediaFolder {
    MediaFolder(inbound.join("parall"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn attachment(size: Option<u64>) -> Attachment {
        Attachment {
            id: "att_1".to_owned(),
            file_name: Some("a.txt".to_owned()),
            mime_type: Some("text/plain".to_owned()),
            file_size: size,
            url: None,
        }
    }

    fn kept(folder: &MediaFolder, message: &str, bytes: &[u8]) -> KeptFile {
        let place = folder.place(message, 0, &attachment(None));
        let mut file = place.begin().unwrap();
        file.write_all(bytes).unwrap();
        place.keep(file, &attachment(None)).unwrap()
    }

    fn names(folder: &MediaFolder) -> Vec<String> {
        let entries = fs::read_dir(&folder.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_found_again_only_when_it_is_whole() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        let place = folder.place("msg_1", 0, &attachment(None));
        assert_eq!(place.find(&attachment(None)), None);
        let mut partial = place.begin().unwrap();
        partial.write_all(b"Hel").unwrap();
        assert_eq!(place.find(&attachment(None)), None);
        drop(partial);
        assert_eq!(names(&folder), [""; 0]);
        let file = kept(&folder, "msg_1", b"Hello");
        assert_eq!((file.size, file.mime_type.as_str()), (5, "text/plain"));
        assert_eq!(place.find(&attachment(Some(5))), Some(file));
        assert_eq!(place.find(&attachment(Some(6))), None, "another length is another file");
        assert_eq!(folder.place("msg_2", 0, &attachment(None)).find(&attachment(None)), None);
    }

    #[test]
    fn a_sweep_removes_what_is_old_and_touches_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        let old = kept(&folder, "msg_1", b"old");
        let new = kept(&folder, "msg_2", b"new");
        let place = folder.place("msg_3", 0, &attachment(None));
        let (_, partial) = place.begin().unwrap().keep().unwrap();
        let foreign = folder.0.join("a---12345678-1234-4234-a234-123456789012.txt");
        fs::write(&foreign, "foreign").unwrap();
        let now = SystemTime::now();
        let set = |path: &Path, age: Duration| {
            File::options().write(true).open(path).unwrap().set_modified(now - age).unwrap();
        };
        set(&old.path, LIFETIME + Duration::from_secs(1));
        set(&new.path, LIFETIME / 2);
        set(&foreign, LIFETIME * 2);
        set(&partial, UNFINISHED / 2);
        folder.sweep(now);
        assert!(!old.path.exists() && new.path.exists() && foreign.exists() && partial.exists());
        set(&partial, UNFINISHED * 2);
        folder.sweep(now);
        assert!(!partial.exists());
    }

    #[test]
    fn of_too_much_the_oldest_files_go() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder_in(root.path());
        let now = SystemTime::now();
        let files: Vec<_> =
            (0..3).map(|number| kept(&folder, &format!("msg_{number}"), b"x")).collect();
        for (number, file) in (0..).zip(&files) {
            let open = File::options().write(true).open(&file.path).unwrap();
            // No byte of it is really on the disk.
            open.set_len(MOST_BYTES / 2 - 1).unwrap();
            open.set_modified(now - Duration::from_secs(60 - number)).unwrap();
        }
        folder.sweep(now);
        let left: Vec<_> = files.iter().map(|file| file.path.exists()).collect();
        assert_eq!(left, [false, true, true]);
    }
}
