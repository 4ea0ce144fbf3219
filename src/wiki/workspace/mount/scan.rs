//! What is in the mount.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::thread;

use walkdir::{DirEntry, WalkDir};

use super::stat::{Stat, now};
use crate::api::LARGEST_WIKI_FILE;
use crate::fs::Identity;
use crate::wiki::Error;
use crate::wiki::hash::Hash;
use crate::wiki::path::{Rules, STATE_FOLDER, check_name};
use crate::wiki::workspace::records::{Files, Known};

/// Deepest folder that is looked into.
const DEEPEST: usize = 64;
/// Most files that a mount may hold.
const MOST_FILES: usize = 100_000;
/// Most threads that read files.
const MOST_THREADS: usize = 4;
/// Files that are worth a further thread.
const FILES_A_THREAD: usize = 64;

/// The files of a mount.
#[derive(Debug, Default)]
pub(in crate::wiki::workspace) struct Scan {
    /// Every file, hidden ones only where the server has them.
    pub(in crate::wiki::workspace) files: BTreeMap<String, Known>,
    /// What is no file of the wiki and why: links, devices, unreadable names, hidden files.
    pub(in crate::wiki::workspace) left_out: Vec<(String, &'static str)>,
    /// What was read anew and can be remembered.
    pub(in crate::wiki::workspace) fresh: Vec<(String, Known)>,
}

/// Looks at every file; reads those that may have changed since they were seen.
pub(in crate::wiki::workspace) fn scan(
    mount: &Path,
    base: &Files,
    seen: &HashMap<String, Known>,
) -> Result<Scan, Error> {
    let mut result = Scan::default();
    let mut unread = Vec::new();
    let walk = WalkDir::new(mount)
        .min_depth(1)
        .max_depth(DEEPEST)
        .follow_links(false)
        .follow_root_links(false);
    let mut walk = walk.into_iter();
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            // It went away between its listing and the look at it.
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(unreadable(mount, error)),
        };
        match sort(mount, &entry, base) {
            Sorted::Folder => {}
            Sorted::State => walk.skip_current_dir(),
            Sorted::LeftOut(path, reason) => {
                result.left_out.push((path, reason));
                if entry.file_type().is_dir() {
                    walk.skip_current_dir();
                }
            }
            Sorted::File(path) => {
                let metadata = match entry.metadata() {
                    Ok(metadata) => metadata,
                    Err(error) if is_gone(&error) => continue,
                    Err(error) => return Err(unreadable(mount, error)),
                };
                let stat = Stat::of(&metadata);
                if result.files.len() + unread.len() >= MOST_FILES {
                    let reason = format!("it holds more than {MOST_FILES} files");
                    return Err(Error::Mount { mount: mount.into(), reason });
                }
                match seen.get(&path) {
                    Some(known) if known.stat == stat => {
                        result.files.insert(path, *known);
                    }
                    _ if metadata.len() > LARGEST_WIKI_FILE && !base.contains_key(&path) => {
                        result.left_out.push((path, "it is larger than a file of a wiki can be"));
                    }
                    _ => unread.push(path),
                }
            }
        }
    }
    for (path, looked) in read_all(mount, unread)? {
        let Some(look) = looked else { continue };
        if look.is_settled {
            result.fresh.push((path.clone(), look.known));
        }
        result.files.insert(path, look.known);
    }
    Ok(result)
}

enum Sorted {
    File(String),
    Folder,
    /// The workspace's own folder.
    State,
    LeftOut(String, &'static str),
}

fn sort(mount: &Path, entry: &DirEntry, base: &Files) -> Sorted {
    let relative = entry.path().strip_prefix(mount).unwrap_or(entry.path());
    let names: Option<Vec<_>> = relative.iter().map(|name| name.to_str()).collect();
    let shown = || relative.to_string_lossy().replace(char::is_control, "\u{fffd}");
    let Some(names) = names else {
        return Sorted::LeftOut(shown(), "its name is not Unicode");
    };
    let name = names.last().copied().unwrap_or_default();
    if entry.depth() == 1 && name.eq_ignore_ascii_case(STATE_FOLDER) {
        return Sorted::State;
    }
    let here = Rules { windows: false, folds_case: false };
    if check_name(name, here).is_err() {
        return Sorted::LeftOut(shown(), "no wiki can have such a name");
    }
    let path = names.join("/");
    let kind = entry.file_type();
    // A hidden file may hold a secret: it belongs to the wiki only if the server has it already.
    if name.starts_with('.') && !is_known(base, &path, kind.is_dir()) {
        return Sorted::LeftOut(path, "it is hidden");
    }
    if kind.is_symlink() {
        Sorted::LeftOut(path, "it is a symbolic link")
    } else if kind.is_dir() {
        Sorted::Folder
    } else if kind.is_file() {
        Sorted::File(path)
    } else {
        Sorted::LeftOut(path, "it is not a regular file")
    }
}

fn is_known(base: &Files, path: &str, is_folder: bool) -> bool {
    if !is_folder {
        return base.contains_key(path);
    }
    let below = format!("{path}/");
    base.range(below.clone()..).next().is_some_and(|(found, _)| found.starts_with(&below))
}

fn is_gone(error: &walkdir::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == ErrorKind::NotFound) && error.depth() > 0
}

fn unreadable(mount: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(mount).to_path_buf();
    Error::File { action: "read", path, source: error.into() }
}

/// A look at one file.
pub(in crate::wiki::workspace) struct Look {
    pub(in crate::wiki::workspace) known: Known,
    /// Whether a later change would show in its times.
    pub(in crate::wiki::workspace) is_settled: bool,
}

type Looked = (String, Option<Look>);

fn read_all(mount: &Path, paths: Vec<String>) -> Result<Vec<Looked>, Error> {
    let processors = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let threads = (paths.len() / FILES_A_THREAD).clamp(1, processors);
    let share = paths.len().div_ceil(threads).max(1);
    let read = |paths: &[String]| -> Result<Vec<Looked>, Error> {
        paths
            .iter()
            .map(|path| {
                let look = look(&mount.join(crate::wiki::path::native(path)))?;
                Ok((path.clone(), look.map(|(look, _)| look)))
            })
            .collect()
    };
    thread::scope(|scope| {
        let workers: Vec<_> =
            paths.chunks(share).map(|paths| scope.spawn(move || read(paths))).collect();
        let mut all = Vec::with_capacity(paths.len());
        for worker in workers {
            all.extend(worker.join().map_err(|_| Error::BrokenOff)??);
        }
        Ok(all)
    })
}

/// Reads a file, and nothing when there is no regular file at this path. A symbolic link is not followed.
pub(in crate::wiki::workspace) fn look(path: &Path) -> Result<Option<(Look, Vec<u8>)>, Error> {
    let failed = |source| Error::File { action: "read", path: path.into(), source };
    let named = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(None),
        Err(error) if is_absent(error.kind()) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if is_absent(error.kind()) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Another file, or a link, may have taken the name meanwhile.
    let opened = file.metadata().map_err(failed)?;
    if Identity::of(&opened) != Identity::of(&named) {
        return Ok(None);
    }
    let seen = now();
    let mut bytes = Vec::with_capacity(usize::try_from(opened.len()).unwrap_or_default());
    file.by_ref().take(LARGEST_WIKI_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    let after = Stat::of(&file.metadata().map_err(failed)?);
    let stat = Stat::of(&opened);
    let is_settled = after == stat && stat.is_settled(seen);
    let known = Known { hash: Hash::of(&bytes), stat: after };
    Ok(Some((Look { known, is_settled }, bytes)))
}

/// Not there, or below something that is no folder.
pub(in crate::wiki::workspace) fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Reads a file whole and checks that it is what the scan saw.
pub(in crate::wiki::workspace) fn read_as(
    mount: &Path,
    path: &str,
    hash: Hash,
) -> Result<Option<Vec<u8>>, Error> {
    let file: PathBuf = mount.join(crate::wiki::path::native(path));
    Ok(look(&file)?.filter(|(look, _)| look.known.hash == hash).map(|(_, bytes)| bytes))
}
