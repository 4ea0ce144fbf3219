//! What of a path the host shows its model.

use crate::session::transcript::index::{Entry, IdNumber, Index};
use crate::session::transcript::line::Answer;
use crate::session::transcript::tree::{Path, Unselected};

/// The part of a path that reaches the model. Numbers are places on the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    /// The last compaction or reset, if there is one. What it says comes first; then what it kept, and what follows it.
    pub(crate) boundary: Option<usize>,
    /// The first entry that is shown; the boundary itself if it kept nothing.
    pub(crate) first: usize,
    /// The first entry that a copy needs: `first`, or an earlier answer of the model if none is shown. Hosts empty a transcript
    /// without an answer. What is before `first` is not shown in the copy either.
    pub(crate) copied: usize,
}

/// The context at the end of a path; nothing if the model has not answered on it.
pub(crate) fn context(index: &Index, path: &Path) -> Result<Option<Context>, Unselected> {
    let entries: Vec<&Entry> = path.entries.iter().map(|at| &index.entries()[*at]).collect();
    let undecided = |found: Option<usize>| match found {
        None if path.is_open => Err(Unselected::Undecided),
        found => Ok(found),
    };
    let boundary = undecided(entries.iter().rposition(|entry| index.is_boundary(entry.kind)))?;
    let first = match boundary {
        Some(boundary) if keeps_nothing(entries[boundary]) => boundary,
        Some(boundary) => {
            let is_first_kept = |entry: &&Entry| entry.id == entries[boundary].first_kept;
            match entries.iter().position(is_first_kept) {
                // What it names comes after it, and not before it.
                Some(place) if place > boundary => boundary,
                found => undecided(found)?.unwrap_or(boundary),
            }
        }
        None => 0,
    };
    let answer = entries.iter().rposition(|entry| entry.answer != Answer::None);
    Ok(undecided(answer)?.map(|answer| Context { boundary, first, copied: first.min(answer) }))
}

/// Whether a boundary names no entry before it, or itself, which says the same.
fn keeps_nothing(boundary: &Entry) -> bool {
    boundary.first_kept == IdNumber::NONE || boundary.first_kept == boundary.id
}
