//! Texts from an argument, a file or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::failure::Failure;
use crate::organisation::LONGEST_TEXT;

/// Stands for standard input where a text is expected.
const STANDARD_INPUT: &str = "-";

/// The text of an argument, where `-` stands for standard input, or of a file. Line breaks at the end of a file are dropped.
pub(super) fn read(
    argument: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>, Failure> {
    match (argument.as_deref(), file) {
        (Some(STANDARD_INPUT), _) => {
            let bytes = bytes(io::stdin().lock()).map_err(|error| {
                Failure::local_file(format!("cannot read standard input: {error}"))
            })?;
            text("standard input", bytes).map(Some)
        }
        (Some(_), _) => Ok(argument),
        (None, Some(path)) => {
            let shown = path.display().to_string();
            let fail = |error| Failure::local_file(format!("cannot read {shown}: {error}"));
            let bytes = bytes(File::open(path).map_err(fail)?).map_err(fail)?;
            text(&shown, bytes).map(Some)
        }
        (None, None) => Ok(None),
    }
}

/// One byte more than is ever sent is enough to see that it is too much.
fn bytes(source: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Room for the line breaks that are dropped.
    source.take(LONGEST_TEXT as u64 + 1024).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(source: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    let refuse = |reason: &str| Failure::usage(format!("{source} cannot be used: {reason}"));
    let mut text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Reading stopped in the middle of a character.
        Err(error)
            if error.utf8_error().error_len().is_none()
                && error.as_bytes().len() > LONGEST_TEXT =>
        {
            return Err(refuse("it is too long"));
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            return Err(refuse(&format!("it is not UTF-8 at byte {at}")));
        }
    };
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_bytes_is_utf_8_without_line_breaks_at_its_end() {
        assert_eq!(text("x", b"  a\nb\r\n\n".to_vec()).unwrap(), "  a\nb");
        let error = text("standard input", b"ab\xff".to_vec()).unwrap_err();
        assert_eq!(error.message(), "standard input cannot be used: it is not UTF-8 at byte 2");
        let endless = bytes(io::repeat(b'x')).unwrap();
        assert!(endless.len() > LONGEST_TEXT && endless.len() < 2 * LONGEST_TEXT);
    }
}
