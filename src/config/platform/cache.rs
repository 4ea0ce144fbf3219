//! The last known good configuration, in the host's state directory.
//!
//! The file and its form are those of version 1.12.0, so that both can read what the other wrote.

use std::fs::rename;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::config::PlatformConfig;
use super::refusal::Refusal;
use super::trust::Trust;
use crate::fs::{self, ReplaceOptions};
use crate::time::{iso, now};

/// Name of the file.
const NAME: &str = "parall-platform-config.json";

/// What the cache holds.
#[derive(Debug)]
pub(in crate::config) enum Cached {
    /// Nothing.
    Nothing,
    /// A configuration that may be applied.
    Good(Box<PlatformConfig>),
    /// A configuration that may not be applied, such as one of a newer plugin. It stays where it is.
    Refused(Refusal),
    /// No configuration; the file is now called this.
    SetAside(PathBuf),
    /// The file cannot be read or moved.
    Unreadable(fs::Error),
}

/// Where the cache is.
pub(in crate::config) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(NAME)
}

/// Reads the cache. A damaged file is set aside, never applied and never deleted.
pub(in crate::config) fn read(state_dir: &Path, trust: &Trust) -> Cached {
    let path = path(state_dir);
    let bytes = match fs::read(&path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Cached::Nothing,
        Err(error) => return Cached::Unreadable(error),
    };
    match std::str::from_utf8(&bytes).map(|text| PlatformConfig::parse(text, trust)) {
        Ok(Ok(config)) => Cached::Good(Box::new(config)),
        Ok(Err(Refusal::Malformed(_))) | Err(_) => set_aside(path),
        Ok(Err(refusal)) => Cached::Refused(refusal),
    }
}

fn set_aside(path: PathBuf) -> Cached {
    let stamp = iso(now()).replace([':', '.'], "-");
    let aside = path.with_file_name(format!("{NAME}.corrupt-{stamp}"));
    match rename(&path, &aside) {
        Ok(()) => Cached::SetAside(aside),
        Err(source) => Cached::Unreadable(fs::Error::Write { action: "set aside", path, source }),
    }
}

/// Writes the cache.
pub(in crate::config) fn write(state_dir: &Path, config: &PlatformConfig) -> Result<(), fs::Error> {
    let fields = Map::from_iter([
        ("version".to_owned(), json!(config.version)),
        ("config".to_owned(), Value::Object(config.raw.clone())),
        ("fetchedAt".to_owned(), json!(iso(now()))),
    ]);
    let text = format!("{:#}\n", Value::Object(fields));
    // It may hold headers with tokens of the platform.
    let options = ReplaceOptions { secret: true, ..ReplaceOptions::default() };
    fs::replace(&path(state_dir), text.as_bytes(), &options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust() -> Trust {
        Trust::new("https://p", Some("all"), &[])
    }

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let config = PlatformConfig::parse(
            r#"{"version": "7", "config": {"agents": {"defaults": {"model": "a/b"}}, "more": 1}}"#,
            &trust(),
        )
        .unwrap();
        write(folder.path(), &config).unwrap();
        assert!(matches!(read(folder.path(), &trust()), Cached::Good(found) if *found == config));
        assert_eq!(names(folder.path()), [NAME]);
    }

    #[test]
    fn a_damaged_file_is_set_aside_with_its_contents() {
        for damage in
            ["", "{\"version\": \"1\"", "[]", "{\"version\": \"1\", \"config\": 5}", "\u{0}\u{0}"]
        {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(path(folder.path()), damage).unwrap();
            let Cached::SetAside(aside) = read(folder.path(), &trust()) else {
                panic!("{damage:?} was taken")
            };
            assert_eq!(std::fs::read_to_string(&aside).unwrap(), damage);
            assert!(matches!(read(folder.path(), &trust()), Cached::Nothing));
        }
    }

    #[test]
    fn the_cache_of_a_newer_plugin_stays_and_is_not_applied() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            path(folder.path()),
            r#"{"version": "1", "config": {}, "schema_version": 2}"#,
        )
        .unwrap();
        assert!(matches!(
            read(folder.path(), &trust()),
            Cached::Refused(Refusal::SchemaVersion(_))
        ));
        assert_eq!(names(folder.path()), [NAME]);
    }

    #[test]
    fn a_folder_in_its_place_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(path(folder.path())).unwrap();
        assert!(matches!(read(folder.path(), &trust()), Cached::Unreadable(_)));
    }
}
