//! What every error of this crate offers to JavaScript.

use std::error::Error;

use crate::text::printable;

/// An error with a stable, machine-readable code.
///
/// Each module has an enum of its own; this trait is what they share, so that the bindings can hand any of them to
/// JavaScript in the same way.
pub trait Coded: Error + Send + Sync + 'static {
    /// The code that JavaScript sees as `error.code`, such as `PARALL_HTTP_STATUS`. Never changes its meaning.
    fn code(&self) -> &'static str;
}

/// The error's text followed by the texts of its causes, each once, on one line and without control characters.
///
/// Libraries such as `reqwest` keep what really happened in the cause; a text without it does not help anybody.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let part = source.to_string();
        if !part.is_empty() && !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = source.source();
    }
    // Servers, files and certificates have a say in it, and it goes to logs and terminals.
    printable(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read {path}")]
    struct Outer {
        path: &'static str,
        #[source]
        source: std::io::Error,
    }

    #[test]
    fn chain_names_the_thing_and_its_cause() {
        let error = Outer { path: "/a", source: std::io::Error::other("disk on fire") };
        assert_eq!(chain(&error), "cannot read /a: disk on fire");
        let error = Outer { path: "/a", source: std::io::Error::other("\u{1b}[2J\nERROR forged") };
        assert_eq!(chain(&error), "cannot read /a:  [2J ERROR forged");
    }
}
