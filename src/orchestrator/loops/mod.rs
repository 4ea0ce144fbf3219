//! What keeps agents from answering each other for ever: the budget, which is pure, and its guard, which the tasks share.

pub(crate) mod budget;
pub(crate) mod guard;
