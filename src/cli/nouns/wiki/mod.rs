//! `parall wiki`.

mod changeset;
mod common;
mod text;

use clap::Subcommand;
use serde_json::json;

use self::changeset::Changesets;
use self::common::{Place, document, find, pages, settings};
use self::text::{log_table, patch, status_text, synced_text, tree_table, wikis_table};
use crate::api::{self, Class, Client};
use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::details;
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;
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
        // What was synced before stays so; the next run continues.
        let one = workspace::sync(client, &root, &wiki, &options).await.map_err(|error| {
            Failure::from(error).with("wiki", wiki.slug.clone()).with("synced", synced.clone())
        })?;
        synced.push(document(&one));
    }
    Ok(Output::Document { json: json!({ "synced": synced }), human: synced_text })
}

async fn status(client: &Client, wiki: &str, place: &Place) -> Result<Output, Failure> {
    // The local state can be shown without the server, too.
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
