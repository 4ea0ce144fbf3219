//! From an event in Parall to an answer in Parall.
//!
//! ```text
//! api::socket -> intake -> loader -> lane -> host turn
//!                                              | replies
//!                          chat  <-  delivery <-
//! ```
//! Nothing is acknowledged before its answer stands in the chat or the agent chose to say nothing.

mod catch_up;
mod claims;
mod comment;
mod delivery;
mod error;
mod event;
mod event_text;
mod forks;
mod gate;
mod gateway;
mod history;
mod host;
mod host_text;
mod intake;
mod lanes;
mod loader;
pub mod loop_budget;
mod monitor;
mod once;
mod open_turn;
mod order;
mod platform;
mod problems;
mod progress;
mod recovery;
mod references;
pub mod results;
pub mod routing;
mod runner;
mod seen;
mod server;
mod settle;
mod shared;
mod split;
mod status;
mod target;
mod trouble;
mod turns;
mod waiting;

pub use error::Error;
pub use gateway::{AccountOptions, Gateway, GatewayOptions};
pub use host::{Fork, Host, Level, ReplyPart, Turn, TurnOutcome};
pub use once::{Probe, probe, send_text};
pub use platform::HostFiles;
pub use seen::DEFAULT_MAX_WAITING;
pub use server::{Answer, Server};
pub use shared::Replies;
pub use target::Target;
