//! Pages of lists, one or all.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Organisation;
use super::error::Error;
use super::object::text;
use crate::api::{self, Client, Object, ObjectPage, Query};

/// Most items a page, for the lists that are known.
pub const LARGEST_PAGE: u32 = 200;
/// Pages that are read at most when all are wanted.
const MOST_PAGES: usize = 500;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct Paging {
    /// Most items a page; the server's own number when left out.
    pub limit: Option<u32>,
    /// Where to continue, as the page before said.
    pub cursor: Option<String>,
    /// Every page from there on.
    pub all: bool,
}

impl Paging {
    /// The whole list.
    pub fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// The first items.
    pub fn first(limit: u32) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    /// The items, as the server sorts them.
    pub items: Vec<Object>,
    /// Whether there are more.
    pub has_more: bool,
    /// The cursor of the next page.
    pub next_cursor: Option<String>,
}

impl List {
    /// As Parall itself writes lists.
    pub fn into_json(self) -> Value {
        let mut json = json!({ "data": self.items, "has_more": self.has_more });
        if let Some(cursor) = self.next_cursor {
            json["next_cursor"] = Value::String(cursor);
        }
        json
    }
}

impl From<ObjectPage> for List {
    fn from(ObjectPage { items, has_more, next_cursor }: ObjectPage) -> Self {
        Self { items, has_more, next_cursor }
    }
}

/// The lists that come in pages.
#[derive(Debug, Clone, Copy)]
pub(super) enum PagedList<'a> {
    Chats,
    MemberChats(&'a str),
    Messages(&'a str),
    Replies(&'a str),
    Tasks,
    Comments(&'a str),
}

impl PagedList<'_> {
    async fn page(self, client: &Client, query: &Query<'_>) -> Result<ObjectPage, api::Error> {
        match self {
            Self::Chats => client.chat_page(query).await,
            Self::MemberChats(user) => client.member_chat_page(user, query).await,
            Self::Messages(chat) => client.message_objects(chat, query).await,
            Self::Replies(message) => client.replies(message, query).await,
            Self::Tasks => client.tasks(query).await,
            Self::Comments(task) => client.comment_page(task, query).await,
        }
    }

    /// The parameter that a cursor travels in.
    fn cursor_parameter(self) -> &'static str {
        match self {
            Self::Messages(_) | Self::Replies(_) => "before",
            _ => "cursor",
        }
    }

    /// What leads to the next page. Lists of messages go back in time, and where the server names no cursor, that is the id of
    /// the oldest message.
    fn next(self, page: &ObjectPage) -> Option<String> {
        if !page.has_more {
            return None;
        }
        let oldest = || {
            let items = page.items.iter().filter(|item| match self {
                Self::Replies(root) => text(item, "id") != Some(root),
                _ => true,
            });
            let time = |item: &&Object| api::moment(text(item, "created_at").unwrap_or_default());
            items.min_by_key(time).and_then(|item| text(item, "id")).map(str::to_owned)
        };
        match self {
            Self::Messages(_) | Self::Replies(_) => page.next_cursor.clone().or_else(oldest),
            _ => page.next_cursor.clone(),
        }
    }
}

impl Organisation {
    /// Reads a page of a list, or all from there on. A cursor that comes again ends it, whatever the server says.
    pub(super) async fn list(
        &self,
        source: PagedList<'_>,
        paging: &Paging,
        filters: &[(&str, &str)],
    ) -> Result<List, Error> {
        let limit =
            paging.limit.or(paging.all.then_some(LARGEST_PAGE)).map(|limit| limit.to_string());
        let mut cursor = paging.cursor.clone();
        let mut seen: HashSet<String> = cursor.iter().cloned().collect();
        let mut list = List::default();
        for _ in 0..if paging.all { MOST_PAGES } else { 1 } {
            let mut query = filters.to_vec();
            query.extend(limit.as_deref().map(|limit| ("limit", limit)));
            query.extend(cursor.as_deref().map(|cursor| (source.cursor_parameter(), cursor)));
            let page = self.read(|| source.page(self.client(), &query)).await?;
            let next = source.next(&page);
            list.has_more = page.has_more;
            list.items.extend(page.items);
            list.next_cursor = next;
            match &list.next_cursor {
                Some(next) if seen.insert(next.clone()) => cursor = Some(next.clone()),
                _ => {
                    // A cursor that led here already leads nowhere.
                    list.next_cursor = None;
                    break;
                }
            }
        }
        Ok(list)
    }
}
