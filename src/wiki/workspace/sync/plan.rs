//! What one round of a sync will do.

use super::decision::{Decision, decide};
use crate::wiki::text::{Merged, merge};
use crate::wiki::workspace::Workspace;
use crate::wiki::workspace::mount::apply::{Content, Placement};
use crate::wiki::workspace::mount::scan::read_as;
use crate::wiki::workspace::records::{Conflict, Known};
use crate::wiki::{Error, Hash};

/// A path in the base, in the mount and on the server.
pub(super) type States<'a> = (Option<&'a Hash>, Option<&'a Known>, Option<&'a Hash>);

/// What a round will do.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) placements: Vec<Placement>,
    /// Changes of the base alone.
    pub(super) base: Vec<(String, Option<Hash>)>,
    /// Conflicts that no file here marks.
    pub(super) conflicts: Vec<(String, Conflict)>,
    pub(super) merged: Vec<String>,
    pub(super) busy: Vec<String>,
}

fn unmarked(kind: &str, copy: Option<String>) -> Conflict {
    Conflict { kind: kind.to_owned(), marker: None, copy }
}

impl Workspace {
    pub(super) fn plan(
        &mut self,
        path: String,
        (base, here, there): States<'_>,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let there = there.copied();
        match decide(base.copied(), here.map(|known| known.hash), there) {
            Decision::Keep => {}
            Decision::Agreed => plan.base.push((path, there)),
            Decision::Take => plan.placements.push(Placement {
                path,
                old: here.copied(),
                new: there.map(Content::Blob),
                base: there,
                conflict: None,
            }),
            Decision::DeletedThere => {
                plan.conflicts.push((path.clone(), unmarked("deleted_there", None)));
                plan.base.push((path, None));
            }
            Decision::DeletedHere => {
                let copy = self.copy_of_server(&path, there)?;
                plan.conflicts.push((path.clone(), unmarked("deleted_here", copy)));
                plan.base.push((path, there));
            }
            Decision::Merge => self.plan_merge(path, (base, here, there.as_ref()), plan)?,
        }
        Ok(())
    }

    fn plan_merge(
        &mut self,
        path: String,
        (base, here, there): States<'_>,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let (Some(here), Some(there)) = (here.copied(), there.copied()) else { return Ok(()) };
        let Some(ours) = read_as(self.layout.mount(), &path, here.hash)? else {
            plan.busy.push(path);
            return Ok(());
        };
        let theirs = self.bytes(&path, there)?;
        let old = match base {
            Some(base) => self.memory.blob(*base)?,
            None => None,
        };
        let (bytes, conflict) = match merge(old.as_deref(), &ours, &theirs) {
            Merged::Clean(bytes) => (bytes, None),
            Merged::Conflict { bytes, marker } => {
                let conflict =
                    Conflict { kind: "both_changed".into(), marker: Some(marker), copy: None };
                (bytes, Some(conflict))
            }
            Merged::Impossible => {
                let copy = self.copy_of_server(&path, Some(there))?;
                plan.conflicts.push((path.clone(), unmarked("both_changed", copy)));
                plan.base.push((path, Some(there)));
                return Ok(());
            }
        };
        if bytes == ours {
            plan.base.push((path, Some(there)));
            return Ok(());
        }
        if conflict.is_none() {
            plan.merged.push(path.clone());
        }
        plan.placements.push(Placement {
            path,
            old: Some(here),
            new: Some(Content::Merged(bytes)),
            base: Some(there),
            conflict,
        });
        Ok(())
    }

    fn copy_of_server(&self, path: &str, hash: Option<Hash>) -> Result<Option<String>, Error> {
        let Some(hash) = hash else { return Ok(None) };
        self.layout.write_conflict_copy(path, &self.bytes(path, hash)?).map(Some)
    }
}
