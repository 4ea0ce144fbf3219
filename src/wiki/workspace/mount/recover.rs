//! After a run that ended in the middle: finds out how far each change of a file had come.

use std::fs;

use super::rename::{exchange, rename_new};
use super::scan::look;
use crate::wiki::Error;
use crate::wiki::hash::Hash;
use crate::wiki::workspace::layout::Layout;
use crate::wiki::workspace::memory::Memory;
use crate::wiki::workspace::records::{Move, Outcome};

/// Brings memory and files together. Edits of anybody stay where they are, or come back to where they were.
pub(in crate::wiki::workspace) fn recover(
    layout: &Layout,
    memory: &mut Memory,
) -> Result<(), Error> {
    let moves = memory.moves()?;
    if !moves.is_empty() {
        let mut outcome = Outcome::default();
        for one in &moves {
            if settle(layout, one)? {
                outcome.base.push((one.path.clone(), one.base));
            }
        }
        memory.finish(&outcome)?;
    }
    layout.clear_staging();
    Ok(())
}

/// Whether the change had happened. Afterwards what is staged is a copy of something that is kept elsewhere.
fn settle(layout: &Layout, one: &Move) -> Result<bool, Error> {
    let (target, aside) = (layout.file(&one.path), layout.staged(&one.staged));
    let hash = |path| look(path).map(|found| found.map(|(look, _)| look.known.hash));
    let (here, staged): (Option<Hash>, Option<Hash>) = (hash(&target)?, hash(&aside)?);
    match staged {
        // New contents leave only for their place; nothing waits where a removal has not begun.
        None => Ok(one.new.is_some() || here.is_none()),
        // The old file was taken away: it happened, whatever was edited since.
        Some(_) if staged == one.old && here != one.old => Ok(true),
        // The new contents still wait.
        Some(_) if staged == one.new || staged == one.old => Ok(here == one.new),
        // An edit of the last moment was taken away with the file.
        Some(_) => {
            if here.is_some() && here == one.new {
                if !exchange(&aside, &target).map_err(Error::file("put back", &target))? {
                    fs::rename(&aside, &target).map_err(Error::file("put back", &target))?;
                }
            } else if here.is_some() || rename_new(&aside, &target).is_err() {
                layout.rescue(&one.staged, &target)?;
            }
            Ok(false)
        }
    }
}
