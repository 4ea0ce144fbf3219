//! From the body of a refused request to a short, safe text.

use serde::Deserialize;

use crate::api::secret::{Secret, redact};
use crate::api::wire::lenient::{null_as_default, optional_text};
use crate::text::one_line;

/// Longest text of a server that is shown.
const LONGEST_MESSAGE: usize = 300;
/// Longest code of a server that is shown.
const LONGEST_CODE: usize = 80;

/// What a server said when it refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::api) struct Refusal {
    pub(in crate::api) code: Option<String>,
    pub(in crate::api) message: String,
}

/// Like [`read`], for an answer of a service that may not be Parall: a text of another form is left out.
pub(in crate::api) fn read_known(body: &[u8], secrets: &[&Secret]) -> Refusal {
    if json(body).is_some() { read(body, secrets) } else { Refusal::default() }
}

/// Reads any of the known forms: `{error: {code, message}}`, `{error: "text"}`, `{error, code, message}`, and anything that
/// is not JSON at all.
pub(in crate::api) fn read(body: &[u8], secrets: &[&Secret]) -> Refusal {
    let refusal = json(body).unwrap_or_else(|| Refusal { code: None, message: plain(body) });
    Refusal {
        code: refusal
            .code
            .map(|code| one_line(&redact(&code, secrets), LONGEST_CODE))
            .filter(|code| !code.is_empty()),
        message: one_line(&redact(&refusal.message, secrets), LONGEST_MESSAGE),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "null_as_default")]
    error: Option<Detail>,
    #[serde(deserialize_with = "optional_text")]
    code: Option<String>,
    #[serde(deserialize_with = "optional_text")]
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Detail {
    Text(String),
    Nested(Nested),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Nested {
    code: Option<String>,
    message: Option<String>,
}

fn json(body: &[u8]) -> Option<Refusal> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let (nested_code, nested_message) = match body.error {
        Some(Detail::Nested(nested)) => (nested.code, nested.message),
        Some(Detail::Text(text)) => (None, Some(text)),
        None => (None, None),
    };
    // In the flat form `error` is the short word and `message` the sentence.
    let code = nested_code.or(body.code);
    let message = body.message.or(nested_message);
    (code.is_some() || message.is_some())
        .then(|| Refusal { code, message: message.unwrap_or_default() })
}

fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    if !lower.contains("<html") && !lower.contains("<!doctype") {
        return text.into_owned();
    }
    let title = lower.find("<title>").map(|start| start + "<title>".len()).and_then(|start| {
        let end = lower[start..].find("</title>")? + start;
        text.get(start..end)
    });
    title.map_or_else(|| "an HTML page".to_owned(), |title| format!("an HTML page, {title:?}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(code: Option<&str>, message: &str) -> Refusal {
        Refusal { code: code.map(str::to_owned), message: message.to_owned() }
    }

    #[test]
    fn all_forms_of_an_error_body_are_read() {
        let table = [
            (
                r#"{"error":{"code":"NOT_FOUND","message":"no chat","status":404}}"#,
                refusal(Some("NOT_FOUND"), "no chat"),
            ),
            (r#"{"error":"unauthorized"}"#, refusal(None, "unauthorized")),
            (
                r#"{"error":"bad","code":"BAD","message":"very bad"}"#,
                refusal(Some("BAD"), "very bad"),
            ),
            (r#"{"code":"BAD","message":null}"#, refusal(Some("BAD"), "")),
            (r#"{"error":null,"message":"m"}"#, refusal(None, "m")),
            (r#"{"error":{"code":null,"message":"m"}}"#, refusal(None, "m")),
            ("", refusal(None, "")),
            ("upstream\n  gone\t!", refusal(None, "upstream gone !")),
            (
                "<!DOCTYPE html><html><title>502 Bad Gateway</title>",
                refusal(None, "an HTML page, \"502 Bad Gateway\""),
            ),
            ("<html><body>x", refusal(None, "an HTML page")),
            ("{}", refusal(None, "{}")),
            ("[1]", refusal(None, "[1]")),
        ];
        for (body, expected) in table {
            assert_eq!(read(body.as_bytes(), &[]), expected, "{body}");
        }
    }

    #[test]
    fn of_another_service_only_the_known_forms_are_shown() {
        for body in ["<html><title>router</title>", "root:x:0:0", "{}", "\u{1b}[2J"] {
            assert_eq!(read_known(body.as_bytes(), &[]), Refusal::default(), "{body}");
        }
        assert_eq!(
            read_known(br#"{"error":"full\u001b[2J\u202e"}"#, &[]),
            refusal(None, "full [2J")
        );
    }

    #[test]
    fn a_long_or_binary_body_stays_one_line() {
        assert_eq!(
            read("é".repeat(10_000).as_bytes(), &[]).message.chars().count(),
            LONGEST_MESSAGE + 1
        );
        assert!(!read(b"\xff\xfe\x00\x07", &[]).message.contains('\u{7}'));
        let deep = format!("{{\"error\":{}", "[".repeat(100_000));
        assert!(read(deep.as_bytes(), &[]).message.starts_with("{\"error\":[["));
    }

    proptest! {
        #[test]
        fn any_body_becomes_one_short_line(body in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let message = read(&body, &[]).message;
            prop_assert!(message.chars().count() <= LONGEST_MESSAGE + 1);
            prop_assert!(!message.chars().any(char::is_control));
        }
    }

    #[test]
    fn secrets_are_masked_in_text_and_code() {
        let key = Secret::new("prll_canary");
        let body = r#"{"error":{"code":"prll_canary","message":"key prll_canary is revoked"}}"#;
        assert_eq!(
            read(body.as_bytes(), &[&key]),
            refusal(Some("[redacted]"), "key [redacted] is revoked")
        );
    }
}
