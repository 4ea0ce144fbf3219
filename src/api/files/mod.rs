//! Files that ride on messages, from wherever the server says they are.

mod error;
mod fetch;
mod foreign;
mod hosts;
mod public;
mod way;

pub use error::FileError;
pub use fetch::RemoteFile;
pub(super) use foreign::Foreign;
pub use hosts::host_name;
