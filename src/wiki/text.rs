//! Lines: differences and three-way merges. Everything that is not text, or too long for it, is compared as a whole.

use diffy::{DiffOptions, IncompleteHunkStyle, Line, MergeOptions};

/// Longest text that is compared by lines, in bytes.
const LONGEST_TEXT: usize = 2 * 1024 * 1024;
/// Most lines of a text that is compared by lines: the work grows with their product where nothing is alike.
const MOST_LINES: usize = 20_000;
/// Characters of a conflict marker, unless a text already holds lines that look like one.
const MARKER: usize = 7;
/// Longest marker that is tried.
const LONGEST_MARKER: usize = 64;

/// What a merge comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merged {
    /// Both sides changed different lines.
    Clean(Vec<u8>),
    /// Both changed the same lines: they are one after the other between lines that begin with `marker`.
    Conflict {
        /// The marked text.
        bytes: Vec<u8>,
        /// How the lines before a conflict begin.
        marker: String,
    },
    /// Not text.
    Impossible,
}

/// A difference between two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Lines that are new.
    pub additions: u64,
    /// Lines that are gone.
    pub deletions: u64,
    /// Whether it is no text, so that there are no lines to show.
    pub binary: bool,
    /// The difference in the unified form, without the line of a binary file.
    pub patch: String,
}

/// The text, when these bytes are one that can be compared by lines.
pub(super) fn as_text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > LONGEST_TEXT || bytes.contains(&0) {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    (memchr::memchr_iter(b'\n', bytes).count() < MOST_LINES).then_some(text)
}

/// Merges by lines. Without a common base everything that differs is a conflict.
pub(super) fn merge(base: Option<&[u8]>, ours: &[u8], theirs: &[u8]) -> Merged {
    let (Some(base), Some(ours), Some(theirs)) =
        (as_text(base.unwrap_or_default()), as_text(ours), as_text(theirs))
    else {
        return Merged::Impossible;
    };
    let Some(length) = marker_length(&[base, ours, theirs]) else {
        return Merged::Impossible;
    };
    let mut options = MergeOptions::new();
    options.set_conflict_marker_length(length).set_incomplete_hunk_style(IncompleteHunkStyle::Git);
    match options.merge(base, ours, theirs) {
        Ok(text) => Merged::Clean(text.into_bytes()),
        Err(text) => Merged::Conflict {
            bytes: text.into_bytes(),
            marker: format!("{} ", "<".repeat(length)),
        },
    }
}

/// A marker that no line of these texts looks like.
fn marker_length(texts: &[&str]) -> Option<usize> {
    let looks_alike = |length| {
        ['<', '>'].iter().any(|sign| {
            let marker = format!("{} ", sign.to_string().repeat(length));
            texts.iter().any(|text| has_line(text, &marker))
        })
    };
    (MARKER..LONGEST_MARKER).find(|length| !looks_alike(*length))
}

/// Whether a line of the text begins with this.
pub(super) fn has_line(text: &str, beginning: &str) -> bool {
    text.starts_with(beginning) || text.contains(&format!("\n{beginning}"))
}

/// The difference between two states of a file; an absent state is an absent file.
pub fn difference(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Difference {
    let (Some(old), Some(new)) =
        (as_text(before.unwrap_or_default()), as_text(after.unwrap_or_default()))
    else {
        return Difference { additions: 0, deletions: 0, binary: true, patch: String::new() };
    };
    let name = |side: &str, state: Option<&[u8]>| {
        state.map_or_else(|| "/dev/null".to_owned(), |_| format!("{side}/{path}"))
    };
    let mut options = DiffOptions::new();
    options.set_original_filename(name("a", before)).set_modified_filename(name("b", after));
    let difference = options.create_patch(old, new);
    let (mut additions, mut deletions) = (0, 0);
    for line in difference.hunks().iter().flat_map(diffy::Hunk::lines) {
        match line {
            Line::Insert(_) => additions += 1,
            Line::Delete(_) => deletions += 1,
            Line::Context(_) => {}
        }
    }
    Difference { additions, deletions, binary: false, patch: difference.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn changes_of_different_lines_merge() {
        let base = b"1\n2\n3\n4\n5\n";
        let merged = merge(Some(base), b"one\n2\n3\n4\n5\n", b"1\n2\n3\n4\nfive\n");
        assert_eq!(merged, Merged::Clean(b"one\n2\n3\n4\nfive\n".to_vec()));
    }

    #[test]
    fn a_conflict_keeps_both_sides_and_its_marker_stands_for_nothing_else() {
        let table = [
            ("<<<<<<< HEAD\n", "<<<<<<<< "),
            ("a\n", "<<<<<<< "),
            (">>>>>>> theirs\n", "<<<<<<<< "),
        ];
        for (base, expected) in table {
            let Merged::Conflict { bytes, marker } =
                merge(Some(base.as_bytes()), b"ours", b"theirs\n")
            else {
                panic!("{base} merges");
            };
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(marker, expected);
            assert!(has_line(&text, &marker), "{text}");
            assert!(has_line(&text, "ours\n") && has_line(&text, "theirs\n"), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_does_not_merge() {
        for binary in
            [&b"a\0b"[..], b"\xff", &vec![b'\n'; MOST_LINES], &vec![b'a'; LONGEST_TEXT + 1]]
        {
            assert_eq!(merge(None, binary, b"a"), Merged::Impossible);
            assert!(difference("a", None, Some(binary)).binary);
        }
    }

    #[test]
    fn a_difference_names_absent_files_as_patch_does() {
        let difference = difference("a.md", None, Some(b"x\ny"));
        assert_eq!((difference.additions, difference.deletions), (2, 0));
        assert_eq!(
            difference.patch,
            "--- /dev/null\n+++ b/a.md\n@@ -0,0 +1,2 @@\n+x\n+y\n\\ No newline at end of file\n"
        );
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![
                Just("a\n"),
                Just("b\n"),
                Just("c\n"),
                Just("\r\n"),
                Just("<<<<<<< x\n"),
                Just("d")
            ],
            0..12,
        )
        .prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn a_side_without_changes_gives_way(base in text(), other in text()) {
            let merged = Merged::Clean(other.clone().into_bytes());
            prop_assert_eq!(merge(Some(base.as_bytes()), base.as_bytes(), other.as_bytes()), merged.clone());
            prop_assert_eq!(merge(Some(base.as_bytes()), other.as_bytes(), base.as_bytes()), merged);
        }

        /// Every line that one side added is in the result.
        #[test]
        fn no_line_is_lost(base in text(), ours in text(), theirs in text()) {
            let ours = format!("{ours}\nnew of ours\n");
            let theirs = format!("new of theirs\n{theirs}");
            let bytes = match merge(Some(base.as_bytes()), ours.as_bytes(), theirs.as_bytes()) {
                Merged::Clean(bytes) | Merged::Conflict { bytes, .. } => bytes,
                Merged::Impossible => return Err(TestCaseError::fail("it is text")),
            };
            let text = String::from_utf8(bytes).unwrap();
            prop_assert!(has_line(&text, "new of ours\n"), "{}", text);
            prop_assert!(has_line(&text, "new of theirs\n"), "{}", text);
        }

        #[test]
        fn a_patch_makes_the_new_text_of_the_old(old in text(), new in text()) {
            let patch = difference("a", Some(old.as_bytes()), Some(new.as_bytes())).patch;
            let patch = diffy::Patch::from_str(&patch).unwrap();
            prop_assert_eq!(diffy::apply(&old, &patch).unwrap(), new);
        }
    }
}
