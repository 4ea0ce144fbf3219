//! The platform configuration and the files it goes into.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "failing tests, and what children tell"
)]

mod config_crash;
mod config_files;
mod config_fs;
mod config_includes;
mod config_manager;
mod config_properties;
mod config_trust;
#[path = "support/platform.rs"]
mod platform;
