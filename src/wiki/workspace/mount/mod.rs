//! The files that people edit: what is there, and changing it so that no edit is lost.

pub(super) mod apply;
mod flush;
pub(super) mod recover;
pub(super) mod rename;
pub(super) mod scan;
pub(super) mod stat;
