//! Following the server.

mod decision;
mod plan;
mod target;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::plan::Plan;
use self::target::{Target, fetch_missing};
use super::mount::apply::{Applied, apply};
use super::options::{Observer, Options, Step};
use super::records::{Files, Identity, Outcome};
use super::status::{ConflictView, Skipped};
use super::{Workspace, blocking};
use crate::api::{Client, Wiki};
use crate::wiki::{Error, fetch};

/// How often a plan is made anew because files were edited while it was carried out.
const ROUNDS: usize = 5;
/// What a sync did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Synced {
    /// The wiki's slug.
    pub wiki: String,
    /// The folder, absolute when the root is.
    pub path: PathBuf,
    /// The version that the base is of now.
    pub version: String,
    /// Files of the base.
    pub files: u64,
    /// Files that are new here.
    pub added: u64,
    /// Files that have new contents, merged ones included.
    pub updated: u64,
    /// Files that went.
    pub deleted: u64,
    /// Files in which edits were merged with the server's.
    pub merged: Vec<String>,
    /// Files that a program still wrote to after the server's had taken their place; what it wrote is in `.parall/rescued`.
    pub rescued: Vec<String>,
    /// All conflicts that are not solved, new ones and older ones.
    pub conflicts: Vec<ConflictView>,
    /// Files of the server that are not here, and why.
    pub skipped: Vec<Skipped>,
}

/// Brings the folder of a wiki below `root` up to the server's newest version. `wiki` is what the server said of it just now.
pub async fn sync(
    client: &Client,
    root: &Path,
    wiki: &Wiki,
    options: &Options,
) -> Result<Synced, Error> {
    let (place, organisation) = (root.to_path_buf(), client.organisation_id().to_owned());
    let (about, settings) = (wiki.clone(), options.clone());
    let (workspace, current) = blocking(move || {
        let workspace = Workspace::create(&place, &organisation, &about, settings)?;
        let current = workspace.is_current(&about.version)?;
        Ok((workspace, current))
    })
    .await?;
    if current {
        return blocking(move || workspace.nothing_new()).await;
    }
    let tree = fetch::tree(client, &wiki.id, "", None).await?;
    let (workspace, target, missing) = blocking(move || {
        let mut workspace = workspace;
        let target = Target::of(tree, workspace.layout.rules());
        let missing = workspace.missing(&target)?;
        Ok((workspace, target, missing))
    })
    .await?;
    let workspace = fetch_missing(client, &wiki.id, workspace, missing).await?;
    blocking(move || {
        let mut workspace = workspace;
        workspace.take_over(target)
    })
    .await
}

impl Workspace {
    /// Whether the server has nothing that is not here.
    fn is_current(&self, version: &str) -> Result<bool, Error> {
        let identity = self.identity()?;
        let is_same = !version.is_empty() && identity.version == version && identity.complete;
        Ok(is_same && self.memory.has_whole_base()?)
    }

    fn nothing_new(mut self) -> Result<Synced, Error> {
        let Identity { slug, version, .. } = self.identity()?;
        Ok(Synced {
            wiki: slug,
            path: self.layout.mount().into(),
            version,
            files: self.memory.base_count()?,
            conflicts: self.open_conflicts()?,
            ..Synced::default()
        })
    }

    /// Makes the files here those of the target, with the edits on top.
    fn take_over(&mut self, target: Target) -> Result<Synced, Error> {
        let there: Files =
            target.files.iter().map(|(path, listed)| (path.clone(), listed.hash)).collect();
        let mut result = Synced { path: self.layout.mount().into(), ..Synced::default() };
        let mut blocked: BTreeMap<String, &'static str> = BTreeMap::new();
        let mut busy: Vec<String> = Vec::new();
        for _ in 0..ROUNDS {
            let scan = self.scan(&there)?;
            let base = self.memory.base()?;
            let unavailable =
                |path: &String| target.skipped.contains_key(path) || blocked.contains_key(path);
            let paths: BTreeSet<String> = base
                .keys()
                .chain(there.keys())
                .filter(|path| !unavailable(path))
                .cloned()
                .collect();
            let mut plan = Plan::default();
            for path in paths {
                let states = (base.get(&path), scan.files.get(&path), there.get(&path));
                self.plan(path, states, &mut plan)?;
            }
            let applied = {
                let observer = self.options.observer.clone();
                let observer = Observer(observer.as_deref());
                apply(&self.layout, &mut self.memory, &plan.placements, None, observer)?
            };
            count(&mut result, &plan, &applied);
            let Applied { mut outcome, changed, rescued, blocked: newly_blocked, .. } = applied;
            result.rescued.extend(rescued);
            outcome.base.extend(plan.base);
            outcome.conflicts.extend(plan.conflicts);
            self.memory.finish(&outcome)?;
            self.layout.clear_staging();
            blocked.extend(newly_blocked);
            busy = changed.into_iter().chain(plan.busy).collect();
            if busy.is_empty() {
                break;
            }
        }
        blocked
            .extend(busy.into_iter().map(|path| {
                (path, "it is edited all the time, or no wiki can hold what is there")
            }));
        self.settle(target, blocked, result)
    }

    fn settle(
        &mut self,
        target: Target,
        blocked: BTreeMap<String, &'static str>,
        mut result: Synced,
    ) -> Result<Synced, Error> {
        let identity = Identity {
            version: target.version,
            complete: blocked.is_empty() && target.skipped.is_empty(),
            ..self.identity()?
        };
        self.memory.finish(&Outcome { identity: Some(identity.clone()), ..Outcome::default() })?;
        self.observer().reached(Step::Finished);
        let skipped = target.skipped.into_iter().chain(blocked);
        result.skipped = skipped
            .map(|(path, reason)| Skipped {
                path: path.replace(char::is_control, "\u{fffd}"),
                reason,
            })
            .collect();
        result.wiki = identity.slug;
        result.version = identity.version;
        result.files = self.memory.base_count()?;
        result.conflicts = self.open_conflicts()?;
        Ok(result)
    }
}

fn count(result: &mut Synced, plan: &Plan, applied: &Applied) {
    let merged: HashSet<&str> = plan.merged.iter().map(String::as_str).collect();
    for placement in applied.done.iter().map(|index| &plan.placements[*index]) {
        match (&placement.old, &placement.new) {
            (None, _) => result.added += 1,
            (Some(_), Some(_)) => result.updated += 1,
            (Some(_), None) => result.deleted += 1,
        }
        if merged.contains(placement.path.as_str()) {
            result.merged.push(placement.path.clone());
        }
    }
}
