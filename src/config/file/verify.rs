//! A second opinion: another parser reads the edited text before it is written.
//!
//! The edit relies on one parser's idea of where values are. `json5` follows the specification to the letter, as the hosts
//! do, so a text in which it finds the wanted values is one in which the hosts find them too.

use std::cell::RefCell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::wanted::Wanted;
use crate::config::syntax::document::readable;

/// Whether a text is JSON5 and every section in it has its keys. `base` is where the text is in the whole configuration.
pub(in crate::config) fn has(text: &str, base: &[String], sections: &[Wanted]) -> bool {
    let paths: Vec<_> = sections.iter().map(|wanted| &wanted.section.path[base.len()..]).collect();
    let found = RefCell::new(vec![None; paths.len()]);
    let pick = Pick { paths: paths.iter().copied().enumerate().collect(), found: &found };
    let text = readable(text);
    let mut deserializer = json5::Deserializer::from_str(&text);
    if pick.deserialize(&mut deserializer).is_err() || !is_at_end(&mut deserializer) {
        return false;
    }
    let found = found.into_inner();
    sections.iter().zip(found).all(|(wanted, found): (_, Option<Value>)| {
        wanted.fields.iter().all(|(key, value)| {
            found
                .as_ref()
                .and_then(|found| found.get(key))
                .is_some_and(|found| is_same(found, value))
        })
    })
}

/// Line, column and nature of the first fault in a text.
pub(in crate::config) fn fault(text: &str) -> Option<(usize, usize, String)> {
    let error = json5::from_str::<IgnoredAny>(text).err()?;
    let position = error.position()?;
    // The code alone: the whole message may quote the text.
    let reason = error.code().map_or_else(|| "not JSON5".to_owned(), |code| code.to_string());
    Some((position.line + 1, position.column + 1, reason))
}

/// Whether nothing but white space and comments is left.
fn is_at_end(deserializer: &mut json5::Deserializer<'_>) -> bool {
    let end = IgnoredAny::deserialize(deserializer);
    end.is_err_and(|error| error.code() == Some(json5::ErrorCode::EofParsingValue))
}

/// Whether two values mean the same to JavaScript: there is one kind of number, and the order of keys does not count.
pub(in crate::config) fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

/// Takes the values at some paths out of a text and checks the rest without keeping it.
struct Pick<'p> {
    /// The remaining path of each value, by its place in `found`.
    paths: Vec<(usize, &'p [&'p str])>,
    found: &'p RefCell<Vec<Option<Value>>>,
}

impl<'de> DeserializeSeed<'de> for Pick<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.paths.is_empty() {
            return deserializer.deserialize_any(IgnoredAny).map(|_| ());
        }
        if let [(index, [])] = self.paths[..] {
            let value = Value::deserialize(deserializer)?;
            self.found.borrow_mut()[index] = Some(value);
            return Ok(());
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pick<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let paths = self.paths.iter().filter_map(|(index, path)| match path.split_first() {
                Some((first, rest)) if *first == key => Some((*index, rest)),
                _ => None,
            });
            map.next_value_seed(Pick { paths: paths.collect(), found: self.found })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::platform::schema::{DEFAULTS, PROVIDER};
    use serde_json::json;

    fn wants(
        section: &'static crate::config::platform::schema::Section,
        key: &str,
        value: Value,
    ) -> Wanted {
        Wanted { section, fields: vec![(key.to_owned(), value)], has_clear_key: false }
    }

    #[test]
    fn values_are_found_in_one_reading() {
        let text = "{models: {providers: {other: [1], parall: {a: 'x'}}}, agents: {defaults: {b: +1.0}}, // c\n}";
        let sections = [wants(&PROVIDER, "a", json!("x")), wants(&DEFAULTS, "b", json!(1))];
        assert!(has(text, &[], &sections));
        assert!(!has(text, &[], &[wants(&DEFAULTS, "b", json!(2))]));
        assert!(!has("{models: {}}", &[], &sections));
    }

    #[test]
    fn what_is_not_json5_is_never_right() {
        let sections = [wants(&DEFAULTS, "b", json!(1))];
        for text in [
            "{agents: {defaults: {b: 1}}} x",
            "{agents: {defaults: {b: 1}}, a-b: 1}",
            "{agents: {defaults: {b: 1}}, a: '\n'}",
        ] {
            assert!(!has(text, &[], &sections), "{text}");
        }
    }

    #[test]
    fn included_texts_are_read_from_their_own_root() {
        let base = ["agents".to_owned()];
        assert!(has("{defaults: {b: 1}}", &base, &[wants(&DEFAULTS, "b", json!(1))]));
    }
}
