//! Removing forks: one that has done its work, and those that a killed process left behind.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::fs::lock::sweep_unfinished;
use crate::fs::sweep;
use crate::session::Error;
use crate::session::json::object::Object;
use crate::session::json::text::string;
use crate::session::store::key::{Owner, id_in_file_name, normalize, split_fork_key};
use crate::session::store::resolve::SessionsFolder;
use crate::session::store::{delete_entries, delete_entry, for_each};

/// Removes a fork: its entry first, then its transcript, so that there is never an entry without its transcript.
///
/// Only a fork's key together with that fork's own transcript, directly in the folder, is accepted. With `is_registered` unset
/// the entry is left to the host. What is gone already is fine.
pub fn clean_up(
    folder: &SessionsFolder,
    session_key: &str,
    session_file: &Path,
    is_registered: bool,
) -> Result<(), Error> {
    let key = normalize(session_key)?;
    let refused = || Error::NotAFork { session_key: key.clone(), path: session_file.into() };
    let path = folder.inside(session_file)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(refused)?;
    let (_, id) = split_fork_key(&key).ok_or_else(refused)?;
    if id_in_file_name(name) != Some(id) || path.is_symlink() {
        return Err(refused());
    }
    if is_registered {
        delete_entry(folder.store(), &key)?;
    }
    remove_transcript(&path)
}

/// Forks that nobody uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Keys of entries in the store.
    pub session_keys: Vec<String>,
    /// Transcripts.
    pub session_files: Vec<PathBuf>,
}

/// Finds an owner's forks, apart from those with the session keys in `alive`. For the start, when none of them can be in use.
///
/// An entry is known by its key, and its transcript with it. A transcript without an entry is known by the session id in its
/// name, which only this owner could have made; forks of other owners and of the host itself are never found. Nor is a
/// transcript that any other entry names.
pub fn find_leftovers(
    folder: &SessionsFolder,
    owner: &Owner,
    alive: &[String],
) -> Result<Leftovers, Error> {
    let alive: HashSet<String> = alive.iter().filter_map(|key| normalize(key).ok()).collect();
    let mut session_keys = Vec::new();
    let mut left_ids = HashSet::new();
    let mut used_files = HashSet::new();
    for_each(folder.store(), |key, entry| {
        let normal = normalize(key).unwrap_or_default();
        match owner.fork_id(&normal).filter(|_| !alive.contains(&normal)) {
            Some(id) => {
                left_ids.insert(id.to_owned());
                session_keys.push(key.to_owned());
            }
            None => used_files.extend(transcript_name(entry)),
        }
    })?;
    let is_left = |name: &str| {
        id_in_file_name(name).is_some_and(|id| {
            left_ids.contains(id) || (owner.made(id) && !alive.contains(&owner.fork_key(id)))
        }) && !used_files.contains(name)
    };
    let failed = |source| Error::Read { path: folder.join(""), source };
    let mut session_files = Vec::new();
    for item in fs::read_dir(folder.join("")).map_err(failed)? {
        let item = item.map_err(failed)?;
        let is_file = item.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && item.file_name().to_str().is_some_and(is_left) {
            session_files.push(item.path());
        }
    }
    session_files.sort();
    Ok(Leftovers { session_keys, session_files })
}

/// Removes what [`find_leftovers`] found, and temporary files of our own beside the store. Entries first, all at once.
pub fn remove_leftovers(
    folder: &SessionsFolder,
    leftovers: &Leftovers,
    is_registered: bool,
) -> Result<(), Error> {
    if is_registered {
        let keys: Vec<&str> = leftovers.session_keys.iter().map(String::as_str).collect();
        if keys.is_empty() {
            sweep(folder.store());
            sweep_unfinished(folder.store());
        } else {
            // It sweeps, too.
            delete_entries(folder.store(), &keys)?;
        }
    }
    leftovers.session_files.iter().try_for_each(|path| remove_transcript(path))
}

/// The name of the transcript that an entry names.
fn transcript_name(entry: &[u8]) -> Option<String> {
    let file = Object::parse(entry)?.get("sessionFile").and_then(string)?;
    Some(Path::new(file.trim()).file_name()?.to_str()?.to_owned())
}

fn remove_transcript(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(Error::Write { action: "remove", path: path.into(), source })
        }
        _ => Ok(()),
    }
}
