//! What the operator sees of an account.

pub(crate) mod board;
pub(crate) mod problems;
pub(crate) mod trouble;
