//! Parall over HTTP and WebSocket.
//!
//! ```text
//! client   every call this plugin makes       socket       the connection that never gives up
//! request  one request and its answer           connect    ticket and handshake
//! failure  a refusal's body -> a short text     connection one open socket until its end
//! error    what went wrong, what it means       address    where the socket is
//! network  proxies, certificates, limits        vitals     when to beat, when to doubt
//! tls      one set-up for both                retry        backoff, and repeating idempotent calls
//! wire     paths, fields and marked choices   types        Parall's objects as far as they are read
//! history  chats and messages of the past     moment       server times that can be compared
//! objects  Parall's objects as they came, for the command and the tools
//! upload   a file on its way to a message
//! ```

pub mod announced;
mod client;
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
