//! The native part of `@parall/parall`, the `OpenClaw` channel plugin for Parall.
//!
//! A map of the house. Dependencies point downwards only:
//!
//! ```text
//! bindings       #[napi] glue, one line a call; the only module that knows Node
//!   cli          the `parall` command: nouns, tables, exit codes
//!   tools        what a model can read, send and change
//!   orchestrator events, lanes, turns, delivery
//!     organisation  people, chats, messages, tasks, projects; what command and tools share
//!     api        Parall over HTTP and WebSocket
//!     config     platform config: fetch, cache, merge, apply
//!     session    session store, transcripts, forks
//!     journal    what must survive: dispatches, deliveries, forks, cursor
//!     wiki       the wiki's local workspace, proposals
//!     account    channels.parall and PRLL_* -> accounts
//!       fs       atomic replacement, locks
//!       memory   how much of it this library holds
//!       background work that gives way to the host
//!       error    what every error of this crate offers to JavaScript
//! ```

pub mod account;
pub mod api;
pub mod background;
pub mod bindings;
pub mod cli;
pub mod config;
pub mod error;
pub mod fs;
pub mod journal;
mod memory;
pub mod orchestrator;
pub mod organisation;
pub mod session;
mod text;
mod time;
pub mod tools;
pub mod wiki;
