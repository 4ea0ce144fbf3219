//! HTTP below the calls: one request and its answer, the network's settings, TLS.

pub(super) mod failure;
pub(super) mod fault;
pub(super) mod network;
pub(super) mod request;
pub(super) mod tls;
