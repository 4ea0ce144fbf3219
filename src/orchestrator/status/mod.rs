//! What the operator sees of an account.

pub(crate) mod activity;
pub(crate) mod board;
pub(crate) mod metrics;
pub(crate) mod problems;
pub(crate) mod trace;
pub(crate) mod trouble;
pub(crate) mod view;
