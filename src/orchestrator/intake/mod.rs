//! From what the server says to an event that is admitted, loaded and in order.

pub(crate) mod admission;
mod connection;
pub(crate) mod events;
pub(crate) mod handover;
mod held;
pub(crate) mod loading;
pub(crate) mod missed;
mod phase;
pub(crate) mod references;
mod unhandled;
