//! The user's files: which of them holds a section, what has to change in it, and the write.

pub(super) mod apply;
pub(super) mod draft;
pub(super) mod include;
pub(super) mod plan;
pub(super) mod read;
pub(super) mod verify;
pub(super) mod wanted;
