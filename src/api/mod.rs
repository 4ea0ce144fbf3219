//! Parall over HTTP and WebSocket.
//!
//! ```text
//! socket/      the connection that never gives up (connection: one open socket, vitals: when to beat, when to doubt)
//! calls/       history: chats and messages of the past      objects: Parall's objects as they came
//!              upload: a file for a message                 wiki: trees, pages, changesets
//!   client     every other call this plugin makes
//!     dialer/  from a ticket to an open socket (address: where it is)
//!      files/  from an address that the server names to bytes: way, public addresses, redirects
//!       http/  request: one request and its answer          failure: a refusal's body -> a short text
//!              network: proxies, certificates, limits       tls: one set-up for both
//!       wire/  paths, fields and marked choices             types: Parall's objects as far as they are read
//!              lenient: odd fields                          moment: server times that can be compared
//!              announced: frames of which little is known
//! retry        backoff, and repeating idempotent calls
//! error        what went wrong, what it means              secret: texts that are never shown
//! ```

pub mod backoff;
mod calls;
mod client;
mod dialer;
mod error;
mod files;
mod http;
pub mod retry;
mod secret;
pub mod socket;
pub mod wire;

pub use calls::history::MessagePage;
pub use calls::objects::{Object, ObjectPage, Query};
pub use calls::upload::{LocalFile, NewFile};
pub use calls::wiki::{LARGEST_WIKI_FILE, TreeItem, TreePage, Wiki};
pub use client::{Client, ClientOptions, NewMessage, PlatformConfigAnswer};
pub use error::{Cause, Class, Error};
pub use files::{FileError, RemoteFile, host_name};
pub use http::network::{Limits, Network};
pub use secret::{Secret, redact};
pub use wire::moment::moment;
pub use wire::types::{
    Agent, Attachment, Chat, Comment, Content, Dispatch, Frame, Hints, Mention, Message, Sender,
    Sent, Task,
};
pub use wire::wiki::{Action, Change};
