//! A running account on a stage: what server, host, disk and clock do is said by each test, and time is virtual.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its bench has failed")]

#[path = "staged/access.rs"]
mod access;
#[path = "staged/attribution.rs"]
mod attribution;
#[path = "staged/bench.rs"]
mod bench;
#[path = "staged/clock.rs"]
mod clock;
#[path = "staged/fault.rs"]
mod fault;
#[path = "staged/generations.rs"]
mod generations;
#[path = "staged/key.rs"]
mod key;
#[path = "staged/loops.rs"]
mod loops;
#[path = "staged/memory.rs"]
mod memory;
#[path = "staged/order.rs"]
mod order;
#[path = "staged/owed.rs"]
mod owed;
#[path = "staged/reload.rs"]
mod reload;
#[path = "staged/status.rs"]
mod status;
#[path = "staged/stop.rs"]
mod stop;
#[path = "staged/together.rs"]
mod together;
#[path = "staged/unreadable.rs"]
mod unreadable;
