//! A section of the user's configuration as hosts read it, for programs that run without one.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::include::{Loader, SourceFile, load, normalize};
use crate::config::Error;
use crate::config::credential::is_name;
use crate::config::platform::schema::INCLUDE;

/// The section at `keys`, with its includes merged in and `${NAME}` replaced; nothing when there is no file or no section.
///
/// Only what leads to the section is looked at. A `${NAME}` whose variable is not set stays as it is.
pub fn read_section(
    path: &Path,
    keys: &[&str],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Value>, Error> {
    let Some(main) = load(path)? else { return Ok(None) };
    let reader = Reader { loader: Loader::of(&main), keys };
    let root = reader.resolve(&main, parsed(&main)?, 0, &mut vec![normalize(&main.path)])?;
    let section = keys.iter().try_fold(root, |mut value, key| value.get_mut(*key).map(Value::take));
    Ok(section.map(|section| replaced(section, environment)))
}

struct Reader<'a> {
    loader: Loader,
    keys: &'a [&'a str],
}

impl Reader<'_> {
    /// Merges what `value`, which is `depth` keys deep, includes: the file is the base, the object's own keys win.
    fn resolve(
        &self,
        source: &SourceFile,
        value: Value,
        depth: usize,
        chain: &mut Vec<PathBuf>,
    ) -> Result<Value, Error> {
        let Value::Object(mut object) = value else { return Ok(value) };
        let include = object.shift_remove(INCLUDE);
        // Inside the section everything counts.
        let wanted = self.keys.get(depth);
        let mut own = Map::new();
        for (key, value) in object {
            if wanted.is_none_or(|wanted| *wanted == key) {
                let value = self.resolve(source, value, depth + 1, chain)?;
                own.insert(key, value);
            }
        }
        let mut merged = Value::Object(Map::new());
        for name in names(source, include)? {
            let file = self.loader.read(source, Vec::new(), &name, chain)?;
            chain.push(file.path.clone());
            let base = self.resolve(&file, parsed(&file)?, depth, chain)?;
            chain.pop();
            merged = merge(merged, base);
        }
        Ok(merge(merged, Value::Object(own)))
    }
}

fn parsed(source: &SourceFile) -> Result<Value, Error> {
    if source.text.trim().is_empty() {
        return Err(Error::Empty { path: source.path.clone() });
    }
    json5::from_str(source.reading()).map_err(|error| {
        let (line, column) =
            error.position().map_or((1, 1), |position| (position.line + 1, position.column + 1));
        // The parser's own text may quote a value of the file.
        let reason = "it is not JSON5".to_owned();
        Error::Syntax { path: source.path.clone(), line, column, reason }
    })
}

/// A file name or a list of them.
fn names(source: &SourceFile, include: Option<Value>) -> Result<Vec<String>, Error> {
    let names = match include {
        None => return Ok(Vec::new()),
        Some(Value::String(name)) => Some(vec![name]),
        Some(Value::Array(names)) => {
            names.into_iter().map(|name| name.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    };
    names.ok_or_else(|| Error::Include {
        path: source.path.clone(),
        include: INCLUDE.to_owned(),
        reason: "neither a file name nor a list of file names".to_owned(),
    })
}

/// As hosts merge: objects key by key, arrays joined, anything else replaced.
fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Object(mut base), Value::Object(over)) => {
            for (key, value) in over {
                let value = match base.shift_remove(&key) {
                    Some(below) => merge(below, value),
                    None => value,
                };
                base.insert(key, value);
            }
            Value::Object(base)
        }
        (Value::Array(mut base), Value::Array(over)) => {
            base.extend(over);
            Value::Array(base)
        }
        (_, over) => over,
    }
}

/// Puts the values of variables into every text. `$${NAME}` stands for the text `${NAME}`.
fn replaced(value: Value, environment: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) if text.contains("${") => Value::String(expand(&text, environment)),
        Value::Array(items) => items.into_iter().map(|item| replaced(item, environment)).collect(),
        Value::Object(object) => {
            object.into_iter().map(|(key, value)| (key, replaced(value, environment))).collect()
        }
        other => other,
    }
}

fn expand(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let (place, name) = (&rest[start..=start + length], &rest[start + 2..start + length]);
        let before = &rest[..start];
        if !is_name(name) {
            expanded.push_str(&rest[..start + 2]);
            rest = &rest[start + 2..];
            continue;
        }
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str(place);
        } else {
            expanded.push_str(before);
            expanded.push_str(environment(name).as_deref().unwrap_or(place));
        }
        rest = &rest[start + length + 1..];
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECTION: [&str; 2] = ["channels", "parall"];

    fn read(files: &[(&str, &str)]) -> Result<Option<Value>, Error> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let environment = |name: &str| (name == "KEY").then(|| "from-env".to_owned());
        read_section(&folder.path().join("openclaw.json"), &SECTION, &environment)
    }

    #[test]
    fn a_section_is_put_together_from_all_its_files() {
        let main = r#"{ $include: ["a.json", "b.json"], channels: { parall: { $include: "c.json", org_id: "org_main" } } }"#;
        let files = [
            ("openclaw.json", main),
            ("a.json", r#"{ channels: { parall: { parall_url: "a", tags: [1] } } }"#),
            (
                "b.json",
                r#"{ channels: { parall: { parall_url: "b", tags: [2] }, other: { $include: "gone" } } }"#,
            ),
            ("c.json", r#"{ api_key: "${KEY}", org_id: "org_c" }"#),
        ];
        let expected =
            json!({"parall_url": "b", "tags": [1, 2], "api_key": "from-env", "org_id": "org_main"});
        assert_eq!(read(&files).unwrap().unwrap(), expected);
    }

    #[test]
    fn no_file_and_no_section_are_nothing_and_a_broken_file_is_an_error_without_its_text() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("openclaw.json", "{ channels: {} }")]).unwrap(), None);
        let error = read(&[("openclaw.json", "{ channels: secret")]).unwrap_err();
        assert!(matches!(error, Error::Syntax { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(read(&[("openclaw.json", r#"{ $include: "../x" }"#)]).is_err());
        assert!(read(&[("openclaw.json", r#"{ $include: "openclaw.json" }"#)]).is_err());
    }

    #[test]
    fn variables_are_replaced_as_hosts_do() {
        let environment = |name: &str| (name == "A_1").then(|| "x".to_owned());
        for (text, expected) in [
            ("${A_1}", "x"),
            ("a${A_1}b${A_1}", "axbx"),
            ("$${A_1}", "${A_1}"),
            ("${MISSING}", "${MISSING}"),
            ("${lower}${A_1}", "${lower}x"),
            ("${A_1", "${A_1"),
        ] {
            assert_eq!(expand(text, &environment), expected, "{text}");
        }
    }
}
