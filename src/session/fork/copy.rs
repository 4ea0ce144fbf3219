//! What a fork copies of its source, and which lines are written anew.

use std::collections::{HashMap, HashSet};

use crate::session::Error;
use crate::session::fork::labels;
use crate::session::fork::migrate::rename_role;
use crate::session::fork::pieces::{Piece, Pieces};
use crate::session::json::object::Object;
use crate::session::transcript::id::Id;
use crate::session::transcript::index::{Entry, Index};
use crate::session::transcript::line::Kind;
use crate::session::transcript::source::OpenTranscript;

/// A line of our own that is before the entries, and its id as spelt.
pub(crate) struct Head {
    pub(crate) line: Vec<u8>,
    pub(crate) id: Vec<u8>,
}

/// How a path is copied.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Messages may have the role of version 2.
    pub(crate) is_version_2: bool,
    /// Labels count only if they are behind what they mark; then an unread beginning of the transcript changes nothing.
    pub(crate) is_context: bool,
}

/// The pieces for the entries of a path, from its root to the cut, and the labels on them.
///
/// Labels on the path are dropped and set anew at the end. Every entry left names the one before it as its parent, the first
/// one none, and a compaction whose first kept entry was such a label keeps from the next entry on. (The rule of pi 1.5.2; older
/// versions leave the chain broken and lose the history before a label.) Lines that need no change are copied.
pub(crate) fn path_pieces(
    source: &OpenTranscript,
    index: &Index,
    path: &[usize],
    head: Option<&Head>,
    manner: Manner,
) -> Result<Vec<Piece>, Error> {
    let entries = index.entries();
    let moved = dropped_labels(source, index, path)?;
    let mut pieces = Pieces::default();
    if let Some(head) = head {
        pieces.line(&head.line);
    }
    let mut previous: Option<&Entry> = None;
    for entry in
        path.iter().map(|position| &entries[*position]).filter(|entry| entry.kind != Kind::Label)
    {
        let is_chained =
            entry.is_parent_written && previous.is_some_and(|previous| previous.id == entry.parent);
        let is_plain = is_chained
            && (entry.kind != Kind::Compaction || moved.is_empty())
            && (entry.kind != Kind::Message || !manner.is_version_2);
        match (!is_plain)
            .then(|| repair(source, index, entry, (previous, head), &moved))
            .transpose()?
            .flatten()
        {
            Some(line) => pieces.line(&line),
            None => pieces.copy(entry),
        }
        previous = Some(entry);
    }
    if let Some(last) = previous {
        let on_path: HashSet<usize> = path
            .iter()
            .copied()
            .filter(|position| entries[*position].kind != Kind::Label)
            .collect();
        let labels =
            labels::recreate(source, index, &on_path, id_of(source, last)?, manner.is_context)?;
        if !labels.is_empty() {
            pieces.bytes(&labels);
        }
    }
    Ok(pieces.into_vec())
}

/// The line as the fork needs it, if that differs from what is there.
fn repair(
    source: &OpenTranscript,
    index: &Index,
    entry: &Entry,
    (previous, head): (Option<&Entry>, Option<&Head>),
    moved: &HashMap<Id, Vec<u8>>,
) -> Result<Option<Vec<u8>>, Error> {
    let line = source.read(entry.range())?;
    let Some(mut object) = Object::parse(&line) else {
        return Err(Error::Unstable { path: source.path.clone() });
    };
    let mut is_changed = false;
    let parent = match (previous, head) {
        (Some(previous), _) => id_of(source, previous)?,
        (None, Some(head)) => head.id.clone(),
        (None, None) => b"null".to_vec(),
    };
    let is_same = match previous {
        Some(previous) => {
            object.get("parentId").is_some()
                && entry.is_parent_written
                && previous.id == entry.parent
        }
        None => object.get("parentId") == Some(&*parent),
    };
    if !is_same {
        object.set("parentId", parent);
        is_changed = true;
    }
    let kept = index.ids().of(object.get("firstKeptEntryId"));
    if entry.kind == Kind::Compaction
        && let Some(next) = moved.get(&kept)
    {
        object.set("firstKeptEntryId", next.clone());
        is_changed = true;
    }
    if let Some(message) = object.get("message").and_then(rename_role) {
        object.set("message", message);
        is_changed = true;
    }
    Ok(is_changed.then(|| object.into_bytes()))
}

/// For every label on the path that a compaction could name, the id (as spelt) of the next entry that stays.
fn dropped_labels(
    source: &OpenTranscript,
    index: &Index,
    path: &[usize],
) -> Result<HashMap<Id, Vec<u8>>, Error> {
    let mut moved = HashMap::new();
    let mut pending: Vec<Id> = Vec::new();
    for entry in path.iter().map(|position| &index.entries()[*position]) {
        if entry.kind == Kind::Label {
            pending.push(index.ids().of(Some(&id_of(source, entry)?)));
        } else if !pending.is_empty() {
            let next = id_of(source, entry)?;
            moved.extend(pending.drain(..).map(|label| (label, next.clone())));
        }
    }
    Ok(moved)
}

/// An entry's id as it is spelt in the file.
fn id_of(source: &OpenTranscript, entry: &Entry) -> Result<Vec<u8>, Error> {
    let line = source.read(entry.range())?;
    Object::parse(&line)
        .and_then(|object| object.get("id").map(<[u8]>::to_vec))
        .ok_or_else(|| Error::Unstable { path: source.path.clone() })
}
