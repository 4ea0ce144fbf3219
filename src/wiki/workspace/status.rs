//! What was edited since the last sync.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::Workspace;
use super::mount::scan::read_as;
use super::records::{Conflict, Files, Known};
use crate::wiki::text::{Difference, difference, has_line};
use crate::wiki::{Error, Hash};

/// What happened to a file since the last sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The server does not have it.
    Added,
    /// It has other contents.
    Modified,
    /// It is gone.
    Deleted,
    /// It holds marked conflicts.
    Conflicted,
}

/// A file that was edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedFile {
    /// Its path below the wiki.
    pub path: String,
    /// What happened to it.
    pub status: State,
    /// Lines that are new; 0 for a binary file.
    pub additions: u64,
    /// Lines that are gone; 0 for a binary file.
    pub deletions: u64,
    /// Whether it is no text.
    pub binary: bool,
}

/// A file that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its path; control characters replaced.
    pub path: String,
    /// Why.
    pub reason: &'static str,
}

/// A conflict that is not solved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictView {
    /// The file.
    pub path: String,
    /// What both sides did: `both_changed`, `deleted_there`, `deleted_here`.
    pub kind: String,
    /// Whether lines of the file are marked; without it the file here is as it was edited.
    pub marked: bool,
    /// Where the server's file is, below the folder of the wiki, when it is not in the file itself.
    pub server_copy: Option<String>,
}

/// What was edited since the last sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The wiki's slug.
    pub wiki: String,
    /// The folder.
    pub mount: PathBuf,
    /// The version of the last sync.
    pub base_version: String,
    /// The server's newest version, when it was asked.
    pub head_version: Option<String>,
    /// Edited files.
    pub changes: Vec<ChangedFile>,
    /// Conflicts that are not solved.
    pub conflicts: Vec<ConflictView>,
    /// What is in the folder and is no part of the wiki, and why.
    pub left_out: Vec<Skipped>,
}

/// What was edited, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiffView {
    /// The wiki's slug.
    pub wiki: String,
    /// The version of the last sync.
    pub base_version: String,
    /// All differences in the unified form.
    pub diff: String,
    /// The files.
    pub files: Vec<FileDiff>,
}

/// What was edited in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// Its path below the wiki.
    pub path: String,
    /// What happened to it.
    pub status: State,
    /// Lines that are new.
    pub additions: u64,
    /// Lines that are gone.
    pub deletions: u64,
    /// Whether it is no text: then it is named in the diff and not shown.
    pub binary: bool,
}

/// A file that differs from the base.
pub(super) struct Edit {
    pub(super) path: String,
    pub(super) base: Option<Hash>,
    pub(super) here: Option<Known>,
}

impl Workspace {
    /// What was edited.
    pub fn status(&mut self) -> Result<Status, Error> {
        let identity = self.identity()?;
        let scan = self.scan(&Files::new())?;
        let edits = self.edits(&scan.files)?;
        let conflicts = self.unsolved(&edits)?;
        let mut changes = Vec::with_capacity(edits.len());
        for edit in &edits {
            if let Some((status, found)) = self.compare(edit, &conflicts)? {
                let Difference { additions, deletions, binary, .. } = found;
                let path = edit.path.clone();
                changes.push(ChangedFile { path, status, additions, deletions, binary });
            }
        }
        Ok(Status {
            wiki: identity.slug,
            mount: self.layout.mount().into(),
            base_version: identity.version,
            head_version: None,
            changes,
            conflicts: views(conflicts),
            left_out: scan
                .left_out
                .into_iter()
                .map(|(path, reason)| Skipped { path, reason })
                .collect(),
        })
    }

    /// What was edited, line by line.
    pub fn diff(&mut self) -> Result<DiffView, Error> {
        let identity = self.identity()?;
        let scan = self.scan(&Files::new())?;
        let edits = self.edits(&scan.files)?;
        let conflicts = self.unsolved(&edits)?;
        let (mut diff, mut files) = (String::new(), Vec::with_capacity(edits.len()));
        for edit in &edits {
            let Some((status, found)) = self.compare(edit, &conflicts)? else { continue };
            let Difference { additions, deletions, binary, patch } = found;
            let path = edit.path.clone();
            if binary {
                diff.extend(["Binary files a/", &path, " and b/", &path, " differ\n"]);
            }
            diff.push_str(&patch);
            files.push(FileDiff { path, status, additions, deletions, binary });
        }
        Ok(DiffView { wiki: identity.slug, base_version: identity.version, diff, files })
    }

    /// The files that differ from the base.
    pub(super) fn edits(&self, here: &BTreeMap<String, Known>) -> Result<Vec<Edit>, Error> {
        let base = self.memory.base()?;
        let paths: BTreeSet<&String> = base.keys().chain(here.keys()).collect();
        let edits = paths.into_iter().map(|path| Edit {
            path: path.clone(),
            base: base.get(path).copied(),
            here: here.get(path).copied(),
        });
        Ok(edits.filter(|edit| edit.base != edit.here.map(|known| known.hash)).collect())
    }

    /// Compares with the base; nothing when the file was changed since it was looked at and is equal by now.
    fn compare(
        &self,
        edit: &Edit,
        conflicts: &BTreeMap<String, Conflict>,
    ) -> Result<Option<(State, Difference)>, Error> {
        let before = edit.base.map(|hash| self.bytes(&edit.path, hash)).transpose()?;
        let after = match edit.here {
            Some(known) => read_as(self.layout.mount(), &edit.path, known.hash)?,
            None => None,
        };
        let is_marked = conflicts.get(&edit.path).is_some_and(|conflict| conflict.marker.is_some());
        let status = match (&before, &after) {
            _ if is_marked => State::Conflicted,
            (None, None) => return Ok(None),
            (None, Some(_)) => State::Added,
            (Some(_), None) => State::Deleted,
            (Some(_), Some(_)) => State::Modified,
        };
        Ok(Some((status, difference(&edit.path, before.as_deref(), after.as_deref()))))
    }

    /// The conflicts that are not solved; solved ones are forgotten.
    pub(super) fn unsolved(&mut self, edits: &[Edit]) -> Result<BTreeMap<String, Conflict>, Error> {
        let mut conflicts = self.memory.conflicts()?;
        let edits: BTreeMap<&str, &Edit> =
            edits.iter().map(|edit| (edit.path.as_str(), edit)).collect();
        let mut solved = Vec::new();
        for (path, conflict) in &conflicts {
            let Some(edit) = edits.get(path.as_str()) else {
                solved.push(path.clone());
                continue;
            };
            let is_open = match (&conflict.marker, edit.here) {
                (Some(marker), Some(known)) => {
                    let bytes = read_as(self.layout.mount(), path, known.hash)?.unwrap_or_default();
                    has_line(&String::from_utf8_lossy(&bytes), marker)
                }
                (Some(_), None) => false,
                (None, here) => here.is_some() == (conflict.kind != "deleted_here"),
            };
            if !is_open {
                solved.push(path.clone());
            }
        }
        for path in &solved {
            conflicts.remove(path);
        }
        self.memory.forget_conflicts(&solved)?;
        Ok(conflicts)
    }

    pub(super) fn open_conflicts(&mut self) -> Result<Vec<ConflictView>, Error> {
        if self.memory.conflicts()?.is_empty() {
            return Ok(Vec::new());
        }
        let scan = self.scan(&Files::new())?;
        let edits = self.edits(&scan.files)?;
        Ok(views(self.unsolved(&edits)?))
    }
}

fn views(conflicts: BTreeMap<String, Conflict>) -> Vec<ConflictView> {
    conflicts
        .into_iter()
        .map(|(path, Conflict { kind, marker, copy })| ConflictView {
            path,
            kind,
            marked: marker.is_some(),
            server_copy: copy,
        })
        .collect()
}
