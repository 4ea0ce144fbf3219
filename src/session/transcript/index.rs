//! What is known about a transcript once its lines have been read: a few dozen bytes a line, no contents.

use std::collections::HashMap;
use std::ops::Range;

use crate::session::transcript::id::{Id, Ids};
use crate::session::transcript::line::{Answer, Kind};
use crate::session::transcript::scan::Located;

/// The number of an id within one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IdNumber(u32);

impl IdNumber {
    /// No entry has it.
    const NONE: Self = Self(u32::MAX);
}

/// One line of the transcript.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    start: u64,
    end: u64,
    /// Its own id.
    pub(crate) id: IdNumber,
    /// The entry it follows: as written, unless the leaf controls of newer hosts say otherwise.
    pub(crate) parent: IdNumber,
    pub(crate) kind: Kind,
    pub(crate) answer: Answer,
    /// Whether `parent` is as written in the line.
    pub(crate) is_parent_written: bool,
    /// Whether a line feed follows the line in the file.
    pub(crate) is_terminated: bool,
}

impl Entry {
    /// Where the line stands, line feed excluded.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

/// The lines of a transcript as a tree.
#[derive(Clone, Default)]
pub(crate) struct Index {
    ids: Ids,
    entries: Vec<Entry>,
    numbers: HashMap<Id, IdNumber>,
    /// For every id the last entry that has it.
    holders: Vec<Option<u32>>,
    leaf: Leaf,
}

/// Where the conversation stands. Without leaf controls that is simply the last entry.
#[derive(Clone)]
struct Leaf {
    /// Set by the first valid leaf control; from then on the rules of the hosts that write them hold.
    is_controlled: bool,
    /// The active entry.
    active: IdNumber,
    /// The entry that the next one names as its parent. It can be a leaf control, or an entry beside the active path.
    append: IdNumber,
}

impl Default for Leaf {
    fn default() -> Self {
        Self { is_controlled: false, active: IdNumber::NONE, append: IdNumber::NONE }
    }
}

impl Index {
    /// Takes the next line of the file.
    pub(crate) fn push(&mut self, located: Located) {
        let line = located.line;
        let mut entry = Entry {
            start: located.start,
            end: located.end,
            id: self.number(line.id),
            parent: self.number(line.parent),
            kind: line.kind,
            answer: line.answer,
            is_parent_written: true,
            is_terminated: located.is_terminated,
        };
        if let Some((target, append)) = line.control {
            self.control(&mut entry, target, append);
        } else if line.kind != Kind::Session {
            self.follow(&mut entry, line.is_side);
        }
        let position = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        if line.kind != Kind::Session
            && let Some(holder) = self.holders.get_mut(entry.id.0 as usize)
        {
            *holder = Some(position);
        }
        self.entries.push(entry);
    }

    /// A leaf control whose entries are known moves the leaf; any other is passed over.
    fn control(&mut self, entry: &mut Entry, target: Id, append: Id) {
        let [target_number, append_number] = [target, append].map(|id| self.number(id));
        let is_known = |id: Id, number| id.is_none() || self.holder(number).is_some();
        if is_known(target, target_number) && is_known(append, append_number) {
            self.leaf = Leaf { is_controlled: true, active: target_number, append: append_number };
            entry.parent = target_number;
        }
    }

    /// An ordinary entry: under leaf controls, one that continues behind something beside the active path belongs to the
    /// active entry, and one of an unknown type, or marked as being beside the path, does not move the leaf.
    fn follow(&mut self, entry: &mut Entry, is_side: bool) {
        if !self.leaf.is_controlled {
            self.leaf.active = entry.id;
            self.leaf.append = entry.id;
            return;
        }
        let is_canonical = !matches!(entry.kind, Kind::Unknown | Kind::NoObject);
        let moves = is_canonical && !is_side;
        let continues = entry.parent == self.leaf.append && self.leaf.append != self.leaf.active;
        let is_lost = entry.parent != IdNumber::NONE && self.holder(entry.parent).is_none();
        if moves && (continues || (is_lost && self.leaf.active != IdNumber::NONE)) {
            entry.parent = self.leaf.active;
            entry.is_parent_written = false;
        }
        self.leaf.append = entry.id;
        if moves {
            self.leaf.active = entry.id;
        }
    }

    fn number(&mut self, id: Id) -> IdNumber {
        if id.is_none() {
            return IdNumber::NONE;
        }
        let next = IdNumber(u32::try_from(self.holders.len()).unwrap_or(u32::MAX));
        let number = *self.numbers.entry(id).or_insert(next);
        if number == next {
            self.holders.push(None);
        }
        number
    }

    /// The maker of the ids in this index.
    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// All lines in the order of the file; the first one ought to be the header.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The active entry: the last one of the file, unless leaf controls say otherwise.
    pub(crate) fn leaf(&self) -> Option<usize> {
        self.holder(self.leaf.active)
    }

    /// The entry that an id leads to: the last one that has it.
    pub(crate) fn holder(&self, number: IdNumber) -> Option<usize> {
        self.holders.get(number.0 as usize).copied().flatten().map(|position| position as usize)
    }

    /// The entry that the value of an id leads to.
    pub(crate) fn find(&self, id: Id) -> Option<usize> {
        self.numbers.get(&id).and_then(|number| self.holder(*number))
    }
}
