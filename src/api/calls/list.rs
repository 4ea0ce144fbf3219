//! Lists that come in pages.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::client::Client;
use crate::api::error::Error;
use crate::api::http::request::{Answer, Call};
use crate::api::wire;
use crate::api::wire::lenient::null_as_default;

/// Bytes after which no further page of a list is read: 400 pages of ordinary dispatches have 6 MB.
const LARGEST_LIST: usize = 64 * 1024 * 1024;
/// Longest cursor that is sent back, in bytes.
const LONGEST_CURSOR: usize = 2048;

/// A page of a list.
#[derive(Deserialize)]
pub(in crate::api) struct Page {
    pub(in crate::api) data: Vec<Box<RawValue>>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(in crate::api) has_more: bool,
    #[serde(default)]
    next_cursor: Option<String>,
}

impl Page {
    /// What to ask for the next page with.
    pub(in crate::api) fn next_cursor(&self) -> Option<&str> {
        let cursor = self.next_cursor.as_deref();
        cursor.filter(|cursor| !cursor.is_empty() && cursor.len() <= LONGEST_CURSOR)
    }
}

impl Client {
    /// Walks a paged list. A cursor that is missing, too long or comes again ends it, whatever `has_more` says, and so does a
    /// page after which the list has more than [`LARGEST_LIST`] bytes; what was read until then counts.
    pub(in crate::api) async fn list<T: for<'de> Deserialize<'de>>(
        &self,
        route: &'static wire::Route,
        ids: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor = String::new();
        let mut bytes = 0;
        for _ in 0..wire::MOST_PAGES {
            let mut query = query.to_vec();
            if !cursor.is_empty() {
                query.push(("cursor", &cursor));
            }
            let answer = self.http().send(Call::to(route, ids).query(&query)).await?;
            let page: Page = answer.json()?;
            items.extend(read_items(&answer, &page.data)?);
            bytes += answer.size();
            match page.next_cursor() {
                Some(next)
                    if page.has_more && bytes < LARGEST_LIST && seen.insert(next.to_owned()) =>
                {
                    next.clone_into(&mut cursor);
                }
                _ => break,
            }
        }
        Ok(items)
    }
}

/// The items of a list that can be read; an error when there are items and none can.
pub(in crate::api) fn read_items<T: for<'de> Deserialize<'de>>(
    answer: &Answer<'_>,
    items: &[Box<RawValue>],
) -> Result<Vec<T>, Error> {
    let mut readable = Vec::with_capacity(items.len());
    let mut last_error = None;
    for item in items {
        match serde_json::from_str(item.get()) {
            Ok(item) => readable.push(item),
            Err(error) => last_error = Some(error),
        }
    }
    match last_error {
        Some(error) if readable.is_empty() => {
            Err(answer.malformed(&format!("no item of the list can be read: {error}")))
        }
        _ => Ok(readable),
    }
}
