//! What `parall_read` takes.

use serde::Deserialize;

use crate::organisation::{LARGEST_PAGE, Paging};

/// Items a page where the model does not say.
const USUAL_PAGE: u32 = 30;

/// What it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    pub(super) what: What,
    #[serde(default)]
    pub(super) of: Option<String>,
    #[serde(default)]
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) changeset: Option<String>,
    #[serde(default)]
    pub(super) query: Option<String>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) assignee: Option<String>,
    #[serde(default)]
    pub(super) limit: Option<u32>,
    #[serde(default)]
    pub(super) cursor: Option<String>,
    #[serde(default)]
    pub(super) offset: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Me,
    People,
    Person,
    Chats,
    ChatMembers,
    Messages,
    Message,
    Thread,
    Tasks,
    Task,
    Projects,
    Wikis,
    Wiki,
    WikiPage,
    WikiSearch,
    Changesets,
}

impl Read {
    /// The page of a list that is wanted.
    pub(super) fn paging(&self) -> Paging {
        let limit = self.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
        Paging { limit: Some(limit), cursor: self.cursor.clone(), all: false }
    }
}
