//! Removing forks: one that has done its work, and those that a killed process left behind.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Error;
use super::key::{Owner, id_in_file_name, normalize, split_fork_key};
use super::object::Object;
use super::resolve::SessionsFolder;
use super::store::{delete_entries, delete_entry, entries};
use super::text::string;
use crate::fs::sweep;

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
/// name, which only this owner could have made; forks of other owners and of the host itself are never found.
pub fn find_leftovers(
    folder: &SessionsFolder,
    owner: &Owner,
    alive: &[String],
) -> Result<Leftovers, Error> {
    let alive: HashSet<String> = alive.iter().filter_map(|key| normalize(key).ok()).collect();
    let mut found = Leftovers::default();
    let mut in_use = HashSet::new();
    for (key, entry) in entries(folder.store())? {
        let file = transcript_of(folder, &entry);
        let is_left =
            normalize(&key).is_ok_and(|key| owner.fork_id(&key).is_some() && !alive.contains(&key));
        if !is_left {
            in_use.extend(file);
            continue;
        }
        let own = normalize(&key).ok().and_then(|key| owner.fork_id(&key).map(str::to_owned));
        found.session_files.extend(
            file.filter(|file| own.is_some() && id_of(file) == own.as_deref() && file.is_file()),
        );
        found.session_keys.push(key);
    }
    let failed = |source| Error::Read { path: folder.join(""), source };
    for item in fs::read_dir(folder.join("")).map_err(failed)? {
        let path = folder.join("").join(item.map_err(failed)?.file_name());
        let is_ours =
            id_of(&path).is_some_and(|id| owner.made(id) && !alive.contains(&owner.fork_key(id)));
        if is_ours && !path.is_symlink() && !found.session_files.contains(&path) {
            found.session_files.push(path);
        }
    }
    found.session_files.retain(|file| !in_use.contains(file));
    Ok(found)
}

/// Removes what [`find_leftovers`] found, and temporary files of our own beside the store. Entries first, all at once.
pub fn remove_leftovers(
    folder: &SessionsFolder,
    leftovers: &Leftovers,
    is_registered: bool,
) -> Result<(), Error> {
    if is_registered {
        let keys: Vec<&str> = leftovers.session_keys.iter().map(String::as_str).collect();
        if !keys.is_empty() {
            delete_entries(folder.store(), &keys)?;
        }
        sweep(folder.store());
    }
    leftovers.session_files.iter().try_for_each(|path| remove_transcript(path))
}

/// The transcript that an entry names, if it stands in the folder.
fn transcript_of(folder: &SessionsFolder, entry: &str) -> Option<PathBuf> {
    let object = Object::parse(entry.as_bytes())?;
    let name = object.get("sessionFile").and_then(string)?;
    folder.inside(Path::new(name.trim())).ok()
}

fn id_of(path: &Path) -> Option<&str> {
    id_in_file_name(path.file_name()?.to_str()?)
}

fn remove_transcript(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(Error::Write { action: "remove", path: path.into(), source })
        }
        _ => Ok(()),
    }
}
