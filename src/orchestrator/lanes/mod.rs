//! Which session runs which event, in which order, and when.

mod attempt;
pub(crate) mod forks;
pub(crate) mod limits;
pub(crate) mod queue;
pub(crate) mod runner;
pub(crate) mod scheduler;
mod session;
mod verdict;
