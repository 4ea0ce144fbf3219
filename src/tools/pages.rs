//! What a wiki holds, for `parall_read`: its pages, a page, a search, its changesets.

use std::fmt::Write;

use serde_json::Value;

use super::Tools;
use super::answer::{LONGEST, Names, ROOM, field, list, named, object, window};
use super::error::Error;
use super::query::Read;
use crate::api::Object;
use crate::organisation::{List, text};
use crate::text::one_line;
use crate::wiki::propose::{PageText, read_page};
use crate::wiki::search as core;

/// Most characters of a path that an answer repeats.
const LONGEST_PATH: usize = 1024;
/// Digits of a page's hash that tell its versions apart.
const HASH_DIGITS: usize = 16;

pub(super) async fn wikis(tools: &Tools) -> Result<String, Error> {
    let wikis = tools.organisation.wikis().await?;
    let lines = wikis.iter().map(|wiki| {
        let about = one_line(wiki.description.as_deref().unwrap_or_default(), 200);
        let name = named(wiki.name.as_deref().unwrap_or_default(), &wiki.id);
        format!("{}: {name} {about}", shown(&wiki.slug)).trim_end().to_owned()
    });
    Ok(fitting("Wikis:", lines, "ask for one by its name"))
}

/// The paths of a wiki, or of a folder in it.
pub(super) async fn tree(tools: &Tools, wiki: &str, read: &Read) -> Result<String, Error> {
    let wiki = tools.organisation.wiki(wiki).await?;
    let folder = path_of(read).unwrap_or_default();
    let client = tools.organisation.client();
    let cursor = read.cursor.as_deref();
    // A cursor belongs to the version that it was given for.
    let (version, cursor) = match cursor.map(|cursor| cursor.split_once('/')) {
        Some(Some((version, cursor))) => (Some(version), Some(cursor)),
        Some(None) => {
            let reason = "the cursor is not one of this list".to_owned();
            return Err(Error::Parameters { reason });
        }
        None => (None, None),
    };
    let page = client.wiki_tree_page(&wiki.id, folder, true, version, cursor);
    let page = page.await.map_err(crate::wiki::Error::from)?;
    let next_cursor = page.next_cursor.map(|cursor| format!("{}/{cursor}", page.version));
    let files = page.items.iter().filter(|item| item.kind == "file");
    let mut lines: Vec<_> = files
        .map(|item| format!("{} ({} bytes)", shown(&item.path), item.size.unwrap_or_default()))
        .collect();
    lines.extend(
        next_cursor.map(|cursor| format!("(there are more: cursor {})", one_line(&cursor, 300))),
    );
    let heading = format!("Pages of {} (version {}):", shown(&wiki.slug), shown(&page.version));
    Ok(fitting(&heading, lines.into_iter(), "ask with a folder as path"))
}

/// A page. Everything below the first line is the page, as it is: an edit quotes it exactly.
pub(super) async fn page(tools: &Tools, wiki: &str, read: &Read) -> Result<String, Error> {
    let purpose = "the page's path in the wiki";
    let path = path_of(read).ok_or(Error::Missing { parameter: "path", purpose })?;
    let wiki = tools.organisation.wiki(wiki).await?;
    let page = read_page(tools.organisation.client(), &wiki.id, path, None).await?;
    Ok(page_text(&wiki.slug, &page, read.offset))
}

fn page_text(slug: &str, page: &PageText, offset: usize) -> String {
    let length = page.text.chars().count();
    let mut heading = format!(
        "Page {} of {}, hash {}, {length} characters",
        shown(&page.path),
        shown(slug),
        short(&page.hash)
    );
    let room = LONGEST.saturating_sub(heading.chars().count() + ROOM);
    let part: String = page.text.chars().skip(offset).take(room).collect();
    let end = offset.saturating_add(part.chars().count());
    // Writing to a String cannot fail.
    if offset > 0 {
        let _ = write!(heading, ", from character {offset} on");
    }
    if end < length {
        let _ = write!(heading, ", cut: continue with offset {end}");
    }
    format!("{heading}. All below this line is the page.\n{part}")
}

/// The lines that hold a text.
pub(super) async fn search(tools: &Tools, wiki: &str, read: &Read) -> Result<String, Error> {
    let purpose = "the text to look for";
    let query = read.query.as_deref().map(str::trim).filter(|query| !query.is_empty());
    let query = query.ok_or(Error::Missing { parameter: "query", purpose })?;
    let wiki = tools.organisation.wiki(wiki).await?;
    let folder = path_of(read).unwrap_or_default();
    let found = core::search(tools.organisation.client(), &wiki.id, folder, query).await?;
    let mut heading = format!("Found in {} pages of {}", found.searched, shown(&wiki.slug));
    if found.left_out > 0 {
        let _ = write!(heading, "; {} were too large or too many to look into", found.left_out);
    }
    if found.is_cut {
        heading.push_str("; there may be more: search for something rarer, or in a folder by path");
    }
    let lines = found.hits.iter().map(|hit| match hit.line {
        0 => format!("{} (its path)", shown(&hit.path)),
        line => format!("{}:{line}: {}", shown(&hit.path), hit.text),
    });
    Ok(fitting(&format!("{heading}:"), lines, "search for something rarer, or in a folder by path"))
}

/// The changesets of a wiki, or one with its feedback and what it changes.
pub(super) async fn changesets(tools: &Tools, wiki: &str, read: &Read) -> Result<String, Error> {
    let wiki = tools.organisation.wiki(wiki).await?;
    let client = tools.organisation.client();
    let names = tools.names().await;
    let Some(id) = &read.changeset else {
        let limit = read.limit.unwrap_or(30).clamp(1, 200).to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(read.cursor.as_deref().map(|cursor| ("cursor", cursor)));
        query.extend(read.status.as_deref().map(|status| ("status", status)));
        let asked = client.wiki_changesets(&wiki.id, &query).await;
        let page = asked.map_err(crate::wiki::Error::from)?;
        let heading = format!("Changesets of {}, the newest first:", shown(&wiki.slug));
        return Ok(list(&heading, &listed(page), |one| changeset(one, &names)));
    };
    let shown = client.wiki_changeset(&wiki.id, id).await.map_err(crate::wiki::Error::from)?;
    let diff = client.wiki_changeset_diff(&wiki.id, id).await.map_err(crate::wiki::Error::from)?;
    let mut all = object(&shown, &names, 0);
    for patch in diff.get("data").and_then(Value::as_array).into_iter().flatten() {
        all.push_str(patch["patch"].as_str().unwrap_or_default());
    }
    Ok(window(&all, read.offset))
}

fn listed(mut page: Object) -> List {
    let items = match page.remove("data") {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let objects = items.into_iter().filter_map(|item| match item {
        Value::Object(object) => Some(object),
        _ => None,
    });
    let has_more = page.get("has_more") == Some(&Value::Bool(true));
    let next_cursor = text(&page, "next_cursor").filter(|_| has_more).map(str::to_owned);
    List { items: objects.collect(), has_more, next_cursor }
}

/// A changeset on one line, such as `Fix names (chg_1), open, by Robin (usr_agent): modify a.md (+1 -1)`.
pub(super) fn changeset(one: &Object, names: &Names) -> String {
    let name = named(&field(one, "title"), &field(one, "id"));
    let author = names.with_id(&field(one, "author_id"));
    let files = one.get("files").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut changes: Vec<_> = files
        .iter()
        .take(20)
        .map(|file| {
            let [action, path] = ["action", "path"].map(|key| file[key].as_str().unwrap_or("?"));
            format!("{} {}", one_line(action, 20), shown(path))
        })
        .collect();
    if files.len() > changes.len() {
        changes.push(format!("{} more", files.len() - changes.len()));
    }
    format!("{name}, {}, by {author}: {}", field(one, "status"), changes.join(", "))
}

/// A path as the model wrote it, without the slashes around it.
fn path_of(read: &Read) -> Option<&str> {
    read.path.as_deref().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty())
}

/// A path or slug of others on one line.
pub(super) fn shown(path: &str) -> String {
    one_line(path, LONGEST_PATH)
}

/// As much of a page's hash as an answer shows.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..HASH_DIGITS).unwrap_or(hash)
}

/// The lines that fit, and what to do about the rest.
fn fitting(heading: &str, lines: impl Iterator<Item = String>, advice: &str) -> String {
    let mut answer = format!("{heading}\n");
    let mut length = answer.chars().count();
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        answer.push_str("(none)\n");
    }
    while let Some(line) = lines.next() {
        length += line.chars().count() + 1;
        if length > LONGEST - ROOM {
            let rest = lines.count() + 1;
            let _ = writeln!(answer, "({rest} more lines do not fit: {advice})");
            break;
        }
        answer.push_str(&line);
        answer.push('\n');
    }
    answer
}
