//! A JSON5 text whose bytes stay as they are, but for the values that are set.

pub(super) mod document;
pub(super) mod edit;
pub(super) mod skip;
