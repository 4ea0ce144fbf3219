//! One noun a file: what clap reads, and what is done with it.

pub(super) mod agents;
pub(super) mod chats;
pub(super) mod comments;
pub(super) mod dm;
pub(super) mod members;
pub(super) mod messages;
pub(super) mod projects;
pub(super) mod tasks;
pub(super) mod users;
pub(super) mod whoami;
pub(super) mod wiki;
