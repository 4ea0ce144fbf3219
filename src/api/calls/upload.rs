//! A file on its way to a message: announce, put, complete.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use url::Url;

use crate::api::client::Client;
use crate::api::error::Error;
use crate::api::http::request::Call;
use crate::api::wire::organisation as wire;

/// Bytes that are handed to the connection at once; progress is reported between them.
const CHUNK: usize = 64 * 1024;

/// A file to upload.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// As people see it.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// Its contents. A copy shares them.
    pub bytes: Bytes,
}

/// A file on this machine to upload.
#[derive(Debug)]
pub struct LocalFile {
    /// As people see it.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// Its length in bytes.
    pub size: usize,
    /// Its contents, from the beginning.
    pub file: File,
}

/// Where the bytes of an announced file go.
#[derive(Deserialize)]
struct Presigned {
    attachment_id: String,
    upload_url: String,
}

impl Client {
    /// Uploads a file and returns the id that a message names it by. A repeated call makes another upload, which nobody sees.
    /// `progress` hears how many bytes have gone to the connection so far.
    pub async fn upload(
        &self,
        file: &NewFile,
        progress: impl Fn(usize) + Send + Sync + 'static,
    ) -> Result<String, Error> {
        let body = chunks(file.bytes.clone(), progress);
        self.announce_and_put(&file.name, &file.mime_type, file.bytes.len(), body).await
    }

    /// The same for a file of this machine, of which only a piece is in memory at a time.
    pub async fn upload_file(&self, file: LocalFile) -> Result<String, Error> {
        let LocalFile { name, mime_type, size, file } = file;
        self.announce_and_put(&name, &mime_type, size, pieces(file, size)).await
    }

    async fn announce_and_put(
        &self,
        file_name: &str,
        mime_type: &str,
        size: usize,
        body: reqwest::Body,
    ) -> Result<String, Error> {
        let ids = [self.org_id()];
        let announced = wire::PresignBody { file_name, file_size: size, mime_type };
        let answer = self.http().send(Call::to(&wire::PRESIGN, &ids).body(announced)).await?;
        let Presigned { attachment_id, upload_url } = answer.json()?;
        let address = Url::parse(&upload_url)
            .ok()
            .filter(|address| matches!(address.scheme(), "http" | "https"))
            .ok_or_else(|| answer.malformed("upload_url is not an address"))?;
        self.http().put(&wire::UPLOAD, address, mime_type, body, size).await?;
        let complete = wire::CompleteBody { attachment_id: &attachment_id };
        self.http().send(Call::to(&wire::UPLOAD_COMPLETE, &ids).body(complete)).await?;
        Ok(attachment_id)
    }
}

/// So many bytes of a file. One that is shorter by now is an error.
fn pieces(file: File, size: usize) -> reqwest::Body {
    let stream = stream::unfold((file, size), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let mut piece = vec![0; left.min(CHUNK)];
        let read = match file.read(&mut piece).await {
            Ok(0) => Err(io::Error::from(ErrorKind::UnexpectedEof)),
            other => other,
        };
        match read {
            Ok(length) => {
                piece.truncate(length);
                Some((Ok(Bytes::from(piece)), (file, left - length)))
            }
            Err(error) => Some((Err(error), (file, 0))),
        }
    });
    reqwest::Body::wrap_stream(stream)
}

fn chunks(bytes: Bytes, progress: impl Fn(usize) + Send + Sync + 'static) -> reqwest::Body {
    let all = bytes.len();
    let stream = stream::unfold((bytes, progress), move |(mut rest, progress)| async move {
        if rest.is_empty() {
            return None;
        }
        let chunk = rest.split_to(rest.len().min(CHUNK));
        progress(all - rest.len());
        Some((Ok::<_, std::convert::Infallible>(chunk), (rest, progress)))
    });
    reqwest::Body::wrap_stream(stream)
}
