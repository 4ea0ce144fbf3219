//! A text that must never be seen: the API key, a socket ticket.

use std::fmt;

use http::HeaderValue;

/// Replaces a secret.
const MASK: &str = "[redacted]";
/// Shorter texts are not masked: they would also be found by chance, and are no secrets.
const SHORTEST_MASKED: usize = 4;

/// A secret text. `Debug` and `Display` hide it; [`Secret::expose`] is the only way to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text; white space around it, as left by copying, is dropped.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    /// The text itself. For the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Bearer <secret>`, marked as sensitive; `None` when the text is not allowed in a header.
    pub(super) fn bearer(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl<T: AsRef<str>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// Masks every occurrence of the secrets, also in their percent-encoded form.
///
/// A server may repeat a key or a ticket in an error text; this keeps it out of ours.
pub fn redact(text: &str, secrets: &[&Secret]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets {
        let encoded: String = url::form_urlencoded::byte_serialize(secret.0.as_bytes()).collect();
        for form in [secret.0.as_str(), encoded.as_str()] {
            if form.len() >= SHORTEST_MASKED && clean.contains(form) {
                clean = clean.replace(form, MASK);
            }
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_display_hide_the_text() {
        let secret = Secret::new(" prll_canary\n");
        assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
        assert_eq!(secret.expose(), "prll_canary");
    }

    #[test]
    fn the_header_is_sensitive_and_refuses_control_characters() {
        assert!(Secret::new("abc").bearer().unwrap().is_sensitive());
        assert!(Secret::new("a\nb").bearer().is_none());
    }

    #[test]
    fn redact_finds_plain_and_encoded_forms() {
        let secret = Secret::new("a/b+c=");
        let clean = redact("x a/b+c= y a%2Fb%2Bc%3D z", &[&secret]);
        assert_eq!(clean, "x [redacted] y [redacted] z");
    }

    #[test]
    fn redact_leaves_texts_alone_when_the_secret_is_empty_or_tiny() {
        assert_eq!(redact("abc", &[&Secret::new(""), &Secret::new("b")]), "abc");
    }
}
