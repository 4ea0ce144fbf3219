//! Following the server.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use serde::Serialize;

use super::apply::{Applied, Content, Placement, apply};
use super::memory::{Conflict, Files, Identity, Outcome};
use super::plan::{Decision, decide};
use super::scan::{Scan, read_as, scan};
use super::status::ConflictView;
use super::{Options, Step, Workspace, blocking};
use crate::api::{Client, Wiki};
use crate::wiki::fetch::{self, Listed, Tree};
use crate::wiki::path::{Rules, Spellings, check};
use crate::wiki::text::{Merged, merge};
use crate::wiki::{Error, Hash};

/// How often a plan is made anew because files were edited while it was carried out.
const ROUNDS: usize = 5;
/// Bytes and files that are written to the memory at once while a wiki is fetched. What was written survives an interruption.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
const BATCH_FILES: usize = 256;

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

/// A file that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its path; control characters replaced.
    pub path: String,
    /// Why.
    pub reason: &'static str,
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

/// What the server has, as far as it can be here.
struct Target {
    version: String,
    files: BTreeMap<String, Listed>,
    skipped: BTreeMap<String, &'static str>,
}

impl Target {
    fn of(tree: Tree, rules: Rules) -> Self {
        let mut target =
            Self { version: tree.version, files: BTreeMap::new(), skipped: BTreeMap::new() };
        let mut spellings = Spellings::default();
        for (path, listed) in tree.files {
            let is_too_large = listed.size.is_some_and(|size| size > crate::api::LARGEST_WIKI_FILE);
            if let Err(unusable) = check(&path, rules) {
                target.skipped.insert(path, unusable.reason());
            } else if is_too_large {
                target.skipped.insert(path, "it is too large");
            } else if rules.folds_case && !spellings.claim(&path) {
                target.skipped.insert(path, crate::wiki::path::Unusable::Collision.reason());
            } else {
                target.files.insert(path, listed);
            }
        }
        target
    }
}

async fn fetch_missing(
    client: &Client,
    wiki: &str,
    mut workspace: Workspace,
    missing: Vec<(String, Listed)>,
) -> Result<Workspace, Error> {
    let total = missing.len();
    let mut coming = std::pin::pin!(fetch::blobs(client, wiki, missing));
    let (mut batch, mut bytes, mut done) = (Vec::new(), 0, 0);
    loop {
        let next = coming.next().await;
        let is_end = !matches!(next, Some(Ok(_)));
        let failure = match next {
            Some(Ok(blob)) => {
                bytes += blob.1.len();
                batch.push(blob);
                done += 1;
                workspace.options.progressed(done, total);
                None
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        if is_end || bytes >= BATCH_BYTES || batch.len() >= BATCH_FILES {
            let full = std::mem::take(&mut batch);
            bytes = 0;
            workspace = blocking(move || {
                workspace.memory.add_blobs(&full)?;
                workspace.observer().reached(Step::Fetched);
                Ok(workspace)
            })
            .await?;
        }
        match failure {
            Some(error) => return Err(error),
            None if is_end => return Ok(workspace),
            None => {}
        }
    }
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

    /// What has to be fetched. Bytes that stand in the mount already need not be.
    fn missing(&mut self, target: &Target) -> Result<Vec<(String, Listed)>, Error> {
        let wanted = target.files.values().map(|listed| listed.hash).collect();
        let mut missing = self.memory.missing_blobs(wanted)?;
        let scan =
            self.scan(&target.files.iter().map(|(path, one)| (path.clone(), one.hash)).collect())?;
        let mut found = Vec::new();
        for (path, known) in &scan.files {
            if missing.contains(&known.hash)
                && let Some(bytes) = read_as(self.layout.mount(), path, known.hash)?
            {
                missing.remove(&known.hash);
                found.push((known.hash, bytes));
                if found.len() >= BATCH_FILES {
                    self.memory.add_blobs(&std::mem::take(&mut found))?;
                }
            }
        }
        self.memory.add_blobs(&found)?;
        let mut wanted = Vec::with_capacity(missing.len());
        for (path, listed) in &target.files {
            if missing.remove(&listed.hash) {
                wanted.push((path.clone(), *listed));
            }
        }
        Ok(wanted)
    }

    /// Looks at the mount; `more` are files that count as the wiki's besides those of the base.
    pub(super) fn scan(&mut self, more: &Files) -> Result<Scan, Error> {
        let mut tracked = self.memory.base()?;
        tracked.extend(more.iter().map(|(path, hash)| (path.clone(), *hash)));
        let seen = self.memory.seen()?;
        let scan = scan(self.layout.mount(), &tracked, &seen)?;
        let gone: Vec<_> = seen.into_keys().filter(|path| !scan.files.contains_key(path)).collect();
        self.memory.update_seen(&scan.fresh, &gone)?;
        Ok(scan)
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
                let observer = super::Observer(observer.as_deref());
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
        blocked.extend(busy.into_iter().map(|path| {
            (path, "it is edited all the time, or no wiki can hold what stands there")
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

    fn plan(
        &mut self,
        path: String,
        (base, here, there): States<'_>,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let there = there.copied();
        match decide(base.copied(), here.map(|known| known.hash), there) {
            Decision::Keep => {}
            Decision::Agreed => plan.base.push((path, there)),
            Decision::Take => plan.placements.push(Placement {
                path,
                old: here.copied(),
                new: there.map(Content::Blob),
                base: there,
                conflict: None,
            }),
            Decision::DeletedThere => {
                plan.conflicts.push((path.clone(), unmarked("deleted_there", None)));
                plan.base.push((path, None));
            }
            Decision::DeletedHere => {
                let copy = self.copy_of_server(&path, there)?;
                plan.conflicts.push((path.clone(), unmarked("deleted_here", copy)));
                plan.base.push((path, there));
            }
            Decision::Merge => self.plan_merge(path, (base, here, there.as_ref()), plan)?,
        }
        Ok(())
    }

    fn plan_merge(
        &mut self,
        path: String,
        (base, here, there): States<'_>,
        plan: &mut Plan,
    ) -> Result<(), Error> {
        let (Some(here), Some(there)) = (here.copied(), there.copied()) else { return Ok(()) };
        let Some(ours) = read_as(self.layout.mount(), &path, here.hash)? else {
            plan.busy.push(path);
            return Ok(());
        };
        let theirs = self.bytes(&path, there)?;
        let old = match base {
            Some(base) => self.memory.blob(*base)?,
            None => None,
        };
        let (bytes, conflict) = match merge(old.as_deref(), &ours, &theirs) {
            Merged::Clean(bytes) => (bytes, None),
            Merged::Conflict { bytes, marker } => {
                let conflict =
                    Conflict { kind: "both_changed".into(), marker: Some(marker), copy: None };
                (bytes, Some(conflict))
            }
            Merged::Impossible => {
                let copy = self.copy_of_server(&path, Some(there))?;
                plan.conflicts.push((path.clone(), unmarked("both_changed", copy)));
                plan.base.push((path, Some(there)));
                return Ok(());
            }
        };
        if bytes == ours {
            plan.base.push((path, Some(there)));
            return Ok(());
        }
        if conflict.is_none() {
            plan.merged.push(path.clone());
        }
        plan.placements.push(Placement {
            path,
            old: Some(here),
            new: Some(Content::Merged(bytes)),
            base: Some(there),
            conflict,
        });
        Ok(())
    }

    fn copy_of_server(&self, path: &str, hash: Option<Hash>) -> Result<Option<String>, Error> {
        let Some(hash) = hash else { return Ok(None) };
        self.layout.write_conflict_copy(path, &self.bytes(path, hash)?).map(Some)
    }

    /// Bytes of the base or of the server that have been fetched.
    pub(super) fn bytes(&self, path: &str, hash: Hash) -> Result<Vec<u8>, Error> {
        self.memory.blob(hash)?.ok_or_else(|| Error::Content { path: path.to_owned() })
    }
}

type States<'a> = (Option<&'a Hash>, Option<&'a super::scan::Known>, Option<&'a Hash>);

/// What a round will do.
#[derive(Default)]
struct Plan {
    placements: Vec<Placement>,
    /// Changes of the base alone.
    base: Vec<(String, Option<Hash>)>,
    /// Conflicts that no file here marks.
    conflicts: Vec<(String, Conflict)>,
    merged: Vec<String>,
    busy: Vec<String>,
}

fn unmarked(kind: &str, copy: Option<String>) -> Conflict {
    Conflict { kind: kind.to_owned(), marker: None, copy }
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
