//! From what the server says to an event that is admitted, loaded and in order.

pub(crate) mod admission;
pub(crate) mod catch_up;
pub(crate) mod claims;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod loader;
pub(crate) mod loop_budget;
pub(crate) mod order;
pub(crate) mod progress;
pub(crate) mod references;
