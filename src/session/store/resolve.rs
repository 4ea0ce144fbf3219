//! Where a session's transcript is.

use std::path::{Component, Path, PathBuf};

use crate::session::Error;
use crate::session::json::object::Object;
use crate::session::json::text::string;
use crate::session::store::read_entry;

/// The name of the store in a sessions folder.
const STORE: &str = "sessions.json";
/// Ends the name of a transcript.
const TRANSCRIPT: &str = ".jsonl";
/// The longest session id of the hosts.
const LONGEST_ID: usize = 128;

/// A folder of sessions: their store and their transcripts.
#[derive(Debug, Clone)]
pub struct SessionsFolder {
    path: PathBuf,
    real: PathBuf,
    store: PathBuf,
}

impl SessionsFolder {
    /// The folder at a path, with its store beside the transcripts. Fails if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let real =
            path.canonicalize().map_err(|source| Error::Read { path: path.into(), source })?;
        Ok(Self { path: absolute(path), store: path.join(STORE), real })
    }

    /// The same folder with its store somewhere else, as the host's setting `session.store` allows.
    #[must_use]
    pub fn with_store(self, store: Option<&Path>) -> Self {
        match store {
            Some(store) => Self { store: store.into(), ..self },
            None => self,
        }
    }

    /// The session store.
    pub fn store(&self) -> &Path {
        &self.store
    }

    /// The place of a file in this folder.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The absolute path of a file that is directly in this folder, or would be. A relative path starts here. Whatever leads
    /// elsewhere, by `..` or through a symbolic link, is an error.
    pub(crate) fn inside(&self, path: &Path) -> Result<PathBuf, Error> {
        let full = absolute(&self.path.join(path));
        let outside = || Error::Outside { path: path.into(), folder: self.path.clone() };
        let name = full.file_name().ok_or_else(outside)?;
        let folder = full.parent().ok_or_else(outside)?;
        let real_folder = folder.canonicalize().map_err(|_| outside())?;
        // A link may be in the folder as long as its target does too.
        let is_inside = match full.canonicalize() {
            Ok(target) => target.parent() == Some(&self.real),
            Err(_) => !full.is_symlink(),
        };
        if real_folder == self.real && is_inside {
            Ok(self.path.join(name))
        } else {
            Err(outside())
        }
    }
}

/// An absolute path without `.` and `..`, links not followed. This is what the hosts write into a fork's header.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let mut plain = PathBuf::new();
    for component in full.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The transcript of a session, if there is one: the file that the store names, else `<session id>.jsonl`.
///
/// These are the only two names under which the hosts look. Other files carry the id in their names too (archives, backups,
/// trajectories, checkpoints) and are not the conversation.
pub fn resolve_transcript(
    folder: &SessionsFolder,
    session_key: &str,
) -> Result<Option<PathBuf>, Error> {
    let Some(entry) = read_entry(folder.store(), session_key)? else { return Ok(None) };
    let Some(object) = Object::parse(entry.as_bytes()) else { return Ok(None) };
    let text = |name| object.get(name).and_then(string).map(|text| text.trim().to_owned());
    let named = text("sessionFile").filter(|file| file.ends_with(TRANSCRIPT));
    let usual = text("sessionId").filter(|id| is_session_id(id)).map(|id| id + TRANSCRIPT);
    let found = [named, usual]
        .into_iter()
        .flatten()
        .filter_map(|name| folder.inside(Path::new(&name)).ok())
        .find(|path| path.is_file());
    Ok(found)
}

/// Whether the hosts accept a session id: letters, digits, `.`, `_` and `-`, the first one a letter or a digit.
fn is_session_id(id: &str) -> bool {
    id.len() <= LONGEST_ID
        && id.starts_with(|first: char| first.is_ascii_alphanumeric())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
