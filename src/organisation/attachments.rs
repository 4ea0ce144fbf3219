//! Files on their way to a message.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncReadExt;

use super::Organisation;
use super::error::Error;
use crate::api::NewFile;

/// Largest file, in bytes, as published clients have it.
const LARGEST_FILE: u64 = 25 * 1024 * 1024;
/// Most files on a message, as published clients have it.
pub const MOST_FILES: usize = 8;

/// Gets the name of a file, its size and how many of its bytes have gone.
pub type Progress = Arc<dyn Fn(&str, usize, usize) + Send + Sync>;

/// Reads files that are to ride on a message. Nothing is sent.
pub async fn read_files(paths: &[PathBuf]) -> Result<Vec<NewFile>, Error> {
    let refuse = |reason: String| Error::Invalid { what: "the attachments", reason };
    if paths.len() > MOST_FILES {
        return Err(refuse(format!("a message takes {MOST_FILES} files, not {}", paths.len())));
    }
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let fail = |source| Error::File { path: path.clone(), source };
        let bytes = read_file(path).await.map_err(fail)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| refuse(format!("{} is no file", path.display())))?;
        if let Some(reason) = unfit(bytes.len() as u64) {
            return Err(refuse(format!("{} {reason}", path.display())));
        }
        files.push(NewFile { name, mime_type: mime_type_of(path), bytes });
    }
    Ok(files)
}

/// Why a file of so many bytes cannot be sent; follows its name.
pub fn unfit(size: u64) -> Option<&'static str> {
    match size {
        0 => Some("is empty"),
        1..=LARGEST_FILE => None,
        _ => Some("is larger than 25 MiB"),
    }
}

/// The media type of a file, by its name.
pub fn mime_type_of(path: &Path) -> String {
    mime_guess::from_path(path).first_or_octet_stream().to_string()
}

/// Where a file of these folders really is; nothing when it is not there, or lies in none of them. A relative path is meant from the
/// first folder.
pub fn allowed_file(path: &Path, folders: &[PathBuf]) -> Option<PathBuf> {
    let real = folders.first()?.join(path).canonicalize().ok()?;
    let is_below =
        |folder: &PathBuf| folder.canonicalize().is_ok_and(|folder| real.starts_with(folder));
    folders.iter().any(is_below).then_some(real)
}

/// At most one byte more than is allowed, whatever the file says about its size.
async fn read_file(path: &Path) -> std::io::Result<Bytes> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

impl Organisation {
    /// Uploads files and returns their ids in the same order.
    pub async fn upload(
        &self,
        files: &[NewFile],
        progress: Option<&Progress>,
    ) -> Result<Vec<String>, Error> {
        let mut ids = Vec::with_capacity(files.len());
        for file in files {
            let upload = || {
                let (progress, name, size) =
                    (progress.cloned(), file.name.clone(), file.bytes.len());
                self.client().upload(file, move |sent| {
                    if let Some(progress) = &progress {
                        progress(&name, size, sent);
                    }
                })
            };
            ids.push(self.read(upload).await?);
        }
        Ok(ids)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_really_lie_in_the_folders_can_be_sent() {
        let root = tempfile::tempdir().unwrap();
        let (workspace, other) = (root.path().join("workspace"), root.path().join("other"));
        std::fs::create_dir_all(workspace.join("sub")).unwrap();
        std::fs::create_dir(&other).unwrap();
        for file in [workspace.join("a"), workspace.join("sub/b"), other.join("secret")] {
            std::fs::write(file, "x").unwrap();
        }
        std::os::unix::fs::symlink(other.join("secret"), workspace.join("link")).unwrap();
        let folders = [workspace.clone()];
        for path in ["a", "sub/b", "sub/../a"] {
            assert!(allowed_file(Path::new(path), &folders).is_some(), "{path}");
        }
        assert!(allowed_file(&workspace.join("a"), &folders).is_some());
        for path in ["link", "../other/secret", "/etc/passwd", "none"] {
            assert!(allowed_file(Path::new(path), &folders).is_none(), "{path}");
        }
        assert!(allowed_file(&workspace.join("a"), &[]).is_none(), "nothing without a folder");
    }
}
