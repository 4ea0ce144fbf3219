//! Which paths of a wiki can become files here.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The folder of the workspace's own state, inside the mount.
pub(super) const STATE_FOLDER: &str = ".parall";
/// Longest path, in bytes.
const LONGEST_PATH: usize = 1024;
/// Longest name in a path, in bytes: what common file systems allow.
const LONGEST_NAME: usize = 255;
/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// The same, followed by one digit.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// What a file system does with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    /// Forbids what Windows forbids.
    pub(super) windows: bool,
    /// Takes `A` and `a` for one name.
    pub(super) folds_case: bool,
}

/// Why a path of the server cannot become a file here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It could leave the folder, or hides something from its reader.
    Unsafe,
    /// It belongs to the workspace itself.
    Reserved,
    /// This system forbids the name.
    Forbidden,
    /// It is too long.
    TooLong,
    /// Another path takes this name on this system.
    Collision,
}

impl Unusable {
    /// One sentence for people.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Unsafe => "the path could leave the folder or holds control characters",
            Self::Reserved => "the name belongs to the workspace itself",
            Self::Forbidden => "this system forbids the name",
            Self::TooLong => "the path is too long",
            Self::Collision => "another path takes the same name on this system",
        }
    }
}

/// Checks one path.
pub(super) fn check(path: &str, rules: Rules) -> Result<(), Unusable> {
    if path.len() > LONGEST_PATH {
        return Err(Unusable::TooLong);
    }
    for name in path.split('/') {
        check_name(name, rules)?;
    }
    let first = path.split('/').next().unwrap_or_default();
    if is_state_folder(first) { Err(Unusable::Reserved) } else { Ok(()) }
}

/// Checks one name of a path.
pub(super) fn check_name(name: &str, rules: Rules) -> Result<(), Unusable> {
    let is_hostile =
        |character: char| character.is_control() || character == '\\' || is_invisible(character);
    if matches!(name, "" | "." | "..") || name.chars().any(is_hostile) {
        return Err(Unusable::Unsafe);
    }
    if name.len() > LONGEST_NAME {
        return Err(Unusable::TooLong);
    }
    if rules.windows && is_forbidden_on_windows(name) {
        return Err(Unusable::Forbidden);
    }
    Ok(())
}

/// Characters that turn or hide text, with which one name can look like another.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Some systems drop dots and spaces at the end, or case.
fn is_state_folder(name: &str) -> bool {
    name.trim_end_matches(['.', ' ']).eq_ignore_ascii_case(STATE_FOLDER)
        || name.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case(STATE_FOLDER))
}

fn is_forbidden_on_windows(name: &str) -> bool {
    if name.ends_with(['.', ' ']) || name.contains(['<', '>', ':', '"', '|', '?', '*']) {
        return true;
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_numbered = NUMBERED_DEVICES.iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| {
            let mut rest = rest.chars();
            matches!(rest.next(), Some('0'..='9' | '¹' | '²' | '³')) && rest.next().is_none()
        })
    });
    DEVICES.contains(&stem.as_str()) || is_numbered
}

/// Names that belong to one folder on this system, each with the spelling that came first.
#[derive(Default)]
pub(super) struct Spellings(BTreeMap<String, String>);

impl Spellings {
    /// Claims a path and the folders it is in. `false` when one of them is taken in another spelling.
    pub(super) fn claim(&mut self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(index, _)| index).chain([path.len()]);
        let prefixes: Vec<_> =
            ends.map(|end| (path[..end].to_lowercase(), path[..end].to_owned())).collect();
        if prefixes.iter().any(|(key, name)| self.0.get(key).is_some_and(|taken| taken != name)) {
            return false;
        }
        self.0.extend(prefixes);
        true
    }
}

/// A wiki path as one of the file system.
pub(super) fn native(path: &str) -> PathBuf {
    path.split('/').collect()
}

/// The folders that a path is in, outermost first.
pub(super) fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(index, _)| &path[..index])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Rules = Rules { windows: false, folds_case: false };
    const WINDOWS: Rules = Rules { windows: true, folds_case: true };

    #[test]
    fn no_path_leaves_the_folder_or_reaches_its_state() {
        let long_name = "n".repeat(256);
        let table = [
            ("", Unusable::Unsafe),
            ("/etc/passwd", Unusable::Unsafe),
            ("../x", Unusable::Unsafe),
            ("a/../../x", Unusable::Unsafe),
            ("a/./b", Unusable::Unsafe),
            ("a//b", Unusable::Unsafe),
            ("a/", Unusable::Unsafe),
            ("..\\x", Unusable::Unsafe),
            ("a\nb", Unusable::Unsafe),
            ("a\0b", Unusable::Unsafe),
            ("\u{202e}dm.exe", Unusable::Unsafe),
            (".parall/wiki.db", Unusable::Reserved),
            (".PARALL/wiki.db", Unusable::Reserved),
            (".parall", Unusable::Reserved),
            (".parall./x", Unusable::Reserved),
            (".parall ", Unusable::Reserved),
            (".parall::$INDEX_ALLOCATION/x", Unusable::Reserved),
            (&long_name, Unusable::TooLong),
            (&"a/".repeat(600), Unusable::TooLong),
        ];
        for (path, expected) in table {
            assert_eq!(check(path, HERE), Err(expected), "{path:?}");
        }
        for path in ["a", "a/b c/ü.md", ".hidden", "a/.parall", "..a", "a:b", "con", "日本.md"] {
            assert_eq!(check(path, HERE), Ok(()), "{path}");
        }
    }

    #[test]
    fn windows_forbids_devices_and_odd_ends() {
        for path in
            ["con", "a/AUX.txt", "com1", "LPT9.md", "a:b", "a?", "a.", "a ", "x/b. /c", "com¹"]
        {
            assert_eq!(check(path, WINDOWS), Err(Unusable::Forbidden), "{path}");
        }
        for path in ["console", "com", "com10", "auxiliary.md", "a.b"] {
            assert_eq!(check(path, WINDOWS), Ok(()), "{path}");
        }
    }

    #[test]
    fn the_first_spelling_of_a_name_wins_folders_included() {
        let mut spellings = Spellings::default();
        let claims = ["Docs/a", "Docs/b", "docs/c", "Docs/A", "other", "Ä", "ä"]
            .map(|path| spellings.claim(path));
        assert_eq!(claims, [true, true, false, false, true, true, false]);
    }
}
