//! `parall wiki changeset`.

use clap::Subcommand;
use serde_json::Value;

use super::common::{Place, document, find, pages, settings};
use crate::api::{Client, Object};
use crate::cli::failure::Failure;
use crate::cli::human::{cell, details, list};
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;
use crate::cli::table::paragraph;
use crate::wiki::Workspace;
use crate::wiki::workspace::{Options, create_changeset, saw_changeset, update_changeset};

/// Proposed changes of a wiki, which people merge or reject
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Changesets {
    /// Propose everything that was edited in the wiki's folder
    Create {
        /// Slug of the wiki, wik_... or its name.
        wiki: String,
        /// What the change is about.
        #[arg(long, required_unless_present = "update")]
        title: Option<String>,
        /// Propose this changeset anew, with its title unless there is another.
        #[arg(long, value_name = "CHANGESET")]
        update: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List changesets, newest first
    List {
        /// Slug of the wiki, wik_... or its name.
        wiki: String,
        /// Only those that are open, merged or rejected.
        #[arg(long)]
        status: Option<String>,
        #[command(flatten)]
        paging: PagingFlags,
    },
    /// Show a changeset with its feedback
    Show {
        /// chg_...
        changeset: String,
        /// Slug of the wiki, wik_... or its name.
        wiki: String,
        #[command(flatten)]
        place: Place,
    },
    /// Show what a changeset changes, line by line
    Diff {
        /// chg_...
        changeset: String,
        /// Slug of the wiki, wik_... or its name.
        wiki: String,
    },
}

impl Changesets {
    pub(super) async fn run(self, client: &Client) -> Result<Output, Failure> {
        match self {
            Self::Create { wiki, title, update, place } => {
                let (slug, root) = (find(client, &wiki).await?.slug, place.root()?);
                let options = settings(&slug);
                let proposed = match (update, title) {
                    (Some(id), title) => {
                        let title = title.as_deref();
                        update_changeset(client, &root, &slug, &id, title, &options).await?
                    }
                    (None, title) => {
                        let title = title.unwrap_or_default();
                        if title.trim().is_empty() {
                            return Err(Failure::usage("--title is empty"));
                        }
                        create_changeset(client, &root, &slug, &title, &options).await?
                    }
                };
                Ok(Output::Document { json: document(&proposed.changeset), human: details })
            }
            Self::List { wiki, status, paging } => {
                let wiki = find(client, &wiki).await?.id;
                let json = pages(paging, async |query| {
                    let mut query = query.to_vec();
                    query.extend(status.as_deref().map(|status| ("status", status)));
                    client.wiki_changesets(&wiki, &query).await
                });
                Ok(Output::Document { json: json.await?, human: table })
            }
            Self::Show { changeset, wiki, place } => {
                let wiki = find(client, &wiki).await?;
                let shown = client.wiki_changeset(&wiki.id, &changeset).await?;
                remember(client, &wiki.slug, &place, &shown)?;
                Ok(Output::Document { json: Value::Object(shown), human: details })
            }
            Self::Diff { changeset, wiki } => {
                let wiki = find(client, &wiki).await?.id;
                let diff = client.wiki_changeset_diff(&wiki, &changeset).await?;
                Ok(Output::Document { json: Value::Object(diff), human: patches })
            }
        }
    }
}

/// `--update` replaces the generation that was shown last. Without a folder there is nothing to propose anew.
fn remember(client: &Client, slug: &str, place: &Place, shown: &Object) -> Result<(), Failure> {
    let options = Options { lock_wait: std::time::Duration::ZERO, ..Options::default() };
    let workspace = Workspace::open(&place.root()?, client.organisation_id(), slug, options);
    if let Ok(mut workspace) = workspace {
        saw_changeset(&mut workspace, shown)?;
    }
    Ok(())
}

fn table(json: &Value) -> String {
    list(json, ["ID", "STATUS", "AUTHOR", "TITLE"], |changeset| {
        ["id", "status", "author_id", "title"].map(|key| cell(changeset, key))
    })
}

fn patches(json: &Value) -> String {
    let files = json["data"].as_array().into_iter().flatten();
    files.map(|file| paragraph(file["patch"].as_str().unwrap_or_default())).collect()
}
