//! The files of which a configuration is made, and which of them holds a section.
//!
//! Hosts resolve `{"$include": "file"}` in any object: the included content is the base, the object's other keys win, objects
//! are merged and arrays joined. So a section that is in one file is edited in that file, and one that is put together
//! from several files has no place for an edit.

use std::borrow::Cow;
use std::fs::canonicalize;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::config::Error;
use crate::config::platform::schema::{self, INCLUDE};
use crate::config::syntax::document::{self, Kind, Node, Object};
use crate::fs;

/// Where the account's key is.
pub(in crate::config) const CREDENTIAL: [&str; 3] = ["channels", "parall", "api_key"];
/// As in the hosts.
const MAX_DEPTH: usize = 10;
/// As in the hosts, in bytes.
const MAX_INCLUDED_BYTES: usize = 2 * 1024 * 1024;

/// One file as it was read.
#[derive(Debug)]
pub(in crate::config) struct SourceFile {
    /// As the user or the `$include` names it.
    pub(in crate::config) path: PathBuf,
    /// Where its contents are in the whole configuration.
    pub(in crate::config) base: Vec<String>,
    /// The text without byte order mark, as it is.
    pub(in crate::config) text: String,
    /// The text to read, where it differs; see [`document::readable`].
    reading: Option<String>,
    /// Whether the file begins with a byte order mark.
    pub(in crate::config) has_mark: bool,
}

/// Byte order mark, which hosts accept.
pub(in crate::config) const MARK: &str = "\u{feff}";

impl SourceFile {
    /// The text for a parser.
    pub(in crate::config) fn reading(&self) -> &str {
        self.reading.as_deref().unwrap_or(&self.text)
    }

    /// The file's contents as they are on the disk.
    pub(in crate::config) fn bytes(&self) -> Vec<u8> {
        with_mark(self.has_mark, &self.text)
    }

    fn read(path: &Path, base: Vec<String>, bytes: Vec<u8>) -> Result<Self, Error> {
        let text = String::from_utf8(bytes).map_err(|error| Error::Encoding {
            path: path.into(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        let (has_mark, text) = match text.strip_prefix(MARK) {
            Some(rest) => (true, rest.to_owned()),
            None => (false, text),
        };
        let reading = match document::readable(&text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(copy) => Some(copy),
        };
        Ok(Self { path: path.into(), base, text, reading, has_mark })
    }

    /// A value of the file. What the second parser cannot read counts as different from anything that could be wanted.
    pub(in crate::config) fn value(&self, node: &Node<'_>) -> Value {
        json5::from_str(&self.reading()[node.range.clone()]).unwrap_or(Value::Null)
    }

    /// Where its values are.
    pub(in crate::config) fn parse(&self) -> Result<Node<'_>, Error> {
        if self.text.trim().is_empty() {
            return Err(Error::Empty { path: self.path.clone() });
        }
        document::parse(self.reading(), &self.base, &is_wanted).map_err(|error| {
            let (line, column) = document::position(&self.text, error.offset);
            Error::Syntax { path: self.path.clone(), line, column, reason: error.reason }
        })
    }
}

pub(in crate::config) fn with_mark(has_mark: bool, text: &str) -> Vec<u8> {
    if has_mark { [MARK, text].concat().into_bytes() } else { text.as_bytes().to_vec() }
}

/// Whether an object leads to a setting that is read or written here.
fn is_wanted(path: &[Cow<'_, str>]) -> bool {
    let leads_to = |wanted: &[&str]| {
        path.len() <= wanted.len() && path.iter().zip(wanted).all(|(key, wanted)| key == wanted)
    };
    leads_to(schema::PROVIDER.path) || leads_to(schema::DEFAULTS.path) || leads_to(&CREDENTIAL[..2])
}

/// The user's own file, or nothing when it does not exist.
pub(in crate::config) fn load(path: &Path) -> Result<Option<SourceFile>, Error> {
    let Some(bytes) = fs::read(path)? else { return Ok(None) };
    SourceFile::read(path, Vec::new(), bytes).map(Some)
}

/// The files it includes where that matters for a setting of interest, and those they include.
pub(in crate::config) fn load_included(
    main: &SourceFile,
    root: &Node<'_>,
) -> Result<Vec<SourceFile>, Error> {
    let mut loader = Loader::of(main);
    loader.follow(main, root, &mut vec![normalize(&main.path)])?;
    Ok(loader.sources)
}

pub(in crate::config) struct Loader {
    /// The folder of the user's file, as named and as it really is. Nothing outside is included.
    folder: PathBuf,
    root: PathBuf,
    sources: Vec<SourceFile>,
}

impl Loader {
    pub(in crate::config) fn of(main: &SourceFile) -> Self {
        let folder = main.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let root = canonicalize(&folder).unwrap_or_else(|_| folder.clone());
        Self { folder, root, sources: Vec::new() }
    }

    /// Reads what `source` includes. `chain` are the files that led to it, itself the last.
    fn follow(
        &mut self,
        source: &SourceFile,
        root: &Node<'_>,
        chain: &mut Vec<PathBuf>,
    ) -> Result<(), Error> {
        let mut found = Vec::new();
        collect(source, root, &mut source.base.clone(), &mut found)?;
        for (base, include) in found {
            let next = self.read(source, base, &include, chain)?;
            chain.push(next.path.clone());
            let at = self.sources.len();
            self.follow(&next, &next.parse()?, chain)?;
            // Before the files it includes: of two files that could take a section, the including one wins.
            self.sources.insert(at, next);
            chain.pop();
        }
        Ok(())
    }

    /// Reads one included file, under the rules of the hosts.
    pub(in crate::config) fn read(
        &self,
        source: &SourceFile,
        base: Vec<String>,
        include: &str,
        chain: &[PathBuf],
    ) -> Result<SourceFile, Error> {
        let folder = source.path.parent().unwrap_or(Path::new(""));
        let target = normalize(&folder.join(include));
        let fail = |reason: &str| Error::Include {
            path: source.path.clone(),
            include: include.to_owned(),
            reason: reason.to_owned(),
        };
        if chain.contains(&target) {
            return Err(fail("it includes itself"));
        }
        if chain.len() > MAX_DEPTH {
            return Err(fail("too many levels"));
        }
        if !target.starts_with(normalize(&self.folder)) {
            return Err(fail("it is outside the folder of the configuration"));
        }
        let real = canonicalize(&target).map_err(|_| fail("it cannot be found"))?;
        if !real.starts_with(&self.root) {
            return Err(fail("it leads outside the folder of the configuration"));
        }
        let bytes = fs::read(&target)?.ok_or_else(|| fail("it cannot be found"))?;
        if bytes.len() > MAX_INCLUDED_BYTES {
            return Err(fail("it is larger than hosts accept"));
        }
        SourceFile::read(&target, base, bytes)
    }
}

/// The includes in objects of interest, with the path of each object.
fn collect(
    source: &SourceFile,
    node: &Node<'_>,
    path: &mut Vec<String>,
    found: &mut Vec<(Vec<String>, String)>,
) -> Result<(), Error> {
    let Kind::Object(object) = &node.kind else { return Ok(()) };
    for member in &object.members {
        if member.key == INCLUDE {
            for include in include_names(source, &member.value)? {
                found.push((path.clone(), include));
            }
        } else {
            path.push(member.key.to_string());
            collect(source, &member.value, path, found)?;
            path.pop();
        }
    }
    Ok(())
}

/// A file name or a list of them.
fn include_names(source: &SourceFile, value: &Node<'_>) -> Result<Vec<String>, Error> {
    let text = &source.reading()[value.range.clone()];
    let names = match &value.kind {
        Kind::String(name) => Some(vec![name.to_string()]),
        Kind::Array => json5::from_str(text).ok(),
        _ => None,
    };
    names.ok_or_else(|| Error::Include {
        path: source.path.clone(),
        include: INCLUDE.to_owned(),
        reason: "neither a file name nor a list of file names".to_owned(),
    })
}

/// A path without `.` and `..`, without a look at the disk, as hosts compare them.
pub(in crate::config) fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// How far a path leads into a file.
pub(in crate::config) struct Reach<'n, 'a> {
    /// The deepest object on the path.
    pub(in crate::config) object: &'n Object<'a>,
    /// Where that object is.
    pub(in crate::config) range: std::ops::Range<usize>,
    /// How many keys of the path lead to it.
    pub(in crate::config) depth: usize,
}

/// Follows `path` into a file as far as there are objects.
///
/// A value on the way that is no object, or a key that occurs twice, is an error: an edit below would have no effect.
pub(in crate::config) fn reach<'n, 'a>(
    source: &SourceFile,
    root: &'n Node<'a>,
    path: &[&str],
) -> Result<Option<Reach<'n, 'a>>, Error> {
    let base = &source.base;
    if base.len() > path.len() || base.iter().zip(path).any(|(key, wanted)| key != wanted) {
        return Ok(None);
    }
    let mut node = root;
    let mut depth = base.len();
    loop {
        let Kind::Object(object) = &node.kind else {
            let key =
                if depth == 0 { "the whole file".to_owned() } else { path[..depth].join(".") };
            return Err(Error::Shape { path: source.path.clone(), key, found: node.kind.name() });
        };
        let here = Reach { object, range: node.range.clone(), depth };
        let Some(key) = path.get(depth) else { return Ok(Some(here)) };
        match unique(source, object, path, depth, key)? {
            Some(next) => node = next,
            None => return Ok(Some(here)),
        }
        depth += 1;
    }
}

/// The value of a key that occurs at most once.
pub(in crate::config) fn unique<'n, 'a>(
    source: &SourceFile,
    object: &'n Object<'a>,
    path: &[&str],
    depth: usize,
    key: &str,
) -> Result<Option<&'n Node<'a>>, Error> {
    let mut values = object.all(key);
    let value = values.next();
    if values.next().is_some() {
        let key = path[..depth].iter().copied().chain([key]).collect::<Vec<_>>().join(".");
        return Err(Error::Duplicate { path: source.path.clone(), key });
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_without_a_look_at_the_disk() {
        assert_eq!(normalize(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(normalize(Path::new("/../a")), Path::new("/a"));
    }

    #[test]
    fn only_objects_on_the_way_are_wanted() {
        let wanted =
            |path: &[&str]| is_wanted(&path.iter().copied().map(Cow::Borrowed).collect::<Vec<_>>());
        assert!(
            wanted(&[])
                && wanted(&["models", "providers", "parall"])
                && wanted(&["channels", "parall"])
        );
        assert!(
            !wanted(&["models", "providers", "other"]) && !wanted(&["agents", "defaults", "model"])
        );
        assert!(!wanted(&["channels", "parall", "api_key"]));
    }
}
