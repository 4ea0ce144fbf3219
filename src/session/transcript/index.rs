//! What is known about a transcript once its lines have been read: a few dozen bytes a line, no contents.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::session::transcript::id::{Id, Ids};
use crate::session::transcript::line::{Answer, Kind};
use crate::session::transcript::scan::Located;

/// The number of an id within one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct IdNumber(u32);

impl IdNumber {
    /// No entry has it.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// By whose rules a transcript is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rules {
    /// Of hosts that keep transcripts in files. Up to 2026.5.18 the last entry is the active one and parents are as written;
    /// from then on leaf controls can move it, and the first of them shows which of the two it is.
    #[default]
    Files,
    /// Of hosts with a database: the later rules always hold. A reset begins a new conversation, and what was not written for it
    /// follows it all the same.
    Database,
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
    /// Of a compaction or a reset: the first of the entries before it that stay.
    pub(crate) first_kept: IdNumber,
    pub(crate) kind: Kind,
    pub(crate) answer: Answer,
    /// Whether `parent` is as written in the line.
    pub(crate) is_parent_written: bool,
    /// Whether nothing in an unread beginning of the transcript could change `parent`.
    pub(crate) is_parent_certain: bool,
    role: Role,
    /// Whether a line feed follows the line in the file.
    pub(crate) is_terminated: bool,
}

/// What an entry means for the head of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It becomes the active entry.
    Moves,
    /// It is beside the conversation.
    Beside,
}

impl Entry {
    fn moves(&self) -> bool {
        self.role == Role::Moves
    }

    /// Where the line is, line feed excluded.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

/// The lines of a transcript as a tree: all of them, or those from some line on.
#[derive(Clone)]
pub(crate) struct Index {
    rules: Rules,
    /// Whether it begins with the transcript's first line.
    is_whole: bool,
    ids: Ids,
    entries: Vec<Entry>,
    numbers: HashMap<Id, IdNumber>,
    /// For every id the last entry that has it.
    holders: Vec<Option<u32>>,
    leaf: Leaf,
    /// What is behind the last reset, by the rules of databases.
    after_reset: Option<AfterReset>,
}

/// The entries behind a reset, itself included.
#[derive(Clone)]
struct AfterReset {
    entries: HashSet<IdNumber>,
    /// Whether it has all of them: an unread beginning may decide about a leaf control, and about what is beside the
    /// conversation behind that.
    is_complete: bool,
}

impl AfterReset {
    fn contains(&self, number: IdNumber) -> bool {
        self.entries.contains(&number)
    }
}

/// The head of the conversation. Without leaf controls that is simply the last entry.
#[derive(Clone)]
struct Leaf {
    /// Set by the first valid leaf control; from then on the rules of the hosts that write them hold.
    is_controlled: bool,
    /// Whether `is_controlled` is known; an unread beginning may hold a leaf control.
    is_control_known: bool,
    /// Whether the two entries below are known.
    is_known: bool,
    /// The active entry.
    active: IdNumber,
    /// The entry that the next one names as its parent. It can be a leaf control, or an entry beside the active path.
    append: IdNumber,
}

impl Default for Index {
    fn default() -> Self {
        Self::new(Rules::Files, Ids::default(), true)
    }
}

impl Index {
    /// An index without entries. `is_whole` says that the first line to come is the transcript's first one.
    pub(crate) fn new(rules: Rules, ids: Ids, is_whole: bool) -> Self {
        let is_controlled = rules == Rules::Database;
        let leaf = Leaf {
            is_controlled,
            is_control_known: is_whole || is_controlled,
            is_known: is_whole,
            active: IdNumber::NONE,
            append: IdNumber::NONE,
        };
        Self {
            rules,
            is_whole,
            ids,
            entries: Vec::new(),
            numbers: HashMap::new(),
            holders: Vec::new(),
            leaf,
            after_reset: None,
        }
    }

    /// Takes the next line of the file.
    pub(crate) fn push(&mut self, located: Located) {
        let line = located.line;
        let mut entry = Entry {
            start: located.start,
            end: located.end,
            id: self.number(line.id),
            parent: self.number(line.parent),
            first_kept: self.number(line.first_kept),
            kind: line.kind,
            answer: line.answer,
            is_parent_written: true,
            is_parent_certain: self.is_whole,
            role: Role::Beside,
            is_terminated: located.is_terminated,
        };
        if let Some((target, append)) = line.control {
            self.control(&mut entry, target, append);
        } else if self.rules == Rules::Database && line.id.is_none() {
            entry.kind = Kind::NoObject;
        } else if line.kind != Kind::Session {
            self.follow(&mut entry, line.is_side, line.has_parent);
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
        if !is_known(target, target_number) || !is_known(append, append_number) {
            // What it names may be in the part that was not read.
            self.leaf.is_known &= self.is_whole;
            self.leaf.is_control_known &= self.is_whole || self.leaf.is_controlled;
            if let Some(after) = &mut self.after_reset {
                after.is_complete &= self.is_whole;
            }
            return;
        }
        let is_lost = self.after_reset.as_ref().is_some_and(|after| !after.contains(target_number));
        let [active, append] = if is_lost && self.leaf.active != IdNumber::NONE {
            [self.leaf.active; 2]
        } else {
            [target_number, append_number]
        };
        // A reset that was not read would keep the leaf behind it.
        let is_known = self.is_whole
            || self.rules == Rules::Files
            || [active, target_number].iter().all(|number| self.is_reset_certain_for(*number));
        self.leaf = Leaf { is_controlled: true, is_control_known: true, is_known, active, append };
        entry.parent = active;
        entry.is_parent_certain = is_known;
        self.note_reset(entry);
    }

    /// An ordinary entry: under leaf controls, one that continues behind something beside the active path belongs to the
    /// active entry, and one of an unknown type, or marked as being beside the path, does not move the leaf.
    fn follow(&mut self, entry: &mut Entry, is_side: bool, has_parent: bool) {
        let is_canonical = !matches!(entry.kind, Kind::Unknown | Kind::NoObject);
        if is_canonical && !is_side {
            entry.role = Role::Moves;
        }
        entry.is_parent_certain |= self.is_certain(entry);
        if !self.leaf.is_controlled {
            self.leaf.active = entry.id;
            self.leaf.append = entry.id;
            self.leaf.is_known |= entry.moves();
            self.leaf.is_known &= entry.moves() || self.leaf.is_control_known;
            return;
        }
        let (active, append) = (self.leaf.active, self.leaf.append);
        let continues = entry.parent == append && append != active;
        let is_lost = entry.parent != IdNumber::NONE && self.holder(entry.parent).is_none();
        let is_database = self.rules == Rules::Database;
        let is_before_reset =
            self.after_reset.as_ref().is_some_and(|after| !after.contains(entry.parent));
        if (entry.moves()
            && (continues || is_before_reset || (is_lost && active != IdNumber::NONE)))
            || (is_database && is_canonical && !has_parent)
        {
            entry.parent = active;
            entry.is_parent_written = false;
        }
        self.leaf.append = entry.id;
        if entry.moves() {
            self.leaf.active = entry.id;
            self.leaf.is_known = true;
        }
        self.note_reset(entry);
    }

    /// Whether the parent of an entry, as [`Index::follow`] finds it, would be the same if the beginning had been read.
    fn is_certain(&self, entry: &Entry) -> bool {
        let is_root = entry.parent == IdNumber::NONE;
        let is_there = self.holder(entry.parent).is_some();
        match self.rules {
            Rules::Files if !entry.moves() => is_root || is_there,
            Rules::Files => self.leaf.is_known && (is_root || is_there),
            Rules::Database => {
                let is_settled = !entry.moves() || self.leaf.is_known;
                is_there && is_settled && self.is_reset_certain_for(entry.parent)
            }
        }
    }

    /// Whether an unread beginning cannot change on which side of the last reset an entry is. What moves the leaf is behind every
    /// reset before it.
    fn is_reset_certain_for(&self, number: IdNumber) -> bool {
        let is_decided = |after: &AfterReset| after.is_complete || after.contains(number);
        self.after_reset.as_ref().is_some_and(is_decided)
            || self.holder(number).is_some_and(|position| self.entries[position].moves())
    }

    fn note_reset(&mut self, entry: &Entry) {
        if self.rules == Rules::Database && entry.kind == Kind::Reset {
            let entries = HashSet::from([entry.id]);
            self.after_reset = Some(AfterReset { entries, is_complete: true });
        } else if let Some(after) = &mut self.after_reset
            && after.contains(entry.parent)
        {
            after.entries.insert(entry.id);
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

    /// Whether all lines of the transcript are here.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether an entry of this kind replaces, for the model, what is before it.
    pub(crate) fn is_boundary(&self, kind: Kind) -> bool {
        kind == Kind::Compaction || (kind == Kind::Reset && self.rules == Rules::Database)
    }

    /// The active entry: the last one of the file, unless leaf controls say otherwise. `Err` if an unread beginning decides.
    pub(crate) fn leaf(&self) -> Result<Option<usize>, ()> {
        if self.is_whole || self.leaf.is_known {
            Ok(self.holder(self.leaf.active))
        } else {
            Err(())
        }
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
