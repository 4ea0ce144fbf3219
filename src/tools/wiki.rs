//! `parall_wiki`: edit pages and propose the edits as one changeset, without a workspace.

use serde::Deserialize;

use super::Tools;
use super::error::Error;
use super::pages::{changeset, short, shown};
use crate::api::Client;
use crate::wiki::propose::{Edit, PageText, propose, read_page};
use crate::wiki::{self as core};

/// The tool's name.
pub(super) const NAME: &str = "parall_wiki";
/// Most edits of one call.
const MOST_EDITS: usize = 50;
/// Fewest digits of a hash that name a page's content.
const FEWEST_DIGITS: usize = 12;
/// Longest title, in characters.
const LONGEST_TITLE: usize = 200;

/// What it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    wiki: String,
    title: String,
    edits: Vec<PageEdit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageEdit {
    path: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    find: Option<String>,
    #[serde(default)]
    replace: Option<String>,
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    hash: Option<String>,
}

/// What an edit does.
enum Change<'a> {
    /// The page becomes this.
    Write(&'a str),
    /// This text, which is in the page once, becomes that.
    Replace(&'a str, &'a str),
    /// The page goes.
    Delete,
}

/// A page while edits are made to it.
struct Page {
    path: String,
    /// As the wiki has it, where it does.
    base: Option<PageText>,
    /// As it will be, where it will.
    text: Option<String>,
}

pub(super) async fn run(tools: &Tools, wanted: Wanted) -> Result<String, Error> {
    let Wanted { wiki, title, edits } = wanted;
    let title = title.trim();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE {
        let reason = format!("a title has 1 to {LONGEST_TITLE} characters");
        return Err(Error::Parameters { reason });
    }
    if edits.is_empty() || edits.len() > MOST_EDITS {
        let reason = format!("a changeset is made of 1 to {MOST_EDITS} edits");
        return Err(Error::Parameters { reason });
    }
    let wiki = tools.organisation.wiki(&wiki).await?;
    let client = tools.organisation.client();
    let mut pages: Vec<Page> = Vec::new();
    for edit in &edits {
        let path = edit.path.trim_matches('/');
        let known = pages.iter().position(|page| page.path == path);
        let index = known.unwrap_or(pages.len());
        if known.is_none() {
            pages.push(Page::read(client, &wiki.id, path, &wiki.version).await?);
        }
        pages[index].apply(edit)?;
    }
    let changes: Vec<_> = pages.into_iter().filter_map(Page::into_edit).collect();
    let made = propose(client, &wiki.id, &wiki.version, title, &changes).await?;
    Ok(format!(
        "Proposed in {}: {}. Nothing changes for others before a person merges it.",
        shown(&wiki.slug),
        changeset(&made, &*tools.names().await)
    ))
}

impl PageEdit {
    fn change(&self) -> Result<Change<'_>, Error> {
        match (&self.text, &self.find, &self.replace, self.delete) {
            (Some(text), None, None, false) => Ok(Change::Write(text)),
            (None, Some(find), Some(replace), false) if !find.is_empty() => {
                Ok(Change::Replace(find, replace))
            }
            (None, None, None, true) => Ok(Change::Delete),
            _ => Err(refused(
                &self.path,
                "give either text, or find and replace, or delete, and nothing of the others",
            )),
        }
    }
}

impl Page {
    async fn read(client: &Client, wiki: &str, path: &str, version: &str) -> Result<Self, Error> {
        let version = Some(version).filter(|version| !version.is_empty());
        let base = match read_page(client, wiki, path, version).await {
            Ok(page) => Some(page),
            Err(core::Error::NoPage { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let text = base.as_ref().map(|page| page.text.clone());
        Ok(Self { path: path.to_owned(), base, text })
    }

    fn apply(&mut self, edit: &PageEdit) -> Result<(), Error> {
        let change = edit.change()?;
        if let Some(hash) = &edit.hash {
            self.check_hash(hash)?;
        }
        let is_seen = edit.hash.is_some() || self.base.is_none();
        match change {
            // What nobody has read must not go.
            Change::Write(_) | Change::Delete if !is_seen => Err(refused(
                &self.path,
                "the page exists; read it and give its hash, or change a part of it with find and replace",
            )),
            Change::Write(text) => {
                self.text = Some(text.to_owned());
                Ok(())
            }
            Change::Delete => match self.text.take() {
                Some(_) => Ok(()),
                None => Err(refused(&self.path, "there is no such page")),
            },
            Change::Replace(find, replace) => {
                let text = self.text.as_deref();
                let text = text.ok_or_else(|| refused(&self.path, "there is no such page"))?;
                let replaced = match text.matches(find).count() {
                    1 => text.replacen(find, replace, 1),
                    0 => {
                        return Err(refused(
                            &self.path,
                            "find is not in the page; read the page and quote it exactly",
                        ));
                    }
                    count => {
                        let reason =
                            format!("find is {count} times in the page; quote more around it");
                        return Err(refused(&self.path, &reason));
                    }
                };
                self.text = Some(replaced);
                Ok(())
            }
        }
    }

    fn check_hash(&self, hash: &str) -> Result<(), Error> {
        let hash = hash.trim().to_ascii_lowercase();
        let Some(base) = &self.base else {
            return Err(refused(&self.path, "there is no such page; a new one has no hash"));
        };
        if hash.len() >= FEWEST_DIGITS && base.hash.starts_with(&hash) {
            return Ok(());
        }
        let reason = format!(
            "it changed since you read it and has hash {} now; read it again",
            short(&base.hash)
        );
        Err(refused(&self.path, &reason))
    }

    /// What is to be proposed; nothing where nothing changes.
    fn into_edit(self) -> Option<Edit> {
        let Self { path, base, text } = self;
        if base.as_ref().map(|page| &page.text) == text.as_ref() {
            return None;
        }
        Some(Edit { path, text, base_hash: base.map(|page| page.hash) })
    }
}

fn refused(path: &str, reason: &str) -> Error {
    Error::Edit { path: shown(path), reason: reason.to_owned() }
}
