//! Parall over HTTP and WebSocket.
//!
//! ```text
//! socket   the connection that never gives up (connection: one open socket, vitals: when to beat, when to doubt)
//! history  chats and messages of the past              objects  Parall's objects as they came (upload: a file for a message)
//!   client   every call this plugin makes
//!     dialer   from a ticket to an open socket (address: where it is)
//!       request  one request and its answer
//!         failure  a refusal's body -> a short text
//!         network  proxies, certificates, limits       tls      one set-up for both
//!         wire     paths, fields and marked choices    types    Parall's objects as far as they are read (lenient: odd fields)
//! retry    backoff, and repeating idempotent calls     moment   server times that can be compared
//! error    what went wrong, what it means              secret   texts that are never shown
//! ```

pub mod announced;
mod client;
mod dialer;
mod error;
mod failure;
mod history;
mod lenient;
mod moment;
mod network;
mod objects;
mod request;
pub mod retry;
mod secret;
pub mod socket;
mod tls;
mod types;
mod upload;
mod wiki;
pub mod wire;

pub use client::{Client, ClientOptions, NewMessage, PlatformConfigAnswer};
pub use error::{Cause, Class, Error};
pub use history::MessagePage;
pub use moment::moment;
pub use network::{Limits, Network};
pub use objects::{Object, ObjectPage, Query};
pub use secret::{Secret, redact};
pub use types::{
    Agent, Attachment, Chat, Comment, Content, Dispatch, Frame, Hints, Mention, Message, Sender,
    Sent, Task,
};
pub use upload::NewFile;
pub use wiki::{Action, Change, LARGEST_WIKI_FILE, TreeItem, TreePage, Wiki};
