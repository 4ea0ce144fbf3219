//! One file of the user and what is to be changed in it.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::include::{self, Reach, SourceFile};
use super::verify;
use super::wanted::Wanted;
use crate::config::Error;
use crate::config::outcome::Change;
use crate::config::syntax::document::{Node, Object};
use crate::config::syntax::edit::{self, Splice, Style};

/// A file and what is in it.
pub(in crate::config) struct File<'s> {
    pub(in crate::config) source: &'s SourceFile,
    pub(in crate::config) root: Node<'s>,
}

/// A file as it is to be.
#[derive(Debug)]
pub(in crate::config) struct NewFile {
    pub(in crate::config) path: PathBuf,
    /// What it holds now; nothing when it is yet to be made.
    pub(in crate::config) old: Option<Vec<u8>>,
    pub(in crate::config) new: Vec<u8>,
    /// A key in clear goes into it.
    pub(in crate::config) secret: bool,
}

/// What is to be changed in a file.
pub(in crate::config) struct Draft<'f, 's> {
    file: &'f File<'s>,
    style: Style<'f>,
    splices: Vec<Splice>,
    insertions: Vec<Insertion<'f, 's>>,
    sections: Vec<Wanted>,
    secret: bool,
}

/// New members of one object.
struct Insertion<'f, 's> {
    object: &'f Object<'s>,
    range: Range<usize>,
    entries: Vec<(String, Value)>,
}

impl<'f, 's> Draft<'f, 's> {
    /// Nothing yet.
    pub(in crate::config) fn new(file: &'f File<'s>) -> Self {
        let style = Style::of(&file.source.text, &file.root);
        Self {
            file,
            style,
            splices: Vec::new(),
            insertions: Vec::new(),
            sections: Vec::new(),
            secret: false,
        }
    }

    /// Notes what is needed for a section to have its keys, and nothing where it has them already.
    pub(in crate::config) fn set(
        &mut self,
        reach: Reach<'f, 's>,
        wanted: Wanted,
        changes: &mut Vec<Change>,
    ) -> Result<(), Error> {
        let path = wanted.section.path;
        let source = self.file.source;
        let is_there = reach.depth == path.len();
        let mut missing = Vec::new();
        let count = changes.len();
        for (key, value) in &wanted.fields {
            let node = if is_there {
                include::unique(source, reach.object, path, reach.depth, key)?
            } else {
                None
            };
            let before = node.map(|node| source.value(node));
            if before.as_ref().is_some_and(|before| verify::is_same(before, value)) {
                continue;
            }
            let name = format!("{}.{key}", wanted.section.name());
            changes.push(Change::new(name, source.path.clone(), before, value.clone()));
            match node {
                Some(node) => {
                    self.splices.push(edit::replace(&source.text, &self.style, &node.range, value));
                }
                None => missing.push((key.clone(), value.clone())),
            }
        }
        if changes.len() == count {
            return Ok(());
        }
        if !missing.is_empty() {
            let entries = if is_there {
                missing
            } else {
                nest(&path[reach.depth..], missing).into_iter().collect()
            };
            self.insert(reach, entries);
        }
        let key_changes = changes[count..].iter().any(Change::is_credential);
        self.secret |= wanted.has_clear_key && key_changes;
        self.sections.push(wanted);
        Ok(())
    }

    fn insert(&mut self, reach: Reach<'f, 's>, entries: Vec<(String, Value)>) {
        match self.insertions.iter_mut().find(|insertion| insertion.range == reach.range) {
            Some(insertion) => insertion.entries.extend(entries),
            None => self.insertions.push(Insertion {
                object: reach.object,
                range: reach.range,
                entries,
            }),
        }
    }

    /// The file as it is to be, checked; nothing when it stays as it is.
    pub(in crate::config) fn finish(mut self) -> Result<Option<NewFile>, Error> {
        if self.sections.is_empty() {
            return Ok(None);
        }
        let source = self.file.source;
        for insertion in &self.insertions {
            let Insertion { object, range, entries } = insertion;
            self.splices.extend(edit::insert(&source.text, &self.style, range, object, entries));
        }
        let text = edit::apply(&source.text, self.splices);
        if !verify::has(&text, &source.base, &self.sections) {
            let path = source.path.clone();
            return Err(match verify::fault(source.reading()) {
                Some((line, column, reason)) => Error::Syntax { path, line, column, reason },
                None => Error::Verify { path },
            });
        }
        let new = include::with_mark(source.has_mark, &text);
        Ok(Some(NewFile {
            path: source.path.clone(),
            old: Some(source.bytes()),
            new,
            secret: self.secret,
        }))
    }
}

/// The fields below a path that does not exist yet.
pub(in crate::config) fn nest(path: &[&str], fields: Vec<(String, Value)>) -> Map<String, Value> {
    let mut nested: Map<_, _> = fields.into_iter().collect();
    for key in path.iter().rev() {
        nested = Map::from_iter([((*key).to_owned(), Value::Object(nested))]);
    }
    nested
}
