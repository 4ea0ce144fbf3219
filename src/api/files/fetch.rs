//! The bytes of a file, streamed to whoever keeps them.

use std::error::Error as _;
use std::time::Duration;

use http::header::{ACCEPT, LOCATION};
use reqwest::Response;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use url::Url;

use super::error::FileError;
use super::public::NotPublic;
use super::way::{self, Way};
use crate::api::client::Client;
use crate::api::http::fault::retry_after;
use crate::api::http::network::cause;
use crate::api::http::request::SLOWEST_PACE;

/// How often a file may be redirected.
const MOST_REDIRECTS: usize = 5;

/// A file that the server named.
#[derive(Debug, Clone, Copy)]
pub struct RemoteFile<'call> {
    /// Where it is, as the server says; relative to the server.
    pub address: &'call str,
    /// Its length in bytes, where the server says.
    pub size: Option<u64>,
    /// Most bytes that are taken.
    pub limit: u64,
    /// Hosts to which other hosts may lead on, see [`super::host_name`].
    pub hosts: &'call [String],
}

impl Client {
    /// Fetches a file, writes it to `into`, and returns its length. The key goes to the server's own origin alone; other hosts have
    /// to be public. Nothing is decompressed. What is in `into` after an error is a part of the file at best.
    ///
    /// The time limit follows the length, and grows by a second for each 64 KiB.
    pub async fn fetch_file(
        &self,
        file: &RemoteFile<'_>,
        into: &mut (dyn AsyncWrite + Send + Unpin),
    ) -> Result<u64, FileError> {
        let size = file.size.unwrap_or(file.limit);
        if size > file.limit {
            return Err(FileError::TooLarge { limit: file.limit });
        }
        let after = self.limits().request + Duration::from_secs(size / SLOWEST_PACE);
        timeout(after, self.transfer(file, into, after))
            .await
            .unwrap_or(Err(FileError::Slow { after }))
    }

    async fn transfer(
        &self,
        file: &RemoteFile<'_>,
        into: &mut (dyn AsyncWrite + Send + Unpin),
        time: Duration,
    ) -> Result<u64, FileError> {
        let response = self.follow(file, time).await?;
        let length = save(response, file.limit, self.limits().request, into).await?;
        match file.size {
            Some(announced) if announced != length => {
                Err(FileError::WrongLength { announced, got: length })
            }
            _ => Ok(length),
        }
    }

    /// The answer that holds the file, at the end of all redirects.
    async fn follow(&self, file: &RemoteFile<'_>, time: Duration) -> Result<Response, FileError> {
        let unusable = |_| FileError::Address { reason: "cannot be read" };
        let mut at = self.http().base().join(file.address).map_err(unusable)?;
        let mut from = None;
        for _ in 0..=MOST_REDIRECTS {
            let way = way::check(self.http().base(), file.hosts, from.as_ref(), &at)?;
            let response = self.ask(way, &at, time).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).filter(|_| status.is_redirection());
            let Some(location) = location else {
                return Err(FileError::Status {
                    host: way::shown(&at),
                    status: status.as_u16(),
                    retry_after: retry_after(response.headers()),
                });
            };
            let location = location.to_str().ok();
            let location = location.ok_or(FileError::Address { reason: "cannot be read" })?;
            let next = at.join(location).map_err(unusable)?;
            from = Some(std::mem::replace(&mut at, next));
        }
        Err(FileError::Redirects { limit: MOST_REDIRECTS })
    }

    async fn ask(&self, way: Way, at: &Url, time: Duration) -> Result<Response, FileError> {
        let host = at.host_str().unwrap_or_default();
        let client = match way {
            Way::Foreign if self.foreign().is_proxy(host) => {
                return Err(FileError::Private { host: way::shown(at) });
            }
            Way::Own => self.http().client(),
            Way::Foreign => self.foreign().client().map_err(|error| FileError::Connect {
                host: way::shown(at),
                source: Box::new(error),
            })?,
        };
        // Instead of the client's own limit, and after that of the caller, which has words for it.
        let request = client.get(at.clone()).header(ACCEPT, "*/*").timeout(time * 2);
        let after = self.limits().request;
        match timeout(after, request.send()).await {
            Ok(answer) => answer.map_err(|error| lost(at, error)),
            Err(_) => Err(FileError::Stalled { host: way::shown(at), after }),
        }
    }
}

/// Writes a body of at most `limit` bytes, of which some come in each time of `after`.
async fn save(
    mut response: Response,
    limit: u64,
    after: Duration,
    into: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<u64, FileError> {
    let at = response.url().clone();
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(FileError::TooLarge { limit });
    }
    let mut length = 0;
    loop {
        let chunk = match timeout(after, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => return Err(lost(&at, error)),
            Err(_) => return Err(FileError::Stalled { host: way::shown(&at), after }),
        };
        length += chunk.len() as u64;
        if length > limit {
            return Err(FileError::TooLarge { limit });
        }
        into.write_all(&chunk).await?;
    }
    into.flush().await?;
    Ok(length)
}

fn lost(at: &Url, error: reqwest::Error) -> FileError {
    let host = way::shown(at);
    let mut found = error.source();
    while let Some(source) = found {
        if source.is::<NotPublic>() {
            return FileError::Private { host };
        }
        found = source.source();
    }
    if error.is_connect() {
        FileError::Connect { host, source: cause(error) }
    } else {
        FileError::Interrupted { host, source: cause(error) }
    }
}
