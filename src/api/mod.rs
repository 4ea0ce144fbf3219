//! Parall over HTTP and WebSocket.
//!
//! ```text
//! client   every call this plugin makes          socket   the connection that never gives up
//!   request  one request and its answer            connect, connection, frame, address, vitals
//!     failure  an error body -> one typed error   retry    backoff, and repeating idempotent calls
//! network  proxies, certificates, time limits     wire     paths, fields and marked choices
//! tls      one set-up for both                    types    Parall's objects as far as they are read
//! ```

pub mod announced;
mod client;
mod error;
mod failure;
mod lenient;
mod network;
mod request;
pub mod retry;
mod secret;
pub mod socket;
mod tls;
mod types;
pub mod wire;

pub use client::{Client, ClientOptions, NewMessage, PlatformConfigAnswer};
pub use error::{Cause, Class, Error};
pub use network::{Limits, Network};
pub use secret::{Secret, redact};
pub use types::{
    Agent, Attachment, Chat, Comment, Content, Dispatch, Frame, Hints, Mention, Message, Sender,
    Sent, Task,
};
