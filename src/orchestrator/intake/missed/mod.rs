//! What came in while nobody listened, on a server without dispatch inbox.

pub(crate) mod catch_up;
pub(crate) mod history;
