//! What has to change in the user's files, and how the files look afterwards. Writes nothing.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::draft::{Draft, File, NewFile, nest};
use super::include::{self, CREDENTIAL, Reach};
use super::wanted::Wanted;
use crate::config::Error;
use crate::config::credential::Credential;
use crate::config::outcome::Change;
use crate::config::platform::config::PlatformConfig;
use crate::config::platform::refusal::Refusal;
use crate::config::platform::schema::{DEFAULTS, INCLUDE, PROVIDER, Section};
use crate::config::syntax::document::Object;
use crate::config::syntax::edit;

/// The key of the credential in the provider's section.
const API_KEY: &str = "apiKey";

/// Why nothing can be planned.
#[derive(Debug, thiserror::Error)]
pub(in crate::config) enum Blocked {
    /// The user's files are in the way.
    #[error(transparent)]
    Untouchable(#[from] Error),
    /// What the platform sent would not make a configuration that hosts accept.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// All that has to change. Nothing at all when the files already say what they should.
#[derive(Debug, Default)]
pub(in crate::config) struct Plan {
    /// The user's own file.
    pub(in crate::config) main: PathBuf,
    pub(in crate::config) files: Vec<NewFile>,
    pub(in crate::config) changes: Vec<Change>,
}

/// Compares the user's file with the platform's configuration. `key` is the account's API key.
pub(in crate::config) fn plan(
    path: &Path,
    config: &PlatformConfig,
    key: &str,
) -> Result<Plan, Blocked> {
    let Some(main) = include::load(path)? else { return create(path, config, key) };
    let root = main.parse()?;
    let included = include::load_included(&main, &root)?;
    let mut files = vec![File { source: &main, root }];
    for source in &included {
        files.push(File { source, root: source.parse()? });
    }
    let mut plan = Plan { main: path.into(), ..Plan::default() };
    let mut drafts: Vec<_> = files.iter().map(Draft::new).collect();
    for section in [&PROVIDER, &DEFAULTS] {
        let (index, reach) = place(&files, section)?;
        let existing = (reach.depth == section.path.len()).then_some(reach.object);
        if let Some(wanted) =
            wanted(section, config, key, &files, existing.map(|object| (index, object)))?
        {
            drafts[index].set(reach, wanted, &mut plan.changes)?;
        }
    }
    for draft in drafts {
        plan.files.extend(draft.finish()?);
    }
    Ok(plan)
}

/// A file from nothing.
fn create(path: &Path, config: &PlatformConfig, key: &str) -> Result<Plan, Blocked> {
    let mut plan = Plan { main: path.into(), ..Plan::default() };
    let mut root = Map::new();
    let mut secret = false;
    for section in [&PROVIDER, &DEFAULTS] {
        let Some(wanted) = wanted(section, config, key, &[], None)? else { continue };
        secret |= wanted.has_clear_key;
        for (key, value) in &wanted.fields {
            plan.changes.push(Change::new(
                format!("{}.{key}", section.name()),
                path.into(),
                None,
                value.clone(),
            ));
        }
        let nested = nest(section.path, wanted.fields);
        root.extend(nested);
    }
    if !plan.changes.is_empty() {
        let new = edit::new_file(&Value::Object(root)).into_bytes();
        plan.files.push(NewFile { path: path.into(), old: None, new, secret });
    }
    Ok(plan)
}

/// The file in which a section is, or in which it is to be made: where most of its path is there already.
fn place<'f, 's>(
    files: &'f [File<'s>],
    section: &Section,
) -> Result<(usize, Reach<'f, 's>), Error> {
    let mut best: Option<(usize, Reach<'f, 's>)> = None;
    let rank = |reach: &Reach<'_, '_>| (reach.depth, !is_only_include(reach.object));
    for (index, file) in files.iter().enumerate() {
        let Some(reach) = include::reach(file.source, &file.root, section.path)? else { continue };
        let holds = |reach: &Reach<'_, '_>| rank(reach) == (section.path.len(), true);
        match &best {
            Some((first, other)) if holds(other) && holds(&reach) => {
                let (first, second) = (files[*first].source.path.clone(), file.source.path.clone());
                return Err(Error::Split { section: section.name(), first, second });
            }
            Some((_, other)) if rank(other) >= rank(&reach) => {}
            _ => best = Some((index, reach)),
        }
    }
    // The user's own file reaches at least its own root.
    best.ok_or_else(|| Error::Shape {
        path: files[0].source.path.clone(),
        key: "the whole file".to_owned(),
        found: files[0].root.kind.name(),
    })
}

/// An object that says nothing but which file to take.
fn is_only_include(object: &Object<'_>) -> bool {
    !object.members.is_empty() && object.members.iter().all(|member| member.key == INCLUDE)
}

/// The keys a section is to have; nothing when the platform has no say in it. `existing` is where it is.
fn wanted(
    section: &'static Section,
    config: &PlatformConfig,
    key: &str,
    files: &[File<'_>],
    existing: Option<(usize, &Object<'_>)>,
) -> Result<Option<Wanted>, Blocked> {
    if section.path == DEFAULTS.path {
        let fields = config.defaults.clone().map(|fields| fields.into_iter().collect());
        return Ok(fields.map(|fields| Wanted { section, fields, has_clear_key: false }));
    }
    if config.provider.is_none() && existing.is_none() {
        return Ok(None);
    }
    let mut fields: Vec<_> = config.provider.clone().unwrap_or_default().into_iter().collect();
    let current = existing.and_then(|(index, object)| {
        object.all(API_KEY).last().map(|node| files[index].source.value(node))
    });
    let credential = Credential::choose(key, written_credential(files).as_ref(), current.as_ref());
    let has_clear_key = credential.is_clear();
    fields.push((API_KEY.to_owned(), credential.value()));
    let has = |key: &str| {
        let exists = existing.is_some_and(|(_, object)| object.all(key).next().is_some());
        exists || fields.iter().any(|(name, _)| name == key)
    };
    match section.missing(has) {
        Some(missing) => {
            let path = format!("{}.{missing}", section.name());
            Err(Refusal::Host { path, reason: "is missing".to_owned() }.into())
        }
        None => Ok(Some(Wanted { section, fields, has_clear_key })),
    }
}

/// What is at `channels.parall.api_key`, unresolved. The user's own file comes first: it wins over what it includes.
fn written_credential(files: &[File<'_>]) -> Option<Value> {
    let (name, path) = CREDENTIAL.split_last()?;
    files.iter().find_map(|file| {
        let reach = include::reach(file.source, &file.root, path).ok()??;
        let node = reach.object.all(name).last().filter(|_| reach.depth == path.len())?;
        Some(file.source.value(node))
    })
}
