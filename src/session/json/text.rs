//! JSON strings, as JavaScript understands them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a string, given as spelt between its quotes, means `expected` (ASCII without quotes and backslashes).
pub(crate) fn spells(raw: &[u8], expected: &str) -> bool {
    raw == expected.as_bytes() || (raw.contains(&b'\\') && *decode(raw) == *expected.as_bytes())
}

/// Whether a whole value is a string that means `expected`.
pub(crate) fn is_string(value: &[u8], expected: &str) -> bool {
    inner(value).is_some_and(|raw| spells(raw, expected))
}

/// What is between the quotes of a value, if the value is a string.
pub(crate) fn inner(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// The meaning of a string of valid JSON, given as spelt between its quotes.
///
/// Bytes that are not UTF-8 become U+FFFD. Lone surrogates, which UTF-8 cannot hold, become the three bytes that the same rule
/// for higher code points would give, so that different strings stay different.
pub(crate) fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    let lossy = match String::from_utf8_lossy(raw) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    if !lossy.contains(&b'\\') {
        return lossy;
    }
    let mut out = Vec::with_capacity(lossy.len());
    let mut rest = &lossy[..];
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else { break };
        rest = after;
        match escape {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let (code, after) = code_point(rest);
                rest = after;
                push_code_point(&mut out, code);
            }
            plain => out.push(*plain),
        }
    }
    Cow::Owned(out)
}

/// The code point of a `\u` escape, whose `\u` is already gone, and what follows it. A pair of surrogates is one code point.
fn code_point(rest: &[u8]) -> (u32, &[u8]) {
    let Some((first, after)) = hex4(rest) else { return (0xfffd, &[]) };
    if (0xd800..0xdc00).contains(&first)
        && let Some((second, after)) = after.strip_prefix(b"\\u").and_then(hex4)
        && (0xdc00..0xe000).contains(&second)
    {
        return (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), after);
    }
    (first, after)
}

fn hex4(rest: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, after) = rest.split_at_checked(4)?;
    let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    Some((code, after))
}

fn push_code_point(out: &mut Vec<u8>, code: u32) {
    if let Some(character) = char::from_u32(code) {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        let continuation =
            |shift: u32| 0x80 | u8::try_from(code >> shift & 0x3f).unwrap_or_default();
        out.extend_from_slice(&[0xed, continuation(6), continuation(0)]);
    }
}

/// The meaning of a value if it is a string; lone surrogates become U+FFFD.
pub(crate) fn string(value: &[u8]) -> Option<String> {
    inner(value).map(|raw| String::from_utf8_lossy(&decode(raw)).into_owned())
}

/// A string as JSON, quotes included.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
    out
}

/// What JavaScript calls truthy, for a value of valid JSON.
pub(crate) fn is_truthy(value: &[u8]) -> bool {
    match value.first() {
        Some(b'"') => value.len() > 2,
        Some(b'n' | b'f') | None => false,
        Some(b't' | b'{' | b'[') => true,
        Some(_) => number(value).is_some_and(|number| number != 0.0),
    }
}

/// The value of a JSON number.
pub(crate) fn number(value: &[u8]) -> Option<f64> {
    matches!(value.first(), Some(b'-' | b'0'..=b'9'))
        .then(|| std::str::from_utf8(value).ok()?.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_what_javascript_says() {
        assert_eq!(&*decode(br#"a\u0062\n\/\\\"\ud83d\ude00"#), "ab\n/\\\"😀".as_bytes());
        assert_eq!(&*decode(br"\u00e9"), "é".as_bytes());
        assert_eq!(&*decode(b"\xff"), "\u{fffd}".as_bytes());
    }

    #[test]
    fn lone_surrogates_stay_different_from_each_other() {
        let codes: [&[u8]; 4] = [br"\ud800", br"\udfff", br"\ud800\u0041", br"\ufffd"];
        let decoded: std::collections::HashSet<Vec<u8>> =
            codes.iter().map(|raw| decode(raw).into_owned()).collect();
        assert_eq!(decoded.len(), codes.len());
        assert_eq!(&*decode(br"\uDC00"), [0xed, 0xb0, 0x80]);
    }

    #[test]
    fn spells_sees_through_escapes() {
        assert!(spells(b"type", "type") && spells(br"t\u0079pe", "type"));
        assert!(!spells(b"Type", "type") && !spells(br"\\type", "type"));
    }

    #[test]
    fn quoting_and_decoding_are_inverse() {
        let text = "a\"b\\c\n\r\t\u{1}\u{7f}\u{2028}😀";
        assert_eq!(string(quote(text).as_bytes()).as_deref(), Some(text));
    }

    #[test]
    fn truth_is_javascripts() {
        for falsy in ["null", "false", "0", "-0", "0.0", "0e5", "1e-400", "\"\""] {
            assert!(!is_truthy(falsy.as_bytes()), "{falsy}");
        }
        for truthy in ["true", "1", "-1", "1e400", "\"0\"", "{}", "[]", "\"\\u0000\""] {
            assert!(is_truthy(truthy.as_bytes()), "{truthy}");
        }
    }
}
