//! From a reply of the agent to text in the chat, and from there to the acknowledgement.

pub(crate) mod comment;
pub(crate) mod completion;
pub(crate) mod files;
pub(crate) mod host_text;
pub(crate) mod outbox;
pub(crate) mod part_key;
mod send;
pub(crate) mod split;
