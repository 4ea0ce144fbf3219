//! One open turn: what the agent is shown, what has come back, how far it is.

pub(crate) mod attribution;
pub(crate) mod batch_text;
pub(crate) mod earlier;
mod event_lines;
pub(crate) mod event_text;
pub(crate) mod left_turn;
pub(crate) mod open_turn;
pub(crate) mod registry;
pub(crate) mod results;
pub(crate) mod untrusted;
pub(crate) mod watchdog;
