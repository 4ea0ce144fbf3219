//! From a ticket to an open socket.

mod address;

use std::time::Duration;

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY};
use http::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, StatusCode};
use reqwest::Upgraded;
use serde::Deserialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use url::Url;

use super::error::Error;
use super::http::failure;
use super::http::fault;
use super::http::network::{Limits, Network};
use super::http::request::{self, Call, Http};
use super::secret::Secret;
use super::wire;

/// Largest frame or message that is taken, in bytes; a larger one ends the connection.
pub(super) const LARGEST_FRAME: usize = 4 * 1024 * 1024;
/// Bytes read at a time. Frames are small, and every idle account keeps this buffer.
const READ_BUFFER: usize = 16 * 1024;
/// Bytes of a refused handshake's body that are read for its text.
const REFUSAL_BYTES: usize = 4 * 1024;

/// An open socket, and the ticket that must not be shown.
pub(super) struct Open {
    pub(super) socket: WebSocketStream<Upgraded>,
    pub(super) ticket: Secret,
}

/// What is needed to open sockets: an HTTP client without the key, because the ticket is the credential here.
#[derive(Debug)]
pub(super) struct SocketDialer {
    client: reqwest::Client,
    base: Url,
    configured: Option<Url>,
    limits: Limits,
}

#[derive(Deserialize)]
struct TicketAnswer {
    ticket: String,
    #[serde(default)]
    ws_url: Option<String>,
}

impl SocketDialer {
    /// Makes the dialler; opens nothing.
    pub(super) fn new(
        base: &Url,
        ws_url: Option<&str>,
        network: &Network,
        tls: rustls::ClientConfig,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let configured =
            ws_url.filter(|text| !text.trim().is_empty()).map(address::configured).transpose()?;
        let client = request::builder(network, tls, limits)?
            .http1_only()
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| Error::Setup { source: super::http::network::cause(error) })?;
        Ok(Self { client, base: base.clone(), configured, limits: *limits })
    }

    /// Whether the configuration names an address that is not encrypted.
    pub(super) fn is_unencrypted(&self) -> bool {
        self.configured.as_ref().is_some_and(|url| url.scheme() == "http")
    }

    /// Gets a ticket and opens a socket with it.
    pub(super) async fn dial(&self, http: &Http, cursor: Option<u64>) -> Result<Open, Error> {
        let answer = http.send(Call::to(&wire::SOCKET_TICKET, &[])).await?;
        // A parser's text might quote the ticket.
        let ticket = answer.json().ok().filter(|ticket: &TicketAnswer| !ticket.ticket.is_empty());
        let ticket = ticket.ok_or_else(|| answer.malformed("it holds no ticket"))?;
        let secret = Secret::new(&ticket.ticket);
        let url = address::choose(self.configured.as_ref(), ticket.ws_url.as_deref(), &self.base)?;
        let url = address::with_query(url, &ticket.ticket, cursor);
        let after = self.limits.request;
        let socket =
            tokio::time::timeout(after, self.open(url, &secret)).await.unwrap_or_else(|_| {
                Err(Error::Timeout {
                    method: wire::SOCKET.method.clone(),
                    path: wire::SOCKET.path,
                    after,
                })
            })?;
        Ok(Open { socket, ticket: secret })
    }

    async fn open(&self, url: Url, ticket: &Secret) -> Result<WebSocketStream<Upgraded>, Error> {
        let key = generate_key();
        let lost = |error| fault::failed(&wire::SOCKET, self.limits.request, error);
        let response = self
            .client
            .get(url)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .send()
            .await
            .map_err(lost)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refused(response, ticket).await);
        }
        check_handshake(response.headers(), &key)?;
        let upgraded = response.upgrade().await.map_err(lost)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(LARGEST_FRAME))
            .max_frame_size(Some(LARGEST_FRAME));
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }
}

/// What RFC 6455, section 4.1, asks of the server's answer.
fn check_handshake(headers: &HeaderMap, key: &str) -> Result<(), Error> {
    let value = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let fail = |reason: &str| Err(Error::Handshake { reason: reason.to_owned() });
    if !value(UPGRADE).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return fail("the server switched to another protocol");
    }
    if value(SEC_WEBSOCKET_ACCEPT).map(str::trim)
        != Some(derive_accept_key(key.as_bytes()).as_str())
    {
        return fail("the answer does not belong to this request (Sec-WebSocket-Accept)");
    }
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS)
        || headers.contains_key(SEC_WEBSOCKET_PROTOCOL)
    {
        return fail("the server chose an extension or protocol that was not offered");
    }
    Ok(())
}

async fn refused(mut response: reqwest::Response, ticket: &Secret) -> Error {
    let status = response.status();
    if status.is_redirection() {
        return fault::redirected(&wire::SOCKET, status, response.headers());
    }
    if status.is_success() {
        return Error::Handshake {
            reason: format!("the server answered {status} instead of opening a socket"),
        };
    }
    let retry_after = fault::retry_after(response.headers());
    let mut body = Vec::new();
    // The text is a courtesy: whatever goes wrong with it, the status remains.
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(REFUSAL_BYTES - body.len())]);
            if body.len() == REFUSAL_BYTES {
                break;
            }
        }
    })
    .await;
    let refusal = failure::read_known(&body, &[ticket]);
    fault::refused(&wire::SOCKET, status, retry_after, refusal)
}
