//! Which entries a fork takes.

use super::Error;
use super::index::Index;
use super::line::{Answer, Kind};

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

/// The entry a fork ends with: nothing if there is none, `Err` if the one asked for does not exist.
pub(crate) fn find_cut(index: &Index, cut: &Cut) -> Result<Option<usize>, ()> {
    match cut {
        Cut::Leaf => Ok(index.leaf()),
        Cut::Entry(id) => index.find(index.ids().of_string(id.as_bytes())).map(Some).ok_or(()),
        Cut::LastCompleted => {
            let path = index.leaf().map(|leaf| path_to(index, leaf)).unwrap_or_default();
            Ok(path
                .into_iter()
                .rev()
                .find(|position| index.entries()[*position].answer == Answer::Completed))
        }
    }
}

/// The entries from a root to `last`, in that order. A cycle ends where it would begin again.
pub(crate) fn path_to(index: &Index, last: usize) -> Vec<usize> {
    let entries = index.entries();
    let mut seen = vec![false; entries.len()];
    let mut path = Vec::new();
    let mut next = Some(last);
    while let Some(position) = next
        && !std::mem::replace(&mut seen[position], true)
    {
        let entry = &entries[position];
        if entry.kind != Kind::LeafControl {
            path.push(position);
        }
        next = index.holder(entry.parent);
    }
    path.reverse();
    path
}
