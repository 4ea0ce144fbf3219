//! Readers for fields in which servers differ: `null` for "absent", odd numbers, texts that are not quite Unicode.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::text::is_printable;

/// `null` means the same as an absent field.
pub(in crate::api) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Longest id, or word of the protocol such as `task.assigned`, in bytes. **Choice**: real ones have about 30. They end up in
/// the journal, in paths, in session keys and in log lines.
pub(in crate::api) const LONGEST_ID: usize = 256;

/// An id. One that is too long, or that holds control or invisible characters, is an error: there is no safe way to use it.
pub(in crate::api) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = Cow::<'_, str>::deserialize(deserializer)?;
    if id.len() > LONGEST_ID {
        return Err(Error::custom(format_args!("an id of more than {LONGEST_ID} bytes")));
    }
    if !id.chars().all(is_printable) {
        return Err(Error::custom("an id with control characters"));
    }
    Ok(id.into_owned())
}

/// Like [`id`], with `null` for none.
pub(in crate::api) fn optional_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    struct Id(#[serde(deserialize_with = "id")] String);
    Ok(Option::<Id>::deserialize(deserializer)?.map(|id| id.0))
}

/// Like [`id`], with `null` for an empty one.
pub(in crate::api) fn id_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    Ok(optional_id(deserializer)?.unwrap_or_default())
}

/// The id of something that a message mentions or carries. The sender of the message may have made it up, so one that cannot be
/// used counts as empty and does not cost the message.
pub(in crate::api) fn mentioned_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    let value = Box::<RawValue>::deserialize(deserializer)?;
    let mut value = serde_json::Deserializer::from_str(value.get());
    Ok(id_or_empty(&mut value).unwrap_or_default())
}

/// Largest whole number that every JSON implementation reads alike, 2^53 - 1.
const LARGEST_SAFE: u64 = (1 << 53) - 1;

/// A whole number that is neither negative nor beyond [`LARGEST_SAFE`]; anything else (a fraction, a text, `null`) means
/// absent.
pub(in crate::api) fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let number = Box::<RawValue>::deserialize(deserializer)?.get().parse().ok();
    Ok(number.filter(|number| *number <= LARGEST_SAFE))
}

/// A number of any size; anything else means absent.
pub(in crate::api) fn number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    let number = Box::<RawValue>::deserialize(deserializer)?.get().parse().ok();
    Ok(number.filter(|number: &f64| number.is_finite()))
}

/// A text that people wrote; `null` means empty. Half a surrogate pair, which JavaScript lets through, becomes U+FFFD.
pub(in crate::api) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(optional_text(deserializer)?.unwrap_or_default())
}

/// Like [`text`], with `null` kept apart.
pub(in crate::api) fn optional_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(Option::<LossyText>::deserialize(deserializer)?.map(|text| text.0))
}

struct LossyText(String);

impl<'de> Deserialize<'de> for LossyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde_json checks surrogates only when asked for a text, not when asked for bytes.
        deserializer.deserialize_bytes(LossyVisitor)
    }
}

struct LossyVisitor;

impl Visitor<'_> for LossyVisitor {
    type Value = LossyText;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<LossyText, E> {
        Ok(LossyText(text.to_owned()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<LossyText, E> {
        Ok(LossyText(String::from_utf8_lossy(bytes).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "text")]
        text: String,
        #[serde(deserialize_with = "optional_text")]
        name: Option<String>,
        #[serde(deserialize_with = "whole_number")]
        count: Option<u64>,
        #[serde(deserialize_with = "number")]
        seconds: Option<f64>,
        #[serde(deserialize_with = "null_as_default")]
        list: Vec<u8>,
    }

    fn read(json: &str) -> Sample {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn null_and_absent_mean_the_same() {
        assert_eq!(read("{}"), Sample::default());
        assert_eq!(
            read(r#"{"text":null,"name":null,"count":null,"seconds":null,"list":null}"#),
            Sample::default()
        );
    }

    #[test]
    fn odd_numbers_mean_absent() {
        for odd in [
            "-1",
            "1.5",
            "1e400",
            "9007199254740992",
            "99999999999999999999999",
            "\"7\"",
            "{}",
            "[1]",
            "true",
        ] {
            assert_eq!(read(&format!(r#"{{"count":{odd}}}"#)).count, None, "{odd}");
        }
        assert_eq!(read(r#"{"count":9007199254740991}"#).count, Some(LARGEST_SAFE));
        assert_eq!(read(r#"{"seconds":1e400}"#).seconds, None);
        assert_eq!(read(r#"{"seconds":0.5}"#).seconds, Some(0.5));
    }

    #[test]
    fn half_a_surrogate_pair_does_not_spoil_the_text() {
        assert_eq!(read(r#"{"text":"a\ud800b"}"#).text, "a\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(read(r#"{"name":"\ud83d\ude00"}"#).name.as_deref(), Some("😀"));
    }

    #[test]
    fn ids_that_cannot_be_used_are_refused_or_count_as_absent() {
        #[derive(Debug, Deserialize)]
        struct Ids {
            #[serde(deserialize_with = "id")]
            id: String,
            #[serde(default, deserialize_with = "optional_id")]
            other: Option<String>,
            #[serde(default, deserialize_with = "mentioned_id")]
            mentioned: String,
        }
        let read = |id: &str, other: &str, mentioned: &str| {
            let text = format!(r#"{{"id":{id},"other":{other},"mentioned":{mentioned}}}"#);
            serde_json::from_str::<Ids>(&text).map(|ids| (ids.id, ids.other, ids.mentioned))
        };
        let long = |length| format!("\"{}\"", "x".repeat(length));
        let longest = "x".repeat(LONGEST_ID);
        assert_eq!(
            read(&long(256), "null", r#""usr_\u0031""#).unwrap(),
            (longest, None, "usr_1".to_owned())
        );
        for bad in [&long(257), r#""a\nb""#, r#""a\u202eb""#, "5", "{}"] {
            assert!(read(bad, "null", "\"a\"").is_err(), "{bad}");
            assert!(read("\"a\"", bad, "\"a\"").is_err(), "{bad}");
            assert_eq!(read("\"a\"", "\"b\"", bad).unwrap().2, "", "{bad}");
        }
    }

    #[test]
    fn a_text_of_another_type_is_an_error() {
        assert!(serde_json::from_str::<Sample>(r#"{"text":{"a":1}}"#).is_err());
    }
}
