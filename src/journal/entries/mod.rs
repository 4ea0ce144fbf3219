//! What is remembered, one kind of entry a file, and what becomes of it.

pub(super) mod dispatch;
pub(super) mod fork;
pub(super) mod notes;
pub(super) mod overview;
pub(super) mod part;
pub(super) mod queue;
pub(super) mod record;
pub(super) mod recovery;
pub(super) mod retention;
pub(super) mod trace;
pub(super) mod turn;
