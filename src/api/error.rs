//! What can go wrong with Parall, and what that means for the caller.

use std::time::Duration;

use http::Method;

use crate::error::Coded;

/// An error of the Parall client.
///
/// Requests are named by method and path template (`POST /api/v1/orgs/{org}/...`). No text holds a key, a ticket, a query
/// string or a body.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option cannot be used.
    #[error("{field} cannot be used: {reason}")]
    Option { field: &'static str, reason: String },
    /// An id or argument was refused before any request.
    #[error("{what} cannot be used in a request to Parall: {reason}")]
    Argument { what: &'static str, reason: String },
    /// The HTTP client could not be set up.
    #[error("cannot set up the connection to Parall")]
    Setup {
        #[source]
        source: Cause,
    },
    /// No connection came about, so the server saw nothing of the request.
    #[error("cannot connect to Parall for {method} {path}")]
    Connect {
        method: Method,
        path: &'static str,
        #[source]
        source: Cause,
    },
    /// The answer did not come in time. The server may have carried out the request.
    #[error("Parall did not answer {method} {path} within {} s", after.as_secs_f32())]
    Timeout { method: Method, path: &'static str, after: Duration },
    /// The connection broke during the request. The server may have carried it out.
    #[error("the connection to Parall broke during {method} {path}")]
    Interrupted {
        method: Method,
        path: &'static str,
        #[source]
        source: Cause,
    },
    /// The server refused or failed.
    #[error("Parall answered {status} to {method} {path}{}", said(error_code.as_deref(), message))]
    Status {
        method: Method,
        path: &'static str,
        status: u16,
        /// The server's own code, such as `NOT_FOUND`.
        error_code: Option<String>,
        /// The server's text, one short line.
        message: String,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server answered with a redirect, which is never followed: it would carry the key to another place.
    #[error("Parall answered {status} (a redirect{}) to {method} {path}; check parall_url", location(target_host.as_deref()))]
    Redirect { method: Method, path: &'static str, status: u16, target_host: Option<String> },
    /// The answer is larger than this client reads.
    #[error("the answer to {method} {path} is larger than {limit} bytes")]
    TooLarge { method: Method, path: &'static str, limit: usize },
    /// A success whose body is not what the protocol says.
    #[error("the answer to {method} {path} cannot be read: {reason}")]
    Malformed { method: Method, path: &'static str, reason: String },
    /// The socket's address cannot be used.
    #[error("the WebSocket address ({origin}) cannot be used: {reason}")]
    SocketAddress { origin: &'static str, reason: String },
    /// The server did not turn the connection into a WebSocket as RFC 6455 asks.
    #[error("the WebSocket handshake failed: {reason}")]
    Handshake { reason: String },
    /// The socket was open and ended.
    #[error("the WebSocket ended: {reason}")]
    SocketClosed { reason: String },
    /// The caller stopped waiting.
    #[error("the request to Parall was given up because the account stops")]
    Stopped,
}

/// The cause that a library reported, without its URL.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What an error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The server is not there or not well (no connection, 408, 425, 5xx): try again later.
    Transient,
    /// 429: try again when [`Error::retry_after`] is over.
    RateLimited,
    /// 401: the key is wrong or revoked; trying again does not help.
    Unauthorized,
    /// 403: this agent may not do that.
    Forbidden,
    /// 404 or 410: not there, or hidden from this agent.
    Missing,
    /// The request itself is wrong (other 4xx, an unusable id or option): never repeat it unchanged.
    Rejected,
    /// The request was sent, and nobody knows what became of it.
    UnknownOutcome,
    /// The server answered something that Parall does not answer; its address or a proxy may be wrong.
    Malformed,
    /// The account stops.
    Stopped,
}

impl Class {
    /// Whether the same call may work later, without anybody changing anything. All else is permanent.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Transient | Self::RateLimited | Self::UnknownOutcome)
    }

    /// Whether the server has understood the request and will not do it.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Forbidden | Self::Missing | Self::Rejected)
    }
}

impl Error {
    /// What the error means for the caller.
    pub fn class(&self) -> Class {
        match self {
            Self::Option { .. } | Self::Argument { .. } | Self::Setup { .. } => Class::Rejected,
            Self::Connect { .. } | Self::Handshake { .. } | Self::SocketClosed { .. } => {
                Class::Transient
            }
            Self::Timeout { .. } | Self::Interrupted { .. } => Class::UnknownOutcome,
            Self::Status { status, .. } => match status {
                401 => Class::Unauthorized,
                403 => Class::Forbidden,
                404 | 410 => Class::Missing,
                429 => Class::RateLimited,
                408 | 425 | 500.. => Class::Transient,
                _ => Class::Rejected,
            },
            Self::Redirect { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::SocketAddress { .. } => Class::Malformed,
            Self::Stopped => Class::Stopped,
        }
    }

    /// Whether the server certainly did nothing: a write may then be repeated without reading back first.
    pub fn nothing_done(&self) -> bool {
        match self {
            Self::Option { .. }
            | Self::Argument { .. }
            | Self::Setup { .. }
            | Self::Connect { .. }
            | Self::Redirect { .. } => true,
            Self::Status { status, .. } => *status < 500 && *status != 408,
            _ => false,
        }
    }

    /// The HTTP status, where the server gave one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } | Self::Redirect { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// How long the server asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Option { .. } => "PARALL_OPTION",
            Self::Argument { .. } => "PARALL_ARGUMENT",
            Self::Setup { .. } => "PARALL_SETUP",
            Self::Connect { .. } => "PARALL_CONNECT",
            Self::Timeout { .. } => "PARALL_TIMEOUT",
            Self::Interrupted { .. } => "PARALL_INTERRUPTED",
            Self::Status { .. } => "PARALL_HTTP_STATUS",
            Self::Redirect { .. } => "PARALL_REDIRECT",
            Self::TooLarge { .. } => "PARALL_TOO_LARGE",
            Self::Malformed { .. } => "PARALL_MALFORMED",
            Self::SocketAddress { .. } => "PARALL_SOCKET_ADDRESS",
            Self::Handshake { .. } => "PARALL_HANDSHAKE",
            Self::SocketClosed { .. } => "PARALL_SOCKET_CLOSED",
            Self::Stopped => "PARALL_STOPPED",
        }
    }
}

fn said(code: Option<&str>, message: &str) -> String {
    match (code, message) {
        (Some(code), message) if message.is_empty() || message == code => format!(": {code}"),
        (Some(code), message) => format!(": {code}: {message}"),
        (None, "") => String::new(),
        (None, message) => format!(": {message}"),
    }
}

fn location(host: Option<&str>) -> String {
    host.map(|host| format!(" to {host}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Error {
        Error::Status {
            method: Method::POST,
            path: "/api/v1/ws/ticket",
            status,
            error_code: None,
            message: String::new(),
            retry_after: None,
        }
    }

    #[test]
    fn each_status_has_its_class() {
        let table = [
            (400, Class::Rejected),
            (401, Class::Unauthorized),
            (403, Class::Forbidden),
            (404, Class::Missing),
            (408, Class::Transient),
            (409, Class::Rejected),
            (410, Class::Missing),
            (422, Class::Rejected),
            (429, Class::RateLimited),
            (500, Class::Transient),
            (503, Class::Transient),
            (599, Class::Transient),
        ];
        for (number, class) in table {
            assert_eq!(status(number).class(), class, "{number}");
        }
    }

    #[test]
    fn of_a_late_answer_nobody_knows_what_was_done() {
        let late =
            Error::Timeout { method: Method::POST, path: "/x", after: Duration::from_secs(15) };
        assert_eq!(late.class(), Class::UnknownOutcome);
    }

    #[test]
    fn only_a_clear_refusal_proves_that_nothing_was_done() {
        for (number, expected) in
            [(422, true), (429, true), (409, true), (408, false), (500, false), (504, false)]
        {
            assert_eq!(status(number).nothing_done(), expected, "{number}");
        }
        let late =
            Error::Timeout { method: Method::POST, path: "/x", after: Duration::from_secs(15) };
        assert!(!late.nothing_done());
    }

    #[test]
    fn texts_name_the_request_and_what_the_server_said() {
        let error = Error::Status {
            method: Method::GET,
            path: "/api/v1/messages/{message}",
            status: 404,
            error_code: Some("NOT_FOUND".into()),
            message: "no such message".into(),
            retry_after: None,
        };
        assert_eq!(
            error.to_string(),
            "Parall answered 404 to GET /api/v1/messages/{message}: NOT_FOUND: no such message"
        );
        let error = Error::Status {
            method: Method::GET,
            path: "/x",
            status: 404,
            error_code: Some("NOT_FOUND".into()),
            message: "NOT_FOUND".into(),
            retry_after: None,
        };
        assert_eq!(error.to_string(), "Parall answered 404 to GET /x: NOT_FOUND");
        let error = Error::Redirect {
            method: Method::GET,
            path: "/x",
            status: 302,
            target_host: Some("evil.example".into()),
        };
        assert_eq!(
            error.to_string(),
            "Parall answered 302 (a redirect to evil.example) to GET /x; check parall_url"
        );
    }
}
