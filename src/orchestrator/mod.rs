//! From an event in Parall to an answer in Parall.
//!
//! ```text
//! api::socket -> intake -> loader -> access -> lane -> host turn
//!                                                        | replies
//!                                    chat  <-  delivery <-
//! ```
//! Nothing is acknowledged before its answer is in the chat or the agent chose to say nothing.

mod access;
mod batch;
mod context;
mod delivery;
mod error;
mod event;
mod host;
mod in_flight;
mod intake;
mod key;
mod lanes;
mod lifecycle;
mod loops;
mod media;
mod persist;
mod platform;
mod server;
mod status;
mod target;
mod turn;

pub use access::{Access, AccessError};
pub use batch::{DEFAULT_COLLECT_CHARACTERS, DEFAULT_COLLECT_EVENTS};
pub use delivery::outbox::Replies;
pub use error::Error;
pub use host::{EarlierTurn, Fork, Host, Level, Media, Outgoing, ReplyPart, Turn, TurnOutcome};
pub use in_flight::DEFAULT_MAX_WAITING;
pub use lanes::limits::{DEFAULT_MAX_FORKS, DEFAULT_SENDER_TURNS, DEFAULT_SENDER_WAITING};
pub use lifecycle::gateway::{Gateway, GatewayOptions};
pub use lifecycle::once::{Probe, probe, send};
pub use lifecycle::options::AccountOptions;
pub use loops::budget::DEFAULT_TURNS;
pub use media::MediaOptions;
pub use platform::HostFiles;
pub use server::{Answer, Server};
pub use status::metrics::metrics;
pub use status::trace::trace;
pub use status::view::account_view;
pub use target::Target;
pub use turn::event_text::DEFAULT_MAX_TEXT_BYTES;
pub use turn::watchdog::DEFAULT_TURN_MINUTES;
