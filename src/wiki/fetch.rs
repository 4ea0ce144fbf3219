//! Reading a wiki from the server: its tree at one version, and many files at once, each verified by its hash.

use std::collections::{BTreeMap, HashSet};

use futures_util::{Stream, StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{Error, Hash};
use crate::api::retry::{Policy, retry};
use crate::api::{Client, LARGEST_WIKI_FILE, TreeItem};

/// Files that come at the same time.
pub(super) const DOWNLOADS: usize = 16;
/// Most files of a wiki.
const MOST_FILES: usize = 100_000;
/// Most pages of a tree.
const MOST_PAGES: usize = 2_000;

/// A file as the server lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) hash: Hash,
    pub(super) size: Option<u64>,
}

/// The files of one version.
pub(super) struct Tree {
    pub(super) version: String,
    pub(super) files: BTreeMap<String, Listed>,
}

/// Every file below a path, or everything with an empty one; all pages are of the version that the first one names.
pub(super) async fn tree(
    client: &Client,
    wiki: &str,
    path: &str,
    version: Option<&str>,
) -> Result<Tree, Error> {
    let mut tree = Tree { version: version.unwrap_or_default().to_owned(), files: BTreeMap::new() };
    let mut pinned = version.map(str::to_owned);
    let mut cursor: Option<String> = None;
    let mut cursors = HashSet::new();
    for _ in 0..MOST_PAGES {
        let page = patiently(|| {
            client.wiki_tree_page(wiki, path, true, pinned.as_deref(), cursor.as_deref())
        })
        .await?;
        match &pinned {
            None => tree.version.clone_from(&page.version),
            Some(pinned) if *pinned != page.version => {
                return Err(answer("the pages of its tree are of different versions"));
            }
            Some(_) => {}
        }
        pinned = Some(page.version);
        for item in page.items {
            add(&mut tree, item)?;
        }
        match page.next_cursor {
            None => return Ok(tree),
            Some(next) if cursors.insert(next.clone()) => cursor = Some(next),
            Some(_) => return Err(answer("the pages of its tree go in circles")),
        }
    }
    Err(answer("its tree has too many pages"))
}

fn add(tree: &mut Tree, item: TreeItem) -> Result<(), Error> {
    if item.kind != "file" {
        return Ok(());
    }
    let hash = item.hash.as_deref().and_then(Hash::parse);
    let hash = hash.ok_or_else(|| answer("a file of its tree has no SHA-256"))?;
    if tree.files.insert(item.path, Listed { hash, size: item.size }).is_some() {
        return Err(answer("its tree names a file twice"));
    }
    if tree.files.len() > MOST_FILES {
        return Err(answer("it holds too many files"));
    }
    Ok(())
}

fn answer(reason: &str) -> Error {
    Error::Answer { reason: reason.to_owned() }
}

/// Fetches files, several at a time, in the order in which they come. The first error ends it.
pub(super) fn blobs<'a>(
    client: &'a Client,
    wiki: &'a str,
    wanted: Vec<(String, Listed)>,
) -> impl Stream<Item = Result<(Hash, Vec<u8>), Error>> + 'a {
    stream::iter(wanted)
        .map(move |(path, listed)| async move { blob(client, wiki, &path, listed).await })
        .buffer_unordered(DOWNLOADS)
}

/// Fetches one file and verifies it.
pub(super) async fn blob(
    client: &Client,
    wiki: &str,
    path: &str,
    listed: Listed,
) -> Result<(Hash, Vec<u8>), Error> {
    let limit = listed.size.unwrap_or(LARGEST_WIKI_FILE).min(LARGEST_WIKI_FILE);
    let text = listed.hash.to_string();
    let fetched = patiently(|| client.wiki_blob(wiki, &text, limit)).await;
    let bytes = match fetched {
        // More bytes than it announced.
        Err(Error::Api(crate::api::Error::TooLarge { .. })) => Vec::new(),
        result => result?,
    };
    if Hash::of(&bytes) == listed.hash {
        return Ok((listed.hash, bytes));
    }
    Err(Error::Content { path: path.replace(char::is_control, "\u{fffd}") })
}

/// Repeats a read while its errors may pass.
pub(super) async fn patiently<T, R>(call: impl FnMut() -> R) -> Result<T, Error>
where
    R: Future<Output = Result<T, crate::api::Error>>,
{
    Ok(retry(Policy::default(), &CancellationToken::new(), call).await?)
}
