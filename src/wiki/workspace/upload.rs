//! Proposing what was edited in a workspace.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::mount::scan::read_as;
use super::options::Options;
use super::records::Files;
use super::{Workspace, blocking};
use crate::api::{Change, Client, LARGEST_WIKI_FILE, Object};
use crate::wiki::{Error, Hash, propose};

/// A changeset that was proposed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposed {
    /// The wiki's slug.
    pub wiki: String,
    /// The changeset as the server shows it.
    pub changeset: Object,
}

/// What a workspace has to propose.
struct Draft {
    slug: String,
    wiki: String,
    version: String,
    changes: Vec<Change>,
}

/// Proposes everything that was edited in the folder of a wiki below `root` as a new changeset.
pub async fn create_changeset(
    client: &Client,
    root: &Path,
    slug: &str,
    title: &str,
    options: &Options,
) -> Result<Proposed, Error> {
    let (workspace, draft) = draft(client, root, slug, options).await?;
    let workspace = store_contents(client, workspace, &draft).await?;
    let changeset =
        propose::create(client, &draft.wiki, title, &draft.version, &draft.changes).await;
    let changeset = changeset.map_err(|error| with_slug(error, &draft.slug))?;
    remember(workspace, &changeset).await?;
    Ok(Proposed { wiki: draft.slug, changeset })
}

/// Proposes an earlier changeset anew, with what is edited now, and with its title unless there is another.
pub async fn update_changeset(
    client: &Client,
    root: &Path,
    slug: &str,
    changeset: &str,
    title: Option<&str>,
    options: &Options,
) -> Result<Proposed, Error> {
    let (workspace, draft) = draft(client, root, slug, options).await?;
    if draft.changes.is_empty() {
        return Err(Error::NoChanges);
    }
    let known = workspace.memory.generation(changeset)?;
    let seen = match known {
        Some(generation) => generation,
        None => generation_of(&shown(client, &draft.wiki, changeset).await?).unwrap_or(1),
    };
    let workspace = store_contents(client, workspace, &draft).await?;
    let sent = client
        .update_wiki_changeset(&draft.wiki, changeset, seen, title, &draft.version, &draft.changes)
        .await;
    let updated = match sent {
        Ok(updated) => updated,
        Err(error) if error.is_stale_generation() => {
            let current = shown(client, &draft.wiki, changeset).await?;
            return Err(Error::StaleGeneration {
                wiki: draft.slug,
                changeset: changeset.to_owned(),
                seen,
                current: generation_of(&current).unwrap_or_default(),
            });
        }
        Err(error) if error.nothing_done() => return Err(error.into()),
        Err(error) => {
            // Only this proposal, made from this version, makes the next generation open.
            let current = shown(client, &draft.wiki, changeset).await.ok();
            let ours = current.filter(|current| {
                generation_of(current) == Some(seen + 1)
                    && current.get("status").and_then(Value::as_str) == Some("open")
                    && current.get("base_version").and_then(Value::as_str)
                        == Some(draft.version.as_str())
            });
            ours.ok_or(Error::UnknownOutcome { wiki: draft.slug.clone(), source: Box::new(error) })?
        }
    };
    remember(workspace, &updated).await?;
    Ok(Proposed { wiki: draft.slug, changeset: updated })
}

/// Notes that the caller has seen a changeset as it is now, so that `--update` knows which generation it replaces.
pub fn saw_changeset(workspace: &mut Workspace, changeset: &Object) -> Result<(), Error> {
    let id = changeset.get("id").and_then(Value::as_str);
    match id.zip(generation_of(changeset)) {
        Some((id, generation)) => workspace.memory.set_generation(id, generation),
        None => Ok(()),
    }
}

async fn draft(
    client: &Client,
    root: &Path,
    slug: &str,
    options: &Options,
) -> Result<(Workspace, Draft), Error> {
    let (place, organisation) = (root.to_path_buf(), client.organisation_id().to_owned());
    let (slug, options) = (slug.to_owned(), options.clone());
    blocking(move || {
        let mut workspace = Workspace::open(&place, &organisation, &slug, options)?;
        let draft = workspace.draft()?;
        Ok((workspace, draft))
    })
    .await
}

async fn shown(client: &Client, wiki: &str, changeset: &str) -> Result<Object, Error> {
    crate::wiki::fetch::patiently(|| client.wiki_changeset(wiki, changeset)).await
}

fn generation_of(changeset: &Object) -> Option<u64> {
    changeset.get("generation").and_then(Value::as_u64)
}

async fn remember(workspace: Workspace, changeset: &Object) -> Result<(), Error> {
    let changeset = changeset.clone();
    blocking(move || {
        let mut workspace = workspace;
        saw_changeset(&mut workspace, &changeset)
    })
    .await
}

/// People know the wiki by its slug.
fn with_slug(error: Error, slug: &str) -> Error {
    match error {
        Error::UnknownOutcome { source, .. } => {
            Error::UnknownOutcome { wiki: slug.to_owned(), source }
        }
        other => other,
    }
}

/// Stores the bytes of every new content, read anew and only if they are still those of the draft.
async fn store_contents(
    client: &Client,
    workspace: Workspace,
    draft: &Draft,
) -> Result<Workspace, Error> {
    let mount = Arc::new(workspace.layout.mount().to_path_buf());
    let contents: Vec<_> = draft
        .changes
        .iter()
        .filter_map(|change| Some((change.path.clone(), Hash::parse(change.hash.as_deref()?)?)))
        .collect();
    let total = contents.len();
    let done = AtomicUsize::new(0);
    propose::store_all(contents, |(path, hash)| {
        let mount = Arc::clone(&mount);
        let (done, options) = (&done, &workspace.options);
        async move {
            let wanted = path.clone();
            let bytes = blocking(move || read_as(&mount, &wanted, hash)).await?;
            let bytes = bytes.ok_or_else(|| Error::Busy { path: path.clone() })?;
            propose::store(client, &draft.wiki, &path, Bytes::from(bytes)).await?;
            options.progressed(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(())
        }
    })
    .await?;
    Ok(workspace)
}

impl Workspace {
    fn draft(&mut self) -> Result<Draft, Error> {
        let identity = self.identity()?;
        let scan = self.scan(&Files::new())?;
        let edits = self.edits(&scan.files)?;
        let conflicts = self.unsolved(&edits)?;
        let marked: Vec<_> = conflicts
            .into_iter()
            .filter(|(_, conflict)| conflict.marker.is_some())
            .map(|(path, _)| path)
            .collect();
        if !marked.is_empty() {
            return Err(Error::Conflicts { paths: marked });
        }
        let mut changes = Vec::with_capacity(edits.len());
        for edit in edits {
            propose::check_path(&edit.path)?;
            let is_too_large =
                edit.here.is_some_and(|known| known.stat.size > LARGEST_WIKI_FILE.cast_signed());
            if is_too_large {
                let reason = "it is larger than a file of a wiki can be";
                return Err(Error::Unsuitable { path: edit.path, reason });
            }
            let base = edit.base.map(|hash| hash.to_string());
            changes.push(propose::change(&edit.path, edit.here.map(|known| known.hash), base)?);
        }
        Ok(Draft { slug: identity.slug, wiki: identity.id, version: identity.version, changes })
    }
}
