//! Proposing changes, also without a workspace: read a page, change its text, propose it.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::Value;

use super::fetch::{self, patiently};
use super::text::as_text;
use super::{Error, Hash, path};
use crate::api::{Action, Change, Client, LARGEST_WIKI_FILE, Object};

/// Files that go at the same time.
const UPLOADS: usize = 4;
/// Changesets that are looked through for one whose answer was lost.
const READ_BACK: &str = "20";

/// A page as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageText {
    /// Its path below the wiki.
    pub path: String,
    /// The version of the wiki that it was read from. An [`Edit`] is proposed against it.
    pub version: String,
    /// SHA-256 of its bytes: the `base_hash` of an [`Edit`].
    pub hash: String,
    /// The text.
    pub text: String,
}

/// A change of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Its path below the wiki.
    pub path: String,
    /// The new text; nothing deletes the page.
    pub text: Option<String>,
    /// What [`read_page`] said; nothing for a new page.
    pub base_hash: Option<String>,
}

/// Reads a page, of a version or of the newest one.
pub async fn read_page(
    client: &Client,
    wiki: &str,
    page: &str,
    version: Option<&str>,
) -> Result<PageText, Error> {
    let tree = fetch::tree(client, wiki, page, version).await?;
    let shown = || page.replace(char::is_control, "\u{fffd}");
    let listed = tree.files.get(page).copied().ok_or_else(|| Error::NoPage { path: shown() })?;
    let (hash, bytes) = fetch::blob(client, wiki, page, listed).await?;
    let text = as_text(&bytes).ok_or_else(|| Error::NotText { path: shown() })?;
    Ok(PageText {
        path: page.to_owned(),
        version: tree.version,
        hash: hash.to_string(),
        text: text.to_owned(),
    })
}

/// Proposes edits of pages as one changeset, made from `version`. Gives the changeset as the server shows it.
///
/// # Errors
/// [`Error::UnknownOutcome`] when the answer was lost and no such changeset can be found.
pub async fn propose(
    client: &Client,
    wiki: &str,
    version: &str,
    title: &str,
    edits: &[Edit],
) -> Result<Object, Error> {
    let mut changes = Vec::with_capacity(edits.len());
    for edit in edits {
        check_path(&edit.path)?;
        let bytes = edit.text.as_ref().map(|text| Bytes::from(text.clone().into_bytes()));
        changes.push(change(
            &edit.path,
            bytes.as_ref().map(|bytes| Hash::of(bytes)),
            edit.base_hash.clone(),
        )?);
        if let Some(bytes) = bytes {
            store(client, wiki, &edit.path, bytes).await?;
        }
    }
    create(client, wiki, title, version, &changes).await
}

/// Refuses what the server, or another member's system, could not hold.
pub(super) fn check_path(path: &str) -> Result<(), Error> {
    let rules = path::Rules { windows: false, folds_case: false };
    path::check(path, rules).map_err(|unusable| Error::Unsuitable {
        path: path.replace(char::is_control, "\u{fffd}"),
        reason: unusable.reason(),
    })
}

/// A change between two states of a file.
pub(super) fn change(
    path: &str,
    hash: Option<Hash>,
    base_hash: Option<String>,
) -> Result<Change, Error> {
    let action = match (hash.is_some(), base_hash.is_some()) {
        (true, false) => Action::Add,
        (true, true) => Action::Modify,
        (false, true) => Action::Delete,
        (false, false) => return Err(Error::NoPage { path: path.to_owned() }),
    };
    Ok(Change { path: path.to_owned(), action, hash: hash.map(|hash| hash.to_string()), base_hash })
}

/// Stores the bytes of a file. Safe to repeat.
pub(super) async fn store(
    client: &Client,
    wiki: &str,
    path: &str,
    bytes: Bytes,
) -> Result<(), Error> {
    if bytes.len() as u64 > LARGEST_WIKI_FILE {
        let reason = "it is larger than a file of a wiki can be";
        return Err(Error::Unsuitable { path: path.to_owned(), reason });
    }
    let hash = Hash::of(&bytes).to_string();
    patiently(|| client.store_wiki_blob(wiki, &hash, bytes.clone())).await
}

/// Stores files, several at a time, each by `store_one`.
pub(super) async fn store_all<T, L, F>(files: Vec<T>, store_one: L) -> Result<(), Error>
where
    L: Fn(T) -> F,
    F: Future<Output = Result<(), Error>>,
{
    stream::iter(files)
        .map(store_one)
        .buffer_unordered(UPLOADS)
        .try_collect::<Vec<()>>()
        .await
        .map(drop)
}

/// Proposes changes whose bytes are stored. When the answer is lost, looks for the changeset before it says so.
pub(super) async fn create(
    client: &Client,
    wiki: &str,
    title: &str,
    base_version: &str,
    changes: &[Change],
) -> Result<Object, Error> {
    if changes.is_empty() {
        return Err(Error::NoChanges);
    }
    let newest = newest_changeset(client, wiki).await?;
    match client.create_wiki_changeset(wiki, title, base_version, changes).await {
        Ok(changeset) => Ok(changeset),
        Err(error) if error.nothing_done() => Err(error.into()),
        Err(error) => {
            let found = read_back(client, wiki, newest.as_deref(), |changeset| {
                changeset["title"] == title
                    && changeset["base_version"] == base_version
                    && names_same_files(changeset, changes)
            });
            match found.await {
                Some(changeset) => Ok(changeset),
                None => {
                    Err(Error::UnknownOutcome { wiki: wiki.to_owned(), source: Box::new(error) })
                }
            }
        }
    }
}

async fn newest_changeset(client: &Client, wiki: &str) -> Result<Option<String>, Error> {
    let page = patiently(|| client.wiki_changesets(wiki, &[("limit", "1")])).await?;
    let id = page.get("data").and_then(|data| data[0]["id"].as_str());
    Ok(id.map(str::to_owned))
}

/// The newest changeset that fits and is younger than `last`.
async fn read_back(
    client: &Client,
    wiki: &str,
    last: Option<&str>,
    fits: impl Fn(&Value) -> bool,
) -> Option<Object> {
    let page = patiently(|| client.wiki_changesets(wiki, &[("limit", READ_BACK)])).await.ok()?;
    let items = page.get("data")?.as_array()?;
    let found =
        items.iter().take_while(|item| item["id"].as_str() != last).find(|item| fits(item))?;
    found.as_object().cloned()
}

fn names_same_files(changeset: &Value, changes: &[Change]) -> bool {
    let Some(files) = changeset["files"].as_array() else { return false };
    files.len() == changes.len()
        && changes
            .iter()
            .all(|change| files.iter().any(|file| file["path"] == change.path.as_str()))
}
