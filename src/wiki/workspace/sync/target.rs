//! What the server has, and fetching what is missing of it here.

use std::collections::BTreeMap;

use futures_util::StreamExt;

use crate::api::{Client, LARGEST_WIKI_FILE};
use crate::wiki::Error;
use crate::wiki::fetch::{self, Listed, Tree};
use crate::wiki::path::{Rules, Spellings, Unusable, check};
use crate::wiki::workspace::mount::scan::read_as;
use crate::wiki::workspace::options::Step;
use crate::wiki::workspace::{Workspace, blocking};

/// Bytes and files that are written to the memory at once while a wiki is fetched. What was written survives an interruption.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
const BATCH_FILES: usize = 256;

/// What the server has, as far as it can be here.
pub(super) struct Target {
    pub(super) version: String,
    pub(super) files: BTreeMap<String, Listed>,
    pub(super) skipped: BTreeMap<String, &'static str>,
}

impl Target {
    pub(super) fn of(tree: Tree, rules: Rules) -> Self {
        let mut target =
            Self { version: tree.version, files: BTreeMap::new(), skipped: BTreeMap::new() };
        let mut spellings = Spellings::default();
        for (path, listed) in tree.files {
            let is_too_large = listed.size.is_some_and(|size| size > LARGEST_WIKI_FILE);
            if let Err(unusable) = check(&path, rules) {
                target.skipped.insert(path, unusable.reason());
            } else if is_too_large {
                target.skipped.insert(path, "it is too large");
            } else if rules.folds_case && !spellings.claim(&path) {
                target.skipped.insert(path, Unusable::Collision.reason());
            } else {
                target.files.insert(path, listed);
            }
        }
        target
    }
}

/// Fetches what is missing into the memory, in batches that survive an interruption.
pub(super) async fn fetch_missing(
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
    /// What has to be fetched. Bytes that are in the mount already need not be.
    pub(super) fn missing(&mut self, target: &Target) -> Result<Vec<(String, Listed)>, Error> {
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
}
