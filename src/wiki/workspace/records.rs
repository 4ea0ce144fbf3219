//! What a workspace remembers, as values.

use std::collections::BTreeMap;

use super::mount::stat::Stat;
use crate::wiki::hash::Hash;

/// The files of a wiki by path.
pub(super) type Files = BTreeMap<String, Hash>;

/// Which wiki a workspace holds, and of which version its base is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) slug: String,
    pub(super) version: String,
    /// Whether everything of this version was taken over.
    pub(super) complete: bool,
}

/// A conflict that was found by a sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    /// What both sides did: `both_changed`, `deleted_there`, `deleted_here`.
    pub(super) kind: String,
    /// How a line before marked lines begins, where there are any.
    pub(super) marker: Option<String>,
    /// Where the server's file is, when it could not be marked in the file here. Relative to the mount.
    pub(super) copy: Option<String>,
}

/// A change of one file that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Move {
    /// Name in the staging folder.
    pub(super) staged: String,
    pub(super) path: String,
    /// What is at the path before, and after.
    pub(super) old: Option<Hash>,
    pub(super) new: Option<Hash>,
    /// What the base holds after.
    pub(super) base: Option<Hash>,
}

/// What is known of a file from an earlier look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) hash: Hash,
    pub(super) stat: Stat,
}

/// What a run comes to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) identity: Option<Identity>,
    /// Changes of the base. With an `identity`, bytes that no base needs any more are forgotten.
    pub(super) base: Vec<(String, Option<Hash>)>,
    pub(super) conflicts: Vec<(String, Conflict)>,
    pub(super) seen: Vec<(String, Known)>,
    pub(super) gone: Vec<String>,
}
