//! A file on its way to a message: announce, put, complete.

use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
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
        let ids = [self.org_id()];
        let body = wire::PresignBody {
            file_name: &file.name,
            file_size: file.bytes.len(),
            mime_type: &file.mime_type,
        };
        let answer = self.http().send(Call::to(&wire::PRESIGN, &ids).body(body)).await?;
        let Presigned { attachment_id, upload_url } = answer.json()?;
        let address = Url::parse(&upload_url)
            .ok()
            .filter(|address| matches!(address.scheme(), "http" | "https"))
            .ok_or_else(|| answer.malformed("upload_url is not an address"))?;
        let body = chunks(file.bytes.clone(), progress);
        self.http().put(&wire::UPLOAD, address, &file.mime_type, body, file.bytes.len()).await?;
        let body = wire::CompleteBody { attachment_id: &attachment_id };
        self.http().send(Call::to(&wire::UPLOAD_COMPLETE, &ids).body(body)).await?;
        Ok(attachment_id)
    }
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
