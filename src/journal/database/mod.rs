//! The file and the thread that owns it: lease, tables, transactions.

pub(super) mod access;
pub(super) mod files;
pub(super) mod lease;
pub(super) mod pending;
pub(super) mod schema;
pub(super) mod store;
pub(super) mod text_enum;
pub(super) mod writer;
