//! The glue to Node: `#[napi]` items that call the core in one line each. No logic and no I/O lives here.

pub mod access;
pub mod account;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod journal;
pub mod promise;
mod runtime;
pub mod session;
pub mod tools;
