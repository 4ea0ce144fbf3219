//! Giving up edits. What is taken away is kept aside for a while.

use std::path::PathBuf;

use serde::Serialize;

use super::Workspace;
use super::mount::apply::{Content, Placement, apply};
use super::options::Observer;
use super::records::Files;
use super::status::Skipped;
use crate::wiki::Error;

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reset {
    /// The wiki's slug.
    pub wiki: String,
    /// Files that hold again what the last sync brought.
    pub restored: Vec<String>,
    /// Files that were new.
    pub removed: Vec<String>,
    /// Where the edits are kept, until three further resets.
    pub kept_in: Option<PathBuf>,
    /// What could not be reset, and why.
    pub skipped: Vec<Skipped>,
}

impl Workspace {
    /// Makes every file what it was after the last sync.
    pub fn reset(&mut self) -> Result<Reset, Error> {
        let wiki = self.identity()?.slug;
        let scan = self.scan(&Files::new())?;
        let placements: Vec<_> = self
            .edits(&scan.files)?
            .into_iter()
            .map(|edit| Placement {
                path: edit.path,
                old: edit.here,
                new: edit.base.map(Content::Blob),
                base: edit.base,
                conflict: None,
            })
            .collect();
        let mut reset = Reset {
            wiki,
            restored: Vec::new(),
            removed: Vec::new(),
            kept_in: None,
            skipped: Vec::new(),
        };
        if placements.is_empty() {
            return Ok(reset);
        }
        let keep = self.layout.discard_folder()?;
        let observer = self.options.observer.clone();
        let observer = Observer(observer.as_deref());
        let applied = apply(&self.layout, &mut self.memory, &placements, Some(&keep), observer)?;
        self.memory.finish(&applied.outcome)?;
        self.layout.clear_staging();
        for placement in applied.done.iter().map(|index| &placements[*index]) {
            let list =
                if placement.new.is_some() { &mut reset.restored } else { &mut reset.removed };
            list.push(placement.path.clone());
        }
        reset.restored.sort();
        reset.removed.sort();
        let changed = applied.changed.into_iter().map(|path| (path, "it was edited meanwhile"));
        reset.skipped =
            changed.chain(applied.blocked).map(|(path, reason)| Skipped { path, reason }).collect();
        // Solved conflicts are forgotten.
        self.open_conflicts()?;
        reset.kept_in = Some(keep);
        Ok(reset)
    }
}
