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
//!     config     platform config: fetch, cache, what a server may decide, merge, apply
//!       api      Parall over HTTP and WebSocket
//!     journal    what must survive: dispatches, deliveries, forks, cursor
//!   wiki         the wiki's local workspace, proposals
//!   session      session store, transcripts, forks; used by the shim through bindings alone
//!   account      channels.parall and PRLL_* -> accounts
//!     fs         atomic replacement, locks, private files
//!     background blocking work on low-priority threads
//!     memory     how much of it this library holds
//!     level      how much a log line matters
//!     text       texts of others, made fit for logs and terminals
//!     time       times as JavaScript writes them
//!     error      what every error of this crate offers to JavaScript
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
mod level;
mod memory;
pub mod orchestrator;
pub mod organisation;
pub mod session;
mod text;
mod time;
pub mod tools;
pub mod wiki;
