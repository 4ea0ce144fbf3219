//! Readers for fields in which servers differ: `null` for "absent", odd numbers, texts that are not quite Unicode.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// `null` means the same as an absent field.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Largest whole number that every JSON implementation reads alike, 2^53 - 1.
const LARGEST_SAFE: u64 = (1 << 53) - 1;

/// A whole number that is neither negative nor beyond [`LARGEST_SAFE`]; anything else (a fraction, a text, `null`) means
/// absent.
pub(super) fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    let number = Box::<RawValue>::deserialize(deserializer)?.get().parse().ok();
    Ok(number.filter(|number| *number <= LARGEST_SAFE))
}

/// A number of any size; anything else means absent.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = Box::<RawValue>::deserialize(deserializer)?.get().parse().ok();
    Ok(number.filter(|number: &f64| number.is_finite()))
}

/// A text that people wrote; `null` means empty. Half a surrogate pair, which JavaScript lets through, becomes U+FFFD.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(optional_text(deserializer)?.unwrap_or_default())
}

/// Like [`text`], with `null` kept apart.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(
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
    fn a_text_of_another_type_is_an_error() {
        assert!(serde_json::from_str::<Sample>(r#"{"text":{"a":1}}"#).is_err());
    }
}
