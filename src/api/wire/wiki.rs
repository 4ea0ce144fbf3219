//! The wiki's paths and fields. **Choice**, all of it: nothing about the wiki over HTTP is public. It follows the style of the
//! known routes: bare objects, lists as `{data, has_more, next_cursor}`, 201 for what is made and 200 for what is changed.
//!
//! `{wiki}` takes the id or the slug. Paths of pages travel in the query or the body, never in the path.

use http::Method;
use serde::Serialize;

use super::Route;

/// The wikis of the organisation, a paged list.
pub(in crate::api) const WIKIS: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis" };
/// One wiki, with `version`, its head.
pub(in crate::api) const WIKI: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis/{wiki}" };
/// Files of a wiki, a paged list with `version`: those below a path, or the one at it.
pub(in crate::api) const TREE: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis/{wiki}/tree" };
/// The bytes with this SHA-256.
pub(in crate::api) const BLOB: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis/{wiki}/blobs/{hash}" };
/// Stores bytes under their SHA-256; safe to repeat.
pub(in crate::api) const STORE_BLOB: Route =
    Route { method: Method::PUT, path: "/api/v1/orgs/{org}/wikis/{wiki}/blobs/{hash}" };
/// Proposed changes, newest first, a paged list.
pub(in crate::api) const CHANGESETS: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis/{wiki}/changesets" };
/// Proposes changes.
pub(in crate::api) const CREATE_CHANGESET: Route =
    Route { method: Method::POST, path: "/api/v1/orgs/{org}/wikis/{wiki}/changesets" };
/// One changeset.
pub(in crate::api) const CHANGESET: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis/{wiki}/changesets/{changeset}" };
/// Proposes a changeset anew. An old generation is answered 409 [`STALE_GENERATION`].
pub(in crate::api) const UPDATE_CHANGESET: Route =
    Route { method: Method::PATCH, path: "/api/v1/orgs/{org}/wikis/{wiki}/changesets/{changeset}" };
/// What a changeset changes, as unified diffs.
pub(in crate::api) const CHANGESET_DIFF: Route = Route {
    method: Method::GET,
    path: "/api/v1/orgs/{org}/wikis/{wiki}/changesets/{changeset}/diff",
};
/// What happened to a wiki, newest first, a paged list.
pub(in crate::api) const LOG: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/wikis/{wiki}/log" };

/// The server's code for a changeset that somebody changed meanwhile.
pub(in crate::api) const STALE_GENERATION: &str = "STALE_GENERATION";
/// Items a page of a tree.
pub(in crate::api) const TREE_PAGE: &str = "200";

/// What happens to one path of a changeset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A new file.
    Add,
    /// New contents.
    Modify,
    /// The file goes.
    Delete,
}

/// One path of a changeset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path below the wiki.
    pub path: String,
    /// What happens to it.
    pub action: Action,
    /// SHA-256 of the new contents, which have to be stored before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// SHA-256 of the contents that the change was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_hash: Option<String>,
}

/// Body of [`CREATE_CHANGESET`] and, with a generation, of [`UPDATE_CHANGESET`].
#[derive(Serialize)]
pub(in crate::api) struct ChangesetBody<'a> {
    /// Absent keeps the title there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) generation: Option<u64>,
    pub(in crate::api) base_version: &'a str,
    pub(in crate::api) changes: &'a [Change],
}
