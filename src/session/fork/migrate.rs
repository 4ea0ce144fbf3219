//! Transcripts of versions 1 and 2, brought to version 3 in the fork. The source stays as it is.
//!
//! Version 1 has no ids: the entries follow each other in file order. Up to version 2 the role `custom` was called
//! `hookMessage`.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::session::Error;
use crate::session::fork::labels::new_id;
use crate::session::fork::pieces::{Piece, Pieces};
use crate::session::json::object::Object;
use crate::session::json::text::{is_string, is_truthy, number, quote, string};
use crate::session::transcript::index::Index;
use crate::session::transcript::line::Kind;
use crate::session::transcript::source::OpenTranscript;
use crate::session::transcript::tree::{Cut, up_to_completed};

/// The version of a transcript, compared as JavaScript compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// No ids.
    One,
    /// The old role.
    Two,
    /// Version 3, anything newer, and whatever is no number at all.
    Current,
}

impl Version {
    /// Of the `version` in a header. Absent and `null` are 1; text, truth and lists of one count as the number they turn into.
    pub(crate) fn of(value: Option<&[u8]>) -> Self {
        match value.map_or(1.0, to_number) {
            version if version < 2.0 => Self::One,
            version if version < 3.0 => Self::Two,
            _ => Self::Current,
        }
    }
}

/// What JavaScript makes of a value where it needs a number; NaN if it is none.
fn to_number(value: &[u8]) -> f64 {
    match value.first() {
        Some(b'n') => 1.0,
        Some(b'"') => {
            let text = string(value).unwrap_or_default();
            let text = text.trim();
            if text.is_empty() { 0.0 } else { text.parse().unwrap_or(f64::NAN) }
        }
        Some(b't' | b'f') => f64::from(u8::from(is_truthy(value))),
        Some(b'[') => {
            let item = value[1..value.len() - 1].trim_ascii();
            match item.first() {
                None | Some(b'n') => 0.0,
                Some(b't' | b'f') => f64::NAN,
                Some(_) => to_number(item),
            }
        }
        Some(b'{') | None => f64::NAN,
        Some(_) => number(value).unwrap_or(f64::NAN),
    }
}

/// The message with its role under the new name, if it has the old one.
pub(crate) fn rename_role(message: &[u8]) -> Option<Vec<u8>> {
    let mut message = Object::parse(message)?;
    if !is_string(message.get("role")?, "hookMessage") {
        return None;
    }
    message.set("role", "\"custom\"");
    Some(message.into_bytes())
}

/// The entries of a version 1 transcript that a fork takes. They have no ids, so none can be asked for.
pub(crate) fn select(index: &Index, cut: &Cut) -> Result<Vec<usize>, ()> {
    let all = || (0..index.entries().len()).filter(|position| is_entry(index, *position)).collect();
    match cut {
        Cut::Leaf => Ok(all()),
        Cut::LastCompleted => Ok(up_to_completed(index, all())),
        Cut::Entry(_) => Err(()),
    }
}

fn is_entry(index: &Index, position: usize) -> bool {
    !matches!(index.entries()[position].kind, Kind::Session | Kind::NoObject)
}

/// The pieces for the entries of a version 1 transcript: every entry gets an id and the one before it as its parent, and a
/// compaction's index into the file becomes an id. Labels cannot name anything and are left out.
pub(crate) fn version_1_pieces(
    source: &OpenTranscript,
    index: &Index,
    path: &[usize],
) -> Result<Vec<Piece>, Error> {
    let kept: Vec<usize> = path
        .iter()
        .copied()
        .filter(|position| index.entries()[*position].kind != Kind::Label)
        .collect();
    let mut used = HashSet::new();
    let ids: Vec<String> = kept.iter().map(|_| quote(&new_id(index, &mut used))).collect();
    let mut pieces = Pieces::default();
    for (place, position) in kept.iter().enumerate() {
        let entry = &index.entries()[*position];
        let line = source.read(entry.range())?;
        let Some(mut object) = Object::parse(&line) else {
            return Err(Error::Unstable { path: source.path.clone() });
        };
        object.set("id", &*ids[place]);
        object.set("parentId", place.checked_sub(1).map_or("null", |before| &ids[before]));
        if entry.kind == Kind::Compaction
            && let Some(first_kept) = object.get("firstKeptEntryIndex").and_then(number)
        {
            match first_kept_id(index, &kept[..=place], &ids, first_kept) {
                FirstKept::Id(id) => object.set("firstKeptEntryId", id),
                FirstKept::Later => object.remove("firstKeptEntryId"),
                FirstKept::NoEntry => {}
            }
            object.remove("firstKeptEntryIndex");
        }
        if entry.kind == Kind::Message
            && let Some(message) = object.get("message").and_then(rename_role)
        {
            object.set("message", message);
        }
        pieces.line(&object.into_bytes());
    }
    Ok(pieces.into_vec())
}

/// What a compaction's index into the file leads to.
enum FirstKept<'i> {
    /// An entry, by its new id.
    Id(&'i str),
    /// An entry behind the compaction, which cannot be kept by it.
    Later,
    /// Nothing, or no entry.
    NoEntry,
}

/// Looks an index into the file up (the header has 0) among the entries up to the compaction; for a label, which is left out,
/// it is the next entry that stays.
fn first_kept_id<'i>(
    index: &Index,
    kept: &[usize],
    ids: &'i [String],
    first_kept: f64,
) -> FirstKept<'i> {
    #[expect(clippy::cast_precision_loss, reason = "no transcript has 2^52 lines")]
    let is_meant =
        |position: &usize| (*position as f64).partial_cmp(&first_kept) == Some(Ordering::Equal);
    let Some(position) =
        (0..index.entries().len()).find(is_meant).filter(|position| is_entry(index, *position))
    else {
        return FirstKept::NoEntry;
    };
    let place = kept.partition_point(|other| *other < position);
    if place < kept.len() { FirstKept::Id(&ids[place]) } else { FirstKept::Later }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_in_javascript() {
        let of = |text: &str| Version::of(Some(text.as_bytes()));
        assert_eq!(Version::of(None), Version::One);
        for one in ["null", "1", "0", "-1", "true", "\"1\"", "\"\"", "[]", "1.9"] {
            assert_eq!(of(one), Version::One, "{one}");
        }
        for two in ["2", "\"2\"", "2.5", "[2]"] {
            assert_eq!(of(two), Version::Two, "{two}");
        }
        for current in ["3", "\"3\"", "99", "\"x\"", "{}", "[3]", "[1,2]", "1e400"] {
            assert_eq!(of(current), Version::Current, "{current}");
        }
    }

    #[test]
    fn only_the_old_role_is_renamed() {
        assert_eq!(
            rename_role(br#"{"a":1,"role":"hookMessage"}"#).unwrap(),
            br#"{"a":1,"role":"custom"}"#
        );
        assert!(rename_role(br#"{"role":"user"}"#).is_none() && rename_role(b"5").is_none());
    }
}
