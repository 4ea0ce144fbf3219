//! What every command on wikis needs: its folder, its wiki, its pages, its failure.

use std::env;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::{self, Client, Wiki};
use crate::cli::failure::{Exit, Failure};
use crate::cli::paging::PagingFlags;
use crate::cli::progress;
use crate::error::{Coded, chain};
use crate::organisation::Organisation;
use crate::wiki;
use crate::wiki::workspace::Options;

/// Where the folders are.
#[derive(Debug, Args)]
pub(in crate::cli) struct Place {
    /// Folder that holds one folder a wiki; the current one unless it is given.
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

impl Place {
    pub(super) fn root(&self) -> Result<PathBuf, Failure> {
        let folder = match &self.workspace {
            Some(folder) => folder.clone(),
            None => env::current_dir().map_err(|error| Failure::local_file(error.to_string()))?,
        };
        std::path::absolute(&folder).map_err(|error| Failure::local_file(error.to_string()))
    }
}

/// A wiki by its slug, id or name.
pub(super) async fn find(client: &Client, wiki: &str) -> Result<Wiki, Failure> {
    Ok(Organisation::new(client.clone()).wiki(wiki).await?)
}

/// A page, or all from there on.
pub(super) async fn pages(
    paging: PagingFlags,
    ask: impl AsyncFn(&[(&str, &str)]) -> Result<api::Object, api::Error>,
) -> Result<Value, Failure> {
    let crate::organisation::Paging { limit, mut cursor, all } = paging.into();
    let limit = limit.map(|limit| limit.to_string());
    let mut items = Vec::new();
    loop {
        let mut query = Vec::new();
        query.extend(limit.as_deref().map(|limit| ("limit", limit)));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = Value::Object(ask(&query).await?);
        let next = page["next_cursor"].as_str().map(str::to_owned);
        if !all {
            return Ok(page);
        }
        if let Some(data) = page["data"].as_array_mut() {
            items.append(data);
        }
        let goes_on = page["has_more"] == true && next.is_some() && next != cursor;
        if !goes_on || items.len() > 100_000 {
            return Ok(json!({ "data": items, "has_more": false }));
        }
        cursor = next;
    }
}

pub(super) fn settings(slug: &str) -> Options {
    Options { progress: progress::of_files(slug), ..Options::default() }
}

pub(super) fn document(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

impl From<wiki::Error> for Failure {
    fn from(error: wiki::Error) -> Self {
        use wiki::Error;
        let exit = match &error {
            Error::Api(_) => {
                return match error {
                    Error::Api(error) => error.into(),
                    other => Self::usage(other.to_string()),
                };
            }
            Error::Content { .. } | Error::Answer { .. } => Exit::Network,
            Error::StaleGeneration { .. } => Exit::Refused,
            Error::UnknownOutcome { .. } => Exit::Unknown,
            Error::NotSynced { .. }
            | Error::NoChanges
            | Error::NoPage { .. }
            | Error::NotText { .. }
            | Error::Conflicts { .. }
            | Error::Unsuitable { .. } => Exit::Usage,
            Error::File { .. }
            | Error::Memory { .. }
            | Error::Version { .. }
            | Error::Locked { .. }
            | Error::Mount { .. }
            | Error::Busy { .. }
            | Error::BrokenOff => Exit::LocalFile,
        };
        Self::new(exit, error.code(), chain(&error))
    }
}
