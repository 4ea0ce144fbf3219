//! Changing files of the mount: all new contents are written aside and brought to the disk first, then each takes its place in
//! one step, and only if the file it replaces is still the one that the plan was made from.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::flush::{is_many, sync_all, sync_folders};
use super::rename::{exchange, rename_new};
use super::scan::is_absent;
use super::stat::{Stat, now};
use crate::wiki::Error;
use crate::wiki::hash::Hash;
use crate::wiki::path::{folders, native};
use crate::wiki::workspace::layout::Layout;
use crate::wiki::workspace::memory::Memory;
use crate::wiki::workspace::options::{Observer, Step};
use crate::wiki::workspace::records::{Conflict, Known, Move, Outcome};

/// A change of one file.
pub(in crate::wiki::workspace) struct Placement {
    pub(in crate::wiki::workspace) path: String,
    /// What the plan was made from.
    pub(in crate::wiki::workspace) old: Option<Known>,
    /// What is to be there.
    pub(in crate::wiki::workspace) new: Option<Content>,
    /// What the base holds afterwards.
    pub(in crate::wiki::workspace) base: Option<Hash>,
    /// The conflict that the new contents mark.
    pub(in crate::wiki::workspace) conflict: Option<Conflict>,
}

/// Where new contents come from.
pub(in crate::wiki::workspace) enum Content {
    /// The memory.
    Blob(Hash),
    /// A merge.
    Merged(Vec<u8>),
}

impl Content {
    fn hash(&self) -> Hash {
        match self {
            Self::Blob(hash) => *hash,
            Self::Merged(bytes) => Hash::of(bytes),
        }
    }
}

/// What came of the placements.
#[derive(Default)]
pub(in crate::wiki::workspace) struct Applied {
    /// What the memory has to take over.
    pub(in crate::wiki::workspace) outcome: Outcome,
    /// Indexes of what was done.
    pub(in crate::wiki::workspace) done: Vec<usize>,
    /// What was edited meanwhile: to be planned anew.
    pub(in crate::wiki::workspace) changed: Vec<String>,
    /// What was still written to although another file had taken its place; it was kept elsewhere.
    pub(in crate::wiki::workspace) rescued: Vec<String>,
    /// What cannot be placed, and why.
    pub(in crate::wiki::workspace) blocked: Vec<(String, &'static str)>,
}

struct Staged {
    name: String,
    new: Option<(Hash, Stat)>,
}

enum Placed {
    /// Done; what is there now, when that is certain.
    Done(Option<Known>),
    Changed,
    Blocked(&'static str),
}

/// Applies placements, deletions first. With `keep`, replaced and removed files go there instead of away.
pub(in crate::wiki::workspace) fn apply(
    layout: &Layout,
    memory: &mut Memory,
    placements: &[Placement],
    keep: Option<&Path>,
    observer: Observer<'_>,
) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    if placements.is_empty() {
        return Ok(applied);
    }
    let staged = match stage(layout, memory, placements) {
        Ok(staged) => staged,
        Err(error) => {
            layout.clear_staging();
            return Err(error);
        }
    };
    observer.reached(Step::Staged);
    let moves: Vec<_> = placements
        .iter()
        .zip(&staged)
        .map(|(placement, staged)| Move {
            staged: staged.name.clone(),
            path: placement.path.clone(),
            old: placement.old.map(|known| known.hash),
            new: staged.new.map(|(hash, _)| hash),
            base: placement.base,
        })
        .collect();
    let conflicts: Vec<_> = placements
        .iter()
        .filter_map(|one| Some((one.path.clone(), one.conflict.clone()?)))
        .collect();
    memory.begin(&moves, &conflicts)?;
    observer.reached(Step::Begun);
    let mut order: Vec<_> = (0..placements.len()).collect();
    order.sort_by_key(|index| placements[*index].new.is_some());
    let mut touched = BTreeSet::new();
    for index in order {
        let (placement, staged) = (&placements[index], &staged[index]);
        let path = &placement.path;
        match place(layout, placement, staged)? {
            Placed::Done(known) => {
                observer.reached(Step::Placed);
                touched
                    .insert(layout.file(path).parent().map(Path::to_path_buf).unwrap_or_default());
                applied.outcome.base.push((path.clone(), placement.base));
                match known {
                    Some(known) => applied.outcome.seen.push((path.clone(), known)),
                    None => applied.outcome.gone.push(path.clone()),
                }
                if let (Some(keep), Some(_)) = (keep, placement.old) {
                    keep_old(layout, &staged.name, &keep.join(native(path)))?;
                }
                applied.done.push(index);
            }
            Placed::Changed => applied.changed.push(path.clone()),
            Placed::Blocked(reason) => applied.blocked.push((path.clone(), reason)),
        }
    }
    sync_folders(layout, &touched)?;
    applied.rescued = rescue_late_edits(layout, placements, &staged, &applied.done)?;
    Ok(applied)
}

fn stage(layout: &Layout, memory: &Memory, placements: &[Placement]) -> Result<Vec<Staged>, Error> {
    let run = fastrand::u64(..);
    let mut staged = Vec::with_capacity(placements.len());
    let is_many = is_many(placements.len());
    for (index, placement) in placements.iter().enumerate() {
        let name = format!("{run:016x}-{index}");
        let new = match &placement.new {
            None => None,
            Some(content) => {
                let stat = write(layout, memory, placement, content, &name, !is_many)?;
                Some((content.hash(), stat))
            }
        };
        staged.push(Staged { name, new });
    }
    if is_many {
        sync_all(layout)?;
    }
    Ok(staged)
}

fn write(
    layout: &Layout,
    memory: &Memory,
    placement: &Placement,
    content: &Content,
    name: &str,
    sync: bool,
) -> Result<Stat, Error> {
    let target = layout.file(&placement.path);
    let from_memory;
    let bytes = match content {
        Content::Merged(bytes) => bytes,
        Content::Blob(hash) => {
            from_memory = memory
                .blob(*hash)?
                .ok_or_else(|| Error::Content { path: placement.path.clone() })?;
            &from_memory
        }
    };
    let failed = || Error::file("write", &target);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(layout.staged(name))
        .map_err(failed())?;
    file.write_all(bytes).map_err(failed())?;
    if placement.old.is_some()
        && let Ok(metadata) = fs::symlink_metadata(&target)
        && metadata.is_file()
    {
        file.set_permissions(metadata.permissions()).map_err(failed())?;
    }
    if sync {
        file.sync_all().map_err(failed())?;
    }
    Ok(Stat::of(&file.metadata().map_err(failed())?))
}

fn place(layout: &Layout, placement: &Placement, staged: &Staged) -> Result<Placed, Error> {
    let target = layout.file(&placement.path);
    let aside = layout.staged(&staged.name);
    let failed = || Error::file("replace", &target);
    if let Some(reason) = prepare_folders(layout, &placement.path, placement.new.is_some())? {
        return Ok(Placed::Blocked(reason));
    }
    let Some(old) = placement.old else {
        return match rename_new(&aside, &target) {
            Ok(()) => Ok(arrived(&target, staged)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => in_the_way(&target),
            Err(error) => Err(failed()(error)),
        };
    };
    if !stands_as(&target, |stat| *stat == old.stat) {
        return Ok(Placed::Changed);
    }
    if staged.new.is_none() {
        fs::rename(&target, &aside).map_err(failed())?;
        if stands_as(&aside, |stat| stat.is_same_after_rename(&old.stat)) {
            remove_empty_folders(layout, &placement.path);
            return Ok(Placed::Done(None));
        }
        return put_back(layout, &staged.name, &target);
    }
    if !exchange(&aside, &target).map_err(failed())? {
        return replace_with_copy(&aside, &target, old, staged);
    }
    if stands_as(&aside, |stat| stat.is_same_after_rename(&old.stat)) {
        return Ok(arrived(&target, staged));
    }
    // It was edited between the look and the exchange.
    exchange(&aside, &target).map_err(failed())?;
    Ok(Placed::Changed)
}

/// The same where files cannot be exchanged: a copy of the old one takes the place of the new one.
fn replace_with_copy(
    aside: &Path,
    target: &Path,
    old: Known,
    staged: &Staged,
) -> Result<Placed, Error> {
    let failed = || Error::file("replace", target);
    let copy = aside.with_extension("old");
    fs::copy(target, &copy).map_err(failed())?;
    if !stands_as(target, |stat| *stat == old.stat) {
        return Ok(Placed::Changed);
    }
    fs::rename(aside, target).map_err(failed())?;
    fs::rename(&copy, aside).map_err(failed())?;
    Ok(arrived(target, staged))
}

/// Puts a file back that was edited in the last moment before it was taken away.
fn put_back(layout: &Layout, staged: &str, target: &Path) -> Result<Placed, Error> {
    match rename_new(&layout.staged(staged), target) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => layout.rescue(staged, target)?,
        Err(error) => return Err(Error::file("put back", target)(error)),
    }
    Ok(Placed::Changed)
}

fn arrived(target: &Path, staged: &Staged) -> Placed {
    let seen = now();
    let stat = fs::symlink_metadata(target).ok().map(|metadata| Stat::of(&metadata));
    Placed::Done(staged.new.zip(stat).and_then(|((hash, written), stat)| {
        let is_certain =
            stat.is_same_after_rename(&written) && written.is_settled_after_rename(seen);
        is_certain.then_some(Known { hash, stat })
    }))
}

fn stands_as(path: &Path, is_expected: impl Fn(&Stat) -> bool) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && is_expected(&Stat::of(&metadata)))
}

/// Something has the name that the plan took for free.
fn in_the_way(target: &Path) -> Result<Placed, Error> {
    match fs::symlink_metadata(target) {
        Ok(metadata) if metadata.is_file() => Ok(Placed::Changed),
        Ok(metadata) if metadata.is_dir() => Ok(Placed::Blocked("a folder has its name")),
        Ok(_) => Ok(Placed::Blocked("a symbolic link or a device has its name")),
        Err(error) if is_absent(error.kind()) => Ok(Placed::Changed),
        Err(error) => Err(Error::file("read", target)(error)),
    }
}

/// Checks that the folders of a path are folders, and makes those that are missing if the path is to be made. Gives the reason
/// when they are not.
fn prepare_folders(layout: &Layout, path: &str, make: bool) -> Result<Option<&'static str>, Error> {
    for folder in folders(path) {
        let folder = layout.file(folder);
        match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) if metadata.is_symlink() => {
                return Ok(Some("a symbolic link has the name of its folder"));
            }
            Ok(_) => return Ok(Some("a file has the name of its folder")),
            Err(error) if is_absent(error.kind()) && make => match fs::create_dir(&folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(Error::file("make", &folder)(error));
                }
                _ => {}
            },
            // The file is gone with its folder, which the check of the file itself finds.
            Err(error) if is_absent(error.kind()) => return Ok(None),
            Err(error) => return Err(Error::file("read", &folder)(error)),
        }
    }
    Ok(None)
}

fn remove_empty_folders(layout: &Layout, path: &str) {
    let folders: Vec<_> = folders(path).collect();
    for folder in folders.into_iter().rev() {
        if fs::remove_dir(layout.file(folder)).is_err() {
            return;
        }
    }
}

/// A program that had a file open may have written to it after another one took its place.
fn rescue_late_edits(
    layout: &Layout,
    placements: &[Placement],
    staged: &[Staged],
    done: &[usize],
) -> Result<Vec<String>, Error> {
    let mut rescued = Vec::new();
    for (placement, staged) in done.iter().map(|index| (&placements[*index], &staged[*index])) {
        let Some(old) = placement.old else { continue };
        let Ok(metadata) = fs::symlink_metadata(layout.staged(&staged.name)) else { continue };
        if !Stat::of(&metadata).is_same_after_rename(&old.stat) {
            layout.rescue(&staged.name, &layout.file(&placement.path))?;
            rescued.push(placement.path.clone());
        }
    }
    Ok(rescued)
}

fn keep_old(layout: &Layout, staged: &str, kept: &Path) -> Result<(), Error> {
    let folder = kept.parent().unwrap_or(kept);
    fs::create_dir_all(folder).map_err(Error::file("make", folder))?;
    let aside = layout.staged(staged);
    match fs::rename(&aside, kept) {
        // Where files cannot be exchanged, nothing is left to keep.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.map_err(Error::file("keep", kept)),
    }
}
