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

/// The entries a fork takes, from a root to the cut: none if there is nothing to take, `Err` if the entry asked for does not
/// exist.
pub(crate) fn select(index: &Index, cut: &Cut) -> Result<Vec<usize>, ()> {
    let active = || index.leaf().map(|leaf| path_to(index, leaf)).unwrap_or_default();
    match cut {
        Cut::Leaf => Ok(active()),
        Cut::LastCompleted => Ok(up_to_completed(index, active())),
        Cut::Entry(id) => {
            let last = index.find(index.ids().of_string(id.as_bytes())).ok_or(())?;
            Ok(path_to(index, last))
        }
    }
}

/// A path without what follows the last completed answer on it.
pub(crate) fn up_to_completed(index: &Index, mut path: Vec<usize>) -> Vec<usize> {
    let is_completed = |position: &usize| index.entries()[*position].answer == Answer::Completed;
    path.truncate(path.iter().rposition(is_completed).map_or(0, |place| place + 1));
    path
}

/// The entries from a root to `last`, in that order. A cycle ends where it would begin again.
fn path_to(index: &Index, last: usize) -> Vec<usize> {
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
