//! One request to Parall and its answer. Everything the REST client does goes through [`Http::send`].

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::failure;
use super::fault::{failed, redirected, refused, retry_after};
use super::network::{Limits, Network, cause};
use crate::api::error::Error;
use crate::api::secret::{Secret, redact};
use crate::api::wire::Route;
use crate::text::one_line;

/// Largest answer that is read, in bytes.
pub(in crate::api) const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Connections that stay open while nothing goes over them: as many as one transfer of many files uses.
const MOST_IDLE: usize = 16;
/// The slowest pace at which a file may come or go, in bytes a second, beyond the time of any other request.
pub(in crate::api) const SLOWEST_PACE: u64 = 64 * 1024;
/// Longest text of a parser that is shown.
const LONGEST_REASON: usize = 200;
/// What a request says about who is asking.
const USER_AGENT: &str = concat!("parall-openclaw/", env!("CARGO_PKG_VERSION"));

/// The HTTP side of a client.
#[derive(Debug)]
pub(in crate::api) struct Http {
    client: reqwest::Client,
    /// Without the key, for addresses that carry their own permission.
    anonymous: reqwest::Client,
    base: Url,
    key: Secret,
    time_limit: Duration,
}

/// One request.
pub(in crate::api) struct Call<'a, B: Serialize = ()> {
    pub(in crate::api) route: &'static Route,
    /// Ids for the route's places, in order.
    pub(in crate::api) ids: &'a [&'a str],
    pub(in crate::api) query: &'a [(&'a str, &'a str)],
    /// Version the caller already has; lets the server answer 304.
    pub(in crate::api) cached_version: Option<&'a str>,
    pub(in crate::api) body: Option<B>,
}

impl<'a> Call<'a> {
    /// A request with nothing but a route.
    pub(in crate::api) fn to(route: &'static Route, ids: &'a [&'a str]) -> Self {
        Self { route, ids, query: &[], cached_version: None, body: None }
    }

    /// The same with a query.
    pub(in crate::api) fn query(self, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { query, ..self }
    }

    /// The same for a caller that has a version.
    pub(in crate::api) fn cached_version(self, cached_version: Option<&'a str>) -> Self {
        Self { cached_version, ..self }
    }

    /// The same with a JSON body.
    pub(in crate::api) fn body<B: Serialize>(self, body: B) -> Call<'a, B> {
        let Self { route, ids, query, cached_version, body: _ } = self;
        Call { route, ids, query, cached_version, body: Some(body) }
    }
}

/// A success, with its whole body.
pub(in crate::api) struct Answer<'a> {
    http: &'a Http,
    route: &'static Route,
    pub(in crate::api) status: StatusCode,
    body: Vec<u8>,
}

impl Answer<'_> {
    /// Reads the body as JSON.
    pub(in crate::api) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.text()?;
        serde_json::from_str(text).map_err(|error| self.malformed(&error.to_string()))
    }

    /// Bytes of the body.
    pub(in crate::api) fn size(&self) -> usize {
        self.body.len()
    }

    /// The body as text.
    pub(in crate::api) fn text(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.body).map_err(|_| self.malformed("it is not UTF-8"))
    }

    /// The error for a body that is not what the protocol says.
    pub(in crate::api) fn malformed(&self, reason: &str) -> Error {
        // Parsers quote values of the body; the beginning is enough to find the place.
        let reason = one_line(&self.http.redact(reason, &[]), LONGEST_REASON);
        Error::Malformed { method: self.route.method.clone(), path: self.route.path, reason }
    }
}

impl Http {
    /// Makes the client; opens no connection.
    pub(in crate::api) fn new(
        base: Url,
        key: Secret,
        network: &Network,
        tls: rustls::ClientConfig,
        limits: &Limits,
    ) -> Result<Self, Error> {
        let authorization = key.bearer().ok_or_else(|| Error::Option {
            field: "api_key",
            reason: "it is not allowed in a header".into(),
        })?;
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let anonymous = builder(network, tls.clone(), limits)?
            .timeout(limits.upload)
            .build()
            .map_err(|error| Error::Setup { source: cause(error) })?;
        let client = builder(network, tls, limits)?
            .default_headers(headers)
            .timeout(limits.request)
            .pool_max_idle_per_host(MOST_IDLE)
            .build()
            .map_err(|error| Error::Setup { source: cause(error) })?;
        Ok(Self { client, anonymous, base, key, time_limit: limits.request })
    }

    /// The address of the server.
    pub(in crate::api) fn base(&self) -> &Url {
        &self.base
    }

    /// What sends the key along. It must ask nobody but the server's own origin.
    pub(in crate::api) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Sends one request and reads its whole answer. Success is any 2xx, and 304 for a caller that named a version.
    pub(in crate::api) async fn send<B: Serialize>(
        &self,
        call: Call<'_, B>,
    ) -> Result<Answer<'_>, Error> {
        let route = call.route;
        let mut url = route.url(&self.base, call.ids)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = self.client.request(route.method.clone(), url);
        if let Some(version) = call.cached_version {
            let value =
                HeaderValue::from_str(&format!("\"{version}\"")).map_err(|_| Error::Argument {
                    what: "the version",
                    reason: "it is not allowed in a header".into(),
                })?;
            request = request.header(IF_NONE_MATCH, value);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let mut response =
            request.send().await.map_err(|error| failed(route, self.time_limit, error))?;
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED && call.cached_version.is_some() {
            return Ok(Answer { http: self, route, status, body: Vec::new() });
        }
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            return Err(redirected(route, status, response.headers()));
        }
        let retry_after = retry_after(response.headers());
        let body = self.read(route, &mut response, status, LARGEST_ANSWER).await?;
        if status.is_success() {
            return Ok(Answer { http: self, route, status, body });
        }
        Err(refused(route, status, retry_after, failure::read(&body, &[&self.key])))
    }

    /// Puts bytes to an address that carries its own permission. The key stays here.
    pub(in crate::api) async fn put(
        &self,
        route: &'static Route,
        address: Url,
        mime_type: &str,
        body: reqwest::Body,
        length: usize,
    ) -> Result<(), Error> {
        let request = self
            .anonymous
            .put(address)
            .header(CONTENT_TYPE, mime_type)
            .header(CONTENT_LENGTH, length)
            .body(body);
        let mut response =
            request.send().await.map_err(|error| failed(route, self.time_limit, error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(redirected(route, status, response.headers()));
        }
        if status.is_success() {
            return Ok(());
        }
        let retry_after = retry_after(response.headers());
        let body = self.read(route, &mut response, status, LARGEST_ANSWER).await?;
        Err(refused(route, status, retry_after, failure::read_known(&body, &[&self.key])))
    }

    /// Reads the bytes of a file, at most `limit` of them.
    pub(in crate::api) async fn download(
        &self,
        route: &'static Route,
        ids: &[&str],
        limit: u64,
    ) -> Result<Vec<u8>, Error> {
        let request = self.transfer(route, ids, limit)?.header(ACCEPT, "*/*");
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.finish(route, request, limit).await
    }

    /// Sends the bytes of a file.
    pub(in crate::api) async fn upload(
        &self,
        route: &'static Route,
        ids: &[&str],
        bytes: Bytes,
    ) -> Result<(), Error> {
        let size = bytes.len() as u64;
        let request = self.transfer(route, ids, size)?;
        let request = request.header(CONTENT_TYPE, "application/octet-stream").body(bytes);
        self.finish(route, request, LARGEST_ANSWER).await.map(drop)
    }

    /// A request with the time that so many bytes may take.
    fn transfer(
        &self,
        route: &'static Route,
        ids: &[&str],
        size: u64,
    ) -> Result<reqwest::RequestBuilder, Error> {
        let url = route.url(&self.base, ids)?;
        let time = self.time_limit + Duration::from_secs(size / SLOWEST_PACE);
        Ok(self.client.request(route.method.clone(), url).timeout(time))
    }

    async fn finish(
        &self,
        route: &'static Route,
        request: reqwest::RequestBuilder,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        let mut response =
            request.send().await.map_err(|error| failed(route, self.time_limit, error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(redirected(route, status, response.headers()));
        }
        let retry_after = retry_after(response.headers());
        let limit = if status.is_success() { limit } else { LARGEST_ANSWER };
        let body = self.read(route, &mut response, status, limit).await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(refused(route, status, retry_after, failure::read(&body, &[&self.key])))
    }

    /// Reads the body without trusting the length the server states. Of a refusal the beginning is enough.
    async fn read(
        &self,
        route: &'static Route,
        response: &mut reqwest::Response,
        status: StatusCode,
        limit: usize,
    ) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(body),
                // The status says more than the loss of its text.
                Err(_) if !status.is_success() => return Ok(body),
                Err(error) => return Err(failed(route, self.time_limit, error)),
            };
            if body.len() + chunk.len() > limit {
                if status.is_success() {
                    return Err(Error::TooLarge {
                        method: route.method.clone(),
                        path: route.path,
                        limit,
                    });
                }
                return Ok(body);
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// The text without this client's key.
    pub(in crate::api) fn redact(&self, text: &str, more: &[&Secret]) -> String {
        let mut secrets = vec![&self.key];
        secrets.extend_from_slice(more);
        redact(text, &secrets)
    }
}

/// What HTTP requests and sockets have in common.
pub(in crate::api) fn builder(
    network: &Network,
    tls: rustls::ClientConfig,
    limits: &Limits,
) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .user_agent(USER_AGENT)
        .connect_timeout(limits.connect)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30));
    for proxy in network.proxies()? {
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}
