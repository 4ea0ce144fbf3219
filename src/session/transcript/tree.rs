//! Which entries a fork takes.

use crate::session::Error;
use crate::session::transcript::index::Index;
use crate::session::transcript::line::{Answer, Kind};

/// Where a fork ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cut {
    /// At the last answer on the active path that ended a turn. The host writes a running turn's entries as they happen; a fork
    /// must not inherit a task that somebody else is still working on.
    #[default]
    LastCompleted,
    /// At the active entry, whatever it is.
    Leaf,
    /// At the entry with this id.
    Entry(String),
}

impl Cut {
    /// The cut that a name stands for: `last-completed` or `leaf`.
    pub fn named(name: &str) -> Result<Self, Error> {
        match name {
            "last-completed" => Ok(Self::LastCompleted),
            "leaf" => Ok(Self::Leaf),
            _ => Err(Error::BadCut { cut: name.into() }),
        }
    }
}

/// How much of the conversation a fork takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum History {
    /// Everything from the root to the cut.
    #[default]
    Full,
    /// What the host shows its model at the cut: the last compaction with what it kept and what follows it, or everything where
    /// nothing was compacted. What a fork for one turn needs; its cost does not depend on the age of the session.
    Context,
}

impl History {
    /// The history that a name stands for: `full` or `context`.
    pub fn named(name: &str) -> Result<Self, Error> {
        match name {
            "full" => Ok(Self::Full),
            "context" => Ok(Self::Context),
            _ => Err(Error::BadHistory { history: name.into() }),
        }
    }
}

/// A path of entries that ends at a cut.
#[derive(Debug, Default)]
pub(crate) struct Path {
    /// Positions in the index, oldest first.
    pub(crate) entries: Vec<usize>,
    /// Whether more may be before the first one, in the part of the transcript that was not read.
    pub(crate) is_open: bool,
}

/// Why a path cannot be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unselected {
    /// The entry asked for does not exist.
    NoSuchEntry,
    /// The part of the transcript that was read does not decide it.
    Undecided,
}

/// The entries a fork takes, from a root to the cut: none if there is nothing to take.
pub(crate) fn select(index: &Index, cut: &Cut) -> Result<Path, Unselected> {
    let last = match cut {
        Cut::Entry(id) => {
            let missing =
                if index.is_whole() { Unselected::NoSuchEntry } else { Unselected::Undecided };
            Some(index.find(index.ids().of_string(id.as_bytes())).ok_or(missing)?)
        }
        Cut::Leaf | Cut::LastCompleted => index.leaf().map_err(|()| Unselected::Undecided)?,
    };
    let mut path = last.map(|last| path_to(index, last)).unwrap_or_default();
    if *cut == Cut::LastCompleted {
        path.entries = up_to_completed(index, path.entries);
        if path.entries.is_empty() && path.is_open {
            return Err(Unselected::Undecided);
        }
    }
    Ok(path)
}

/// A path without what follows the last completed answer on it. A compaction or a reset stays if it follows before the next
/// message: it is about turns that are over.
pub(crate) fn up_to_completed(index: &Index, mut path: Vec<usize>) -> Vec<usize> {
    let entry = |position: &usize| &index.entries()[*position];
    let Some(answer) =
        path.iter().rposition(|position| entry(position).answer == Answer::Completed)
    else {
        return Vec::new();
    };
    let after = &path[answer + 1..];
    let talk = after.iter().position(|position| entry(position).kind == Kind::Message);
    let boundary = after[..talk.unwrap_or(after.len())]
        .iter()
        .rposition(|position| index.is_boundary(entry(position).kind))
        .map_or(0, |place| place + 1);
    path.truncate(answer + 1 + boundary);
    path
}

/// The entries from a root to `last`. A cycle ends where it would begin again.
fn path_to(index: &Index, last: usize) -> Path {
    let entries = index.entries();
    let mut seen = vec![false; entries.len()];
    let mut path = Path::default();
    let mut next = Some(last);
    while let Some(position) = next
        && !std::mem::replace(&mut seen[position], true)
    {
        let entry = &entries[position];
        if entry.kind != Kind::LeafControl {
            path.entries.push(position);
        }
        path.is_open = !entry.is_parent_certain;
        next = if path.is_open { None } else { index.holder(entry.parent) };
    }
    path.entries.reverse();
    path
}
