//! From a reference to a loaded event in the order of its chat.

pub(crate) mod attachments;
pub(crate) mod claims;
pub(crate) mod loader;
mod order;
mod progress;
pub(crate) mod senders;
pub(crate) mod sources;
