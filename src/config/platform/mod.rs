//! What the platform sends: where it comes from, what it may decide, what hosts accept, and the last good one.

mod allowed;
pub(super) mod cache;
pub(super) mod config;
pub(super) mod refusal;
pub(super) mod schema;
pub(super) mod source;
pub(super) mod trust;
