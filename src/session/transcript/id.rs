//! What a transcript's entries are called, in a form that is small and quick to compare.

use std::hash::{BuildHasher, RandomState};

use crate::session::json::text::{decode, inner, is_truthy, number};

/// How long an id may be to be kept as it is.
const INLINE: usize = 14;

/// The value of an `id` or `parentId`: equal where JavaScript's `Map` finds them equal.
///
/// Short strings are kept whole, longer ones as a keyed hash of 112 bits. `5` and `"5"` differ, `5` and `5.0` do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Id([u8; 16]);

impl Id {
    /// What no entry can be found by: absent, or falsy. Objects and arrays are here too, because in JavaScript each of them is
    /// equal to itself only.
    pub(crate) const NONE: Self = Self([0; 16]);

    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    fn new(tag: u8, length: usize, bytes: &[u8]) -> Self {
        let mut id = [0; 16];
        id[0] = tag;
        id[1] = u8::try_from(length).unwrap_or(u8::MAX);
        id[2..2 + bytes.len()].copy_from_slice(bytes);
        Self(id)
    }
}

/// Makes ids; only those of the same maker can be compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids {
    keys: [RandomState; 2],
}

impl Ids {
    /// The id that a JSON value stands for.
    pub(crate) fn of(&self, value: Option<&[u8]>) -> Id {
        match value {
            Some(value) if is_truthy(value) => match value[0] {
                b'"' => self.of_string(&decode(inner(value).unwrap_or_default())),
                b't' => Id::new(b't', 0, &[]),
                b'{' | b'[' => Id::NONE,
                _ => Id::new(b'n', 0, &number(value).unwrap_or_default().to_be_bytes()),
            },
            _ => Id::NONE,
        }
    }

    /// The id of a string, given by its meaning.
    pub(crate) fn of_string(&self, text: &[u8]) -> Id {
        match text.len() {
            0 => Id::NONE,
            1..=INLINE => Id::new(b's', text.len(), text),
            _ => {
                let [first, second] =
                    self.keys.each_ref().map(|key| key.hash_one(text).to_be_bytes());
                Id::new(b'h', 0, &[&first[..], &second[..INLINE - 8]].concat())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_equal_where_a_javascript_map_finds_them_equal() {
        let ids = Ids::default();
        let id = |text: &str| ids.of(Some(text.as_bytes()));
        assert_eq!(id("\"ab\""), id("\"\\u0061b\""));
        assert_eq!(id("5"), id("5.0"));
        assert_ne!(id("5"), id("\"5\""));
        assert_eq!(id("\"0123456789abcdef0\""), id("\"0123456789abcdef\\u0030\""));
        assert_ne!(id("\"0123456789abcdef0\""), id("\"0123456789abcdef1\""));
        assert_ne!(id("\"a\""), id("\"a\\u0000\""));
        for none in ["null", "\"\"", "0", "false", "{}", "[1]"] {
            assert!(id(none).is_none(), "{none}");
        }
        assert!(ids.of(None).is_none());
    }
}
