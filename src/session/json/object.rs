//! A JSON object taken apart far enough to change a member, every other value keeping its spelling.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::session::json::scan;
use crate::session::json::text::decode;

/// The members of an object in the order of their first occurrence, each with its last value.
pub(crate) struct Object<'t> {
    members: Vec<Spelt<'t>>,
    places: HashMap<Vec<u8>, usize>,
}

/// A member as spelt; the key without its quotes.
struct Spelt<'t> {
    key: &'t [u8],
    value: Cow<'t, [u8]>,
}

impl<'t> Object<'t> {
    /// Takes an object apart. Nothing if the text is not a JSON object.
    pub(crate) fn parse(text: &'t [u8]) -> Option<Self> {
        let mut object = Self { members: Vec::new(), places: HashMap::new() };
        let is_object = text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        scan(text, true, &mut |member| {
            if member.depth == 1 {
                object.put(&text[member.key], text[member.value].into());
            }
        })
        .ok()?;
        is_object.then_some(object)
    }

    /// The value of a member, as spelt.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.places.get(name.as_bytes()).map(|place| &*self.members[*place].value)
    }

    /// Gives a member a value; a new member goes to the end.
    pub(crate) fn set(&mut self, name: &'t str, value: impl Into<Vec<u8>>) {
        self.put(name.as_bytes(), Cow::Owned(value.into()));
    }

    /// Takes a member away.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(place) = self.places.remove(name.as_bytes()) {
            self.members.remove(place);
            self.places.values_mut().filter(|other| **other > place).for_each(|other| *other -= 1);
        }
    }

    fn put(&mut self, key: &'t [u8], value: Cow<'t, [u8]>) {
        let next = self.members.len();
        let place = *self.places.entry(decode(key).into_owned()).or_insert(next);
        match self.members.get_mut(place) {
            Some(member) => member.value = value,
            None => self.members.push(Spelt { key, value }),
        }
    }

    /// The object on one line.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (index, Spelt { key, value }) in self.members.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(key);
            out.extend_from_slice(b"\":");
            out.extend_from_slice(value);
        }
        out.push(b'}');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_stands_at_the_first_place() {
        let object = Object::parse(br#" {"a" : 1.0, "b":[ 1 ], "\u0061":2e0} "#).unwrap();
        assert_eq!(object.get("a"), Some(&b"2e0"[..]));
        assert_eq!(object.into_bytes(), br#"{"a":2e0,"b":[ 1 ]}"#);
    }

    #[test]
    fn members_are_changed_added_and_removed() {
        let mut object = Object::parse(br#"{"a":1,"b":2,"c":3}"#).unwrap();
        object.remove("a");
        object.set("c", "4");
        object.set("d", "5");
        object.remove("none");
        assert_eq!(object.into_bytes(), br#"{"b":2,"c":4,"d":5}"#);
        assert!(Object::parse(b"[1]").is_none());
    }
}
