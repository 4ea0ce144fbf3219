//! `parall wiki`.

use std::env;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::wiki_changeset::Changesets;
use crate::api::{self, Class, Client, Wiki};
use crate::cli::account::Session;
use crate::cli::failure::{Exit, Failure};
use crate::cli::human::{cell, details, list};
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;
use crate::cli::progress;
use crate::cli::table::{one_line, paragraph};
use crate::error::{Coded, chain};
use crate::wiki::workspace::{self, Options};
use crate::wiki::{self, Workspace};

/// Wikis, and folders that follow them
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Wikis {
    /// List the wikis
    List,
    /// List the files of a wiki on the server
    Tree {
        /// Slug of the wiki, wik_... or its name.
        wiki: String,
        /// Only what is in this folder.
        #[arg(long, value_name = "PATH", default_value = "")]
        path: String,
    },
    /// Bring a wiki, or all of them, into folders here
    ///
    /// What was edited here stays: it is merged by lines, and conflicts are marked in the file and listed.
    Sync {
        /// Slug of the wiki, wik_... or its name; without it all wikis.
        wiki: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Show what was edited since the last sync
    Status {
        /// Slug of the wiki.
        wiki: String,
        #[command(flatten)]
        place: Place,
    },
    /// Show what was edited since the last sync, line by line
    Diff {
        /// Slug of the wiki.
        wiki: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give up every edit since the last sync; what is taken away is kept for three further resets
    Reset {
        /// Slug of the wiki.
        wiki: String,
        #[command(flatten)]
        place: Place,
    },
    /// List what happened to a wiki, newest first
    Log {
        /// Slug of the wiki, wik_... or its name.
        wiki: String,
        #[command(flatten)]
        paging: PagingFlags,
    },
    #[command(subcommand)]
    Changeset(Changesets),
}

/// Where the folders are.
#[derive(Debug, Args)]
pub(in crate::cli) struct Place {
    /// Folder that holds one folder a wiki; the current one unless it is given.
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
}

impl Place {
    pub(super) fn root(&self) -> Result<PathBuf, Failure> {
        let folder = match &self.workspace {
            Some(folder) => folder.clone(),
            None => env::current_dir().map_err(|error| Failure::local_file(error.to_string()))?,
        };
        std::path::absolute(&folder).map_err(|error| Failure::local_file(error.to_string()))
    }
}

impl Wikis {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let client = session.organisation.client();
        match self {
            Self::List => {
                let wikis = client.wikis().await?;
                Ok(Output::Document { json: json!({ "data": wikis }), human: wikis_table })
            }
            Self::Tree { wiki, path } => tree(client, &wiki, &path).await,
            Self::Sync { wiki, place } => sync(client, wiki.as_deref(), &place).await,
            Self::Status { wiki, place } => status(client, &wiki, &place).await,
            Self::Diff { wiki, place } => {
                let diff = local(client, &wiki, &place, Workspace::diff).await?;
                Ok(Output::Document { json: document(&diff), human: patch })
            }
            Self::Reset { wiki, place } => {
                let reset = local(client, &wiki, &place, Workspace::reset).await?;
                Ok(Output::Document { json: document(&reset), human: details })
            }
            Self::Log { wiki, paging } => {
                let wiki = find(client, &wiki).await?;
                let json = pages(paging, async |query| client.wiki_log(&wiki.id, query).await);
                Ok(Output::Document { json: json.await?, human: log_table })
            }
            Self::Changeset(command) => command.run(client).await,
        }
    }
}

async fn tree(client: &Client, wiki: &str, path: &str) -> Result<Output, Failure> {
    let wiki = find(client, wiki).await?;
    let (mut items, mut cursor, mut version) = (Vec::new(), None::<String>, None::<String>);
    let path = path.trim_matches('/');
    loop {
        let page =
            client.wiki_tree_page(&wiki.id, path, true, version.as_deref(), cursor.as_deref());
        let page = page.await?;
        items.extend(page.items);
        version = Some(page.version);
        // The same bound as a sync has.
        if page.next_cursor.is_none() || page.next_cursor == cursor || items.len() > 100_000 {
            break;
        }
        cursor = page.next_cursor;
    }
    let json = json!({ "wiki": wiki.slug, "version": version, "data": items });
    Ok(Output::Document { json, human: tree_table })
}

async fn sync(client: &Client, wiki: Option<&str>, place: &Place) -> Result<Output, Failure> {
    let root = place.root()?;
    let wikis = match wiki {
        Some(wiki) => vec![find(client, wiki).await?],
        None => client.wikis().await?,
    };
    let mut synced = Vec::with_capacity(wikis.len());
    for wiki in wikis {
        let options = settings(&wiki.slug);
        // What was synced before stays so; the next run goes on.
        let one = workspace::sync(client, &root, &wiki, &options).await.map_err(|error| {
            Failure::from(error).with("wiki", wiki.slug.clone()).with("synced", synced.clone())
        })?;
        synced.push(document(&one));
    }
    Ok(Output::Document { json: json!({ "synced": synced }), human: synced_text })
}

async fn status(client: &Client, wiki: &str, place: &Place) -> Result<Output, Failure> {
    // What is here can be told without the server, too.
    let (slug, head) = match client.wiki(wiki).await {
        Ok(found) => (found.slug, Some(found.version)),
        Err(error) if is_away(&error) => (wiki.to_owned(), None),
        Err(_) => {
            let found = find(client, wiki).await?;
            (found.slug, Some(found.version))
        }
    };
    let mut status = opened(client, &slug, place, Workspace::status).await?;
    status.head_version = head;
    Ok(Output::Document { json: document(&status), human: status_text })
}

fn is_away(error: &api::Error) -> bool {
    matches!(error.class(), Class::Transient | Class::RateLimited | Class::UnknownOutcome)
}

/// Works in the folder of a wiki. The server is asked only for the slug of an id.
async fn local<T: Send + 'static>(
    client: &Client,
    wiki: &str,
    place: &Place,
    work: fn(&mut Workspace) -> Result<T, wiki::Error>,
) -> Result<T, Failure> {
    if wiki.starts_with("wik_") || wiki.contains("://") {
        let slug = find(client, wiki).await?.slug;
        return opened(client, &slug, place, work).await;
    }
    opened(client, wiki, place, work).await
}

async fn opened<T: Send + 'static>(
    client: &Client,
    slug: &str,
    place: &Place,
    work: fn(&mut Workspace) -> Result<T, wiki::Error>,
) -> Result<T, Failure> {
    let (root, slug) = (place.root()?, slug.to_owned());
    let organisation = client.organisation_id().to_owned();
    let done = tokio::task::spawn_blocking(move || {
        work(&mut Workspace::open(&root, &organisation, &slug, Options::default())?)
    });
    Ok(done.await.map_err(|_| wiki::Error::BrokenOff)??)
}

/// A wiki by its slug or id, or by the only slug or name that begins so.
pub(super) async fn find(client: &Client, wiki: &str) -> Result<Wiki, Failure> {
    match client.wiki(wiki).await {
        Err(error) if matches!(error.class(), Class::Missing | Class::Rejected) => {}
        result => return Ok(result?),
    }
    let all = client.wikis().await?;
    let wanted = wiki.to_lowercase();
    let fits = |one: &&Wiki, exactly: bool| {
        [Some(&one.slug), one.name.as_ref()].into_iter().flatten().any(|name| {
            let name = name.to_lowercase();
            if exactly { name == wanted } else { name.starts_with(&wanted) }
        })
    };
    for exactly in [true, false] {
        let found: Vec<_> = all.iter().filter(|one| fits(one, exactly)).collect();
        if let [one] = found.as_slice() {
            return Ok((*one).clone());
        }
    }
    let candidates: Vec<_> =
        all.iter().take(10).map(|one| json!({ "id": one.id, "name": one.slug })).collect();
    let message = format!("no wiki is called {:?}", one_line(wiki));
    Err(Failure::new(Exit::Usage, "PARALL_UNKNOWN_NAME", message).with("candidates", candidates))
}

/// A page, or all from there on.
pub(super) async fn pages(
    paging: PagingFlags,
    ask: impl AsyncFn(&[(&str, &str)]) -> Result<api::Object, api::Error>,
) -> Result<Value, Failure> {
    let crate::organisation::Paging { limit, mut cursor, all } = paging.into();
    let limit = limit.map(|limit| limit.to_string());
    let mut items = Vec::new();
    loop {
        let mut query = Vec::new();
        query.extend(limit.as_deref().map(|limit| ("limit", limit)));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut page = Value::Object(ask(&query).await?);
        let next = page["next_cursor"].as_str().map(str::to_owned);
        if !all {
            return Ok(page);
        }
        if let Some(data) = page["data"].as_array_mut() {
            items.append(data);
        }
        let goes_on = page["has_more"] == true && next.is_some() && next != cursor;
        if !goes_on || items.len() > 100_000 {
            return Ok(json!({ "data": items, "has_more": false }));
        }
        cursor = next;
    }
}

pub(super) fn settings(slug: &str) -> Options {
    Options { progress: progress::of_files(slug), ..Options::default() }
}

pub(super) fn document(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

impl From<wiki::Error> for Failure {
    fn from(error: wiki::Error) -> Self {
        use wiki::Error;
        let exit = match &error {
            Error::Api(_) => {
                return match error {
                    Error::Api(error) => error.into(),
                    other => Self::usage(other.to_string()),
                };
            }
            Error::Content { .. } | Error::Answer { .. } => Exit::Network,
            Error::StaleGeneration { .. } => Exit::Refused,
            Error::UnknownOutcome { .. } => Exit::Unknown,
            Error::NotSynced { .. }
            | Error::NoChanges
            | Error::NoPage { .. }
            | Error::NotText { .. }
            | Error::Conflicts { .. }
            | Error::Unsuitable { .. } => Exit::Usage,
            Error::File { .. }
            | Error::Memory { .. }
            | Error::Version { .. }
            | Error::Locked { .. }
            | Error::Mount { .. }
            | Error::Busy { .. }
            | Error::BrokenOff => Exit::LocalFile,
        };
        Self::new(exit, error.code(), chain(&error))
    }
}

fn wikis_table(json: &Value) -> String {
    list(json, ["ID", "SLUG", "VERSION", "NAME"], |wiki| {
        ["id", "slug", "version", "name"].map(|key| cell(wiki, key))
    })
}

fn tree_table(json: &Value) -> String {
    list(json, ["SIZE", "UPDATED", "PATH"], |item| {
        ["size", "updated_at", "path"].map(|key| cell(item, key))
    })
}

fn log_table(json: &Value) -> String {
    list(json, ["TIME", "WHAT", "WHO", "CHANGESET"], |entry| {
        ["created_at", "type", "actor_id", "changeset_id"].map(|key| cell(entry, key))
    })
}

fn patch(json: &Value) -> String {
    paragraph(json["diff"].as_str().unwrap_or_default())
}

fn texts<'a>(json: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    json[key].as_array().into_iter().flatten()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), one_line)
}

fn synced_text(json: &Value) -> String {
    let mut lines = String::new();
    for wiki in texts(json, "synced") {
        lines.push_str(&format_line(&[
            &shown(&wiki["wiki"]),
            ": ",
            &shown(&wiki["files"]),
            " files in ",
            &shown(&wiki["path"]),
            ", added ",
            &shown(&wiki["added"]),
            ", updated ",
            &shown(&wiki["updated"]),
            ", deleted ",
            &shown(&wiki["deleted"]),
        ]));
        conflicts(wiki, &mut lines);
        for skipped in texts(wiki, "skipped") {
            let (path, reason) = (shown(&skipped["path"]), shown(&skipped["reason"]));
            lines.push_str(&format_line(&["  left out ", &path, ": ", &reason]));
        }
    }
    lines
}

fn status_text(json: &Value) -> String {
    let mut lines = format_line(&["Mount: ", &shown(&json["mount"])]);
    let (base, head) = (&json["base_version"], &json["head_version"]);
    let news = if head.is_null() || head == base { "" } else { ", the server has a newer one" };
    lines.push_str(&format_line(&["Base: ", &shown(base), news]));
    for file in texts(json, "changes") {
        lines.push_str(&format_line(&[
            "  ",
            &shown(&file["status"]),
            " ",
            &shown(&file["path"]),
            " +",
            &shown(&file["additions"]),
            " -",
            &shown(&file["deletions"]),
        ]));
    }
    if texts(json, "changes").next().is_none() {
        lines.push_str("nothing is edited\n");
    }
    conflicts(json, &mut lines);
    lines
}

fn conflicts(json: &Value, lines: &mut String) {
    for conflict in texts(json, "conflicts") {
        let (path, kind) = (shown(&conflict["path"]), shown(&conflict["kind"]));
        lines.push_str(&format_line(&["  conflict in ", &path, ": ", &kind]));
    }
}

fn format_line(parts: &[&str]) -> String {
    let mut line = parts.concat();
    line.push('\n');
    line
}
