//! Finding text in the pages of a wiki. The server has no route for it, so the pages are fetched and looked through.

use std::collections::HashMap;

use futures_util::TryStreamExt;

use super::fetch::{self, Listed};
use super::text::as_text;
use super::{Error, Hash};
use crate::api::Client;
use crate::text::one_line;

/// Most pages that one search reads.
const MOST_PAGES: usize = 2_000;
/// Largest page that is looked through, in bytes.
const LARGEST_PAGE: u64 = 1024 * 1024;
/// Most bytes that one search reads.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// Most lines of one page that are found.
const MOST_OF_A_PAGE: usize = 20;
/// Most lines that are found.
const MOST_HITS: usize = 1_000;
/// Most characters of a line that are shown, and of those what is before the text.
const LONGEST_LINE: usize = 300;
const BEFORE: usize = 80;

/// A line that holds the text, or a page whose path does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The page's path below the wiki.
    pub path: String,
    /// The number of the line, from one on; zero for the path itself.
    pub line: usize,
    /// The line, or what is around the text in a long one; without control characters.
    pub text: String,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By path and line; at most 20 of a page and 1,000 in all.
    pub hits: Vec<Hit>,
    /// Whether there may be more lines in what was read.
    pub is_cut: bool,
    /// Pages whose text was looked through.
    pub searched: usize,
    /// Pages of which only the path was: too large, or too many.
    pub left_out: usize,
}

/// The paths that have a content.
type PathsByHash = HashMap<Hash, Vec<String>>;

/// Looks for a text in the paths and lines below a folder, or everywhere with an empty one. Case does not count.
pub async fn search(
    client: &Client,
    wiki: &str,
    folder: &str,
    wanted: &str,
) -> Result<Found, Error> {
    let wanted = wanted.to_lowercase();
    let tree = fetch::tree(client, wiki, folder, None).await?;
    let mut hits: Vec<_> = tree
        .files
        .keys()
        .filter(|path| path.to_lowercase().contains(&wanted))
        .take(MOST_HITS)
        .map(|path| Hit { path: path.clone(), line: 0, text: String::new() })
        .collect();
    let all = tree.files.len();
    let (paths, wanted_files) = readable(tree.files);
    let searched = paths.values().map(Vec::len).sum();
    let mut is_cut = hits.len() == MOST_HITS;
    let mut pages = std::pin::pin!(fetch::blobs(client, wiki, wanted_files));
    while let Some((hash, bytes)) = pages.try_next().await? {
        let (Some(text), Some(paths)) = (as_text(&bytes), paths.get(&hash)) else { continue };
        let lines = text.lines().enumerate();
        let mut fits = lines.filter_map(|(line, text)| Some((line + 1, excerpt(text, &wanted)?)));
        for (line, text) in fits.by_ref().take(MOST_OF_A_PAGE) {
            let hit = |path: &String| Hit { path: path.clone(), line, text: text.clone() };
            hits.extend(paths.iter().take(MOST_HITS - hits.len()).map(hit));
        }
        is_cut |= fits.next().is_some() || hits.len() == MOST_HITS;
        if hits.len() == MOST_HITS {
            break;
        }
    }
    hits.sort();
    Ok(Found { hits, is_cut, searched, left_out: all - searched })
}

/// The part of a line that holds the text, which is in lower case.
fn excerpt(line: &str, wanted: &str) -> Option<String> {
    let lower = line.to_lowercase();
    let before = lower[..lower.find(wanted)?].chars().count();
    let part: String =
        line.chars().skip(before.saturating_sub(BEFORE)).take(2 * LONGEST_LINE).collect();
    Some(one_line(&part, LONGEST_LINE))
}

/// The files that a search reads, each content once, and the paths that have it.
fn readable(
    files: impl IntoIterator<Item = (String, Listed)>,
) -> (PathsByHash, Vec<(String, Listed)>) {
    let mut paths = PathsByHash::new();
    let mut wanted = Vec::new();
    let mut bytes = 0;
    for (path, listed) in files {
        if let Some(same) = paths.get_mut(&listed.hash) {
            same.push(path);
            continue;
        }
        // Without a size nobody knows what would come.
        let Some(size) = listed.size.filter(|size| *size <= LARGEST_PAGE) else { continue };
        if wanted.len() == MOST_PAGES || bytes + size > MOST_BYTES {
            continue;
        }
        bytes += size;
        paths.insert(listed.hash, vec![path.clone()]);
        wanted.push((path, listed));
    }
    (paths, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(content: &str, size: Option<u64>) -> Listed {
        Listed { hash: Hash::of(content.as_bytes()), size }
    }

    #[test]
    fn a_search_reads_each_content_once_and_nothing_of_unknown_or_great_size() {
        let files = [
            ("a", listed("1", Some(1))),
            ("b", listed("1", Some(1))),
            ("c", listed("2", None)),
            ("d", listed("3", Some(LARGEST_PAGE + 1))),
            ("e", listed("4", Some(LARGEST_PAGE))),
        ];
        let (paths, wanted) = readable(files.map(|(path, listed)| (path.to_owned(), listed)));
        assert_eq!(wanted.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["a", "e"]);
        assert_eq!(paths[&Hash::of(b"1")], ["a", "b"]);
    }

    #[test]
    fn a_search_reads_no_more_pages_and_bytes_than_it_may() {
        let many = |count: usize, size| {
            let files = (0..count)
                .map(move |number| (number.to_string(), listed(&number.to_string(), Some(size))));
            readable(files).1.len()
        };
        assert_eq!(many(MOST_PAGES + 9, 1), MOST_PAGES);
        assert_eq!(many(100, LARGEST_PAGE), 32);
    }

    #[test]
    fn a_long_line_is_shown_around_the_text_and_without_control_characters() {
        let line = format!("{}\u{1b}[2JNeedle\u{202e} {}", "ä".repeat(5_000), "z".repeat(5_000));
        let excerpt = excerpt(&line, "needle").unwrap();
        assert!(excerpt.contains("Needle"), "{excerpt}");
        assert!(excerpt.chars().count() <= LONGEST_LINE + 1, "{excerpt}");
        assert!(!excerpt.contains(['\u{1b}', '\u{202e}']), "{excerpt}");
        assert_eq!(super::excerpt("nothing", "needle"), None);
    }
}
