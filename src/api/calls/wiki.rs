//! The wiki: trees, pages by their hash, changesets.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::list::{Page, read_items};
use super::objects::Object;
use crate::api::client::Client;
use crate::api::error::Error;
use crate::api::http::request::{Answer, Call};
use crate::api::wire::lenient::{optional_text, text, whole_number};
use crate::api::wire::wiki::{self as wire, Change};

/// Largest page or file of a wiki, in bytes.
pub const LARGEST_WIKI_FILE: u64 = 25 * 1024 * 1024;

/// A wiki.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiki {
    /// `wik_...`
    pub id: String,
    /// The name in commands and the name of its folder.
    #[serde(default, deserialize_with = "text")]
    pub slug: String,
    /// Name as people see it.
    #[serde(default, deserialize_with = "optional_text")]
    pub name: Option<String>,
    /// What it is about.
    #[serde(default, deserialize_with = "optional_text")]
    pub description: Option<String>,
    /// Who may read it.
    #[serde(default)]
    pub visibility: Option<String>,
    /// The newest version, opaque.
    #[serde(default, deserialize_with = "text")]
    pub version: String,
    /// When it last changed; RFC 3339, UTC.
    #[serde(default)]
    pub updated_at: Option<String>,
}

/// An entry of a wiki's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeItem {
    /// Path below the wiki, with `/`.
    pub path: String,
    /// `file` or `directory`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes of a file.
    #[serde(default, deserialize_with = "whole_number")]
    pub size: Option<u64>,
    /// SHA-256 of a file's bytes, hexadecimal.
    #[serde(default)]
    pub hash: Option<String>,
    /// When it last changed; RFC 3339, UTC.
    #[serde(default)]
    pub updated_at: Option<String>,
    /// Who changed it last.
    #[serde(default)]
    pub updated_by: Option<String>,
}

/// A page of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePage {
    /// The entries.
    pub items: Vec<TreeItem>,
    /// The version that all of them are of.
    pub version: String,
    /// How to continue, where there is more.
    pub next_cursor: Option<String>,
}

/// The `version` beside the items of a tree.
#[derive(Deserialize)]
struct TreeVersion {
    #[serde(default, deserialize_with = "text")]
    version: String,
}

impl Client {
    /// All wikis that the caller may read.
    pub async fn wikis(&self) -> Result<Vec<Wiki>, Error> {
        self.list(&wire::WIKIS, &[self.org_id()], &[("limit", wire::TREE_PAGE)]).await
    }

    /// One wiki, by id or slug.
    pub async fn wiki(&self, wiki: &str) -> Result<Wiki, Error> {
        self.http().send(Call::to(&wire::WIKI, &[self.org_id(), wiki])).await?.json()
    }

    /// A page of a wiki's tree: what is below `path`, or everything with an empty one. Without `version` the newest.
    pub async fn wiki_tree_page(
        &self,
        wiki: &str,
        path: &str,
        recursive: bool,
        version: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<TreePage, Error> {
        let mut query = vec![("limit", wire::TREE_PAGE)];
        query.extend([("recursive", "true")].into_iter().filter(|_| recursive));
        query.extend([("path", path)].into_iter().filter(|_| !path.is_empty()));
        query.extend(version.map(|version| ("version", version)));
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let ids = [self.org_id(), wiki];
        let answer = self.http().send(Call::to(&wire::TREE, &ids).query(&query)).await?;
        let page: Page = answer.json()?;
        let TreeVersion { version } = answer.json()?;
        // Left-out entries would look like deleted pages.
        let items = every_item(&answer, &page)?;
        let next_cursor = page.next_cursor().filter(|_| page.has_more).map(str::to_owned);
        if page.has_more && next_cursor.is_none() {
            return Err(answer.malformed("it says that there is more and not how to get it"));
        }
        Ok(TreePage { items, version, next_cursor })
    }

    /// The bytes with this hash, at most `limit` of them. Whether they have this hash is for the caller to check.
    pub async fn wiki_blob(&self, wiki: &str, hash: &str, limit: u64) -> Result<Vec<u8>, Error> {
        self.http().download(&wire::BLOB, &[self.org_id(), wiki, hash], limit).await
    }

    /// Stores bytes under their hash. Safe to repeat.
    pub async fn store_wiki_blob(&self, wiki: &str, hash: &str, bytes: Bytes) -> Result<(), Error> {
        self.http().upload(&wire::STORE_BLOB, &[self.org_id(), wiki, hash], bytes).await
    }

    /// Proposes changes. The server has no key against doubles: after an error without [`Error::nothing_done`], look at
    /// [`Client::wiki_changesets`] before trying again.
    pub async fn create_wiki_changeset(
        &self,
        wiki: &str,
        title: &str,
        base_version: &str,
        changes: &[Change],
    ) -> Result<Object, Error> {
        let body =
            wire::ChangesetBody { title: Some(title), generation: None, base_version, changes };
        let ids = [self.org_id(), wiki];
        self.http().send(Call::to(&wire::CREATE_CHANGESET, &ids).body(body)).await?.json()
    }

    /// Proposes a changeset anew, with its title unless there is another. `generation` is the one that the caller has seen.
    pub async fn update_wiki_changeset(
        &self,
        wiki: &str,
        changeset: &str,
        generation: u64,
        title: Option<&str>,
        base_version: &str,
        changes: &[Change],
    ) -> Result<Object, Error> {
        let body =
            wire::ChangesetBody { title, generation: Some(generation), base_version, changes };
        let ids = [self.org_id(), wiki, changeset];
        self.http().send(Call::to(&wire::UPDATE_CHANGESET, &ids).body(body)).await?.json()
    }

    /// A page of the changesets, newest first: `{data, has_more, next_cursor}`.
    pub async fn wiki_changesets(
        &self,
        wiki: &str,
        query: &[(&str, &str)],
    ) -> Result<Object, Error> {
        let ids = [self.org_id(), wiki];
        self.http().send(Call::to(&wire::CHANGESETS, &ids).query(query)).await?.json()
    }

    /// One changeset.
    pub async fn wiki_changeset(&self, wiki: &str, changeset: &str) -> Result<Object, Error> {
        let ids = [self.org_id(), wiki, changeset];
        self.http().send(Call::to(&wire::CHANGESET, &ids)).await?.json()
    }

    /// What a changeset changes.
    pub async fn wiki_changeset_diff(&self, wiki: &str, changeset: &str) -> Result<Object, Error> {
        let ids = [self.org_id(), wiki, changeset];
        self.http().send(Call::to(&wire::CHANGESET_DIFF, &ids)).await?.json()
    }

    /// A page of what happened to a wiki, newest first: `{data, has_more, next_cursor}`.
    pub async fn wiki_log(&self, wiki: &str, query: &[(&str, &str)]) -> Result<Object, Error> {
        let ids = [self.org_id(), wiki];
        self.http().send(Call::to(&wire::LOG, &ids).query(query)).await?.json()
    }
}

impl Error {
    /// Whether the server refused because somebody changed the changeset meanwhile.
    pub fn is_stale_generation(&self) -> bool {
        matches!(self, Self::Status { error_code: Some(code), .. } if code == wire::STALE_GENERATION)
    }
}

fn every_item(answer: &Answer<'_>, page: &Page) -> Result<Vec<TreeItem>, Error> {
    let items: Vec<TreeItem> = read_items(answer, &page.data)?;
    if items.len() == page.data.len() {
        return Ok(items);
    }
    Err(answer.malformed("an entry of the tree cannot be read"))
}
