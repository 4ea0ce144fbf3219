//! The wiki's workspace against the project's local server.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and names its seed"
)]

#[path = "wiki/faults.rs"]
mod faults;
#[path = "support/local_parall.rs"]
#[expect(dead_code, reason = "shared with tests that use the rest of it")]
mod local_parall;
#[path = "wiki/model.rs"]
mod model;
#[path = "wiki/names.rs"]
mod names;
#[path = "wiki/proposals.rs"]
mod proposals;
#[path = "wiki/scene.rs"]
mod scene;
#[path = "wiki/speed.rs"]
mod speed;
#[path = "wiki/syncing.rs"]
mod syncing;

use std::time::Duration;

use parall::api::{ClientOptions, Limits, Secret};

/// Limits that let a test end soon.
fn quick() -> Limits {
    Limits { backoff: (Duration::from_millis(10), Duration::from_millis(40)), ..Limits::default() }
}

fn options(url: &str) -> ClientOptions {
    ClientOptions {
        parall_url: url.to_owned(),
        api_key: Secret::new("key_agent"),
        org_id: "org_demo".to_owned(),
        ws_url: None,
    }
}
