//! The Parall client over real sockets: against the project's local server, and against raw servers for what no proper
//! server does.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod api_bad_answers;
mod api_bad_sockets;
mod api_client;
mod api_files;
mod api_history;
mod api_network;
mod api_rotation;
mod api_socket;
mod support;
