//! Sessions on disk: forks, the store, the lock, left-overs.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "session/cleanup.rs"]
mod cleanup;
#[path = "session/context.rs"]
mod context;
#[path = "session/fork.rs"]
mod fork;
#[path = "session/live.rs"]
mod live;
#[path = "session/lock.rs"]
mod lock;
#[path = "session/properties.rs"]
mod properties;
#[path = "session/store.rs"]
mod store;
#[path = "session/support.rs"]
mod support;
