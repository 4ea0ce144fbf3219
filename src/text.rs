//! Texts of others on their way into a log line, a status or an error.

use std::fmt::Write;

/// What stands for a character that is not shown.
const REPLACEMENT: char = ' ';
/// What ends a text that was cut.
const CUT: char = '…';

/// Code points of the Unicode category `Cf` (format characters) and the two separators that end a line for some viewers: they
/// are invisible, hide or reorder what is around them, or begin a new line. Unicode 16.
const INVISIBLE: [(u32, u32); 22] = [
    (0x00AD, 0x00AD),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x2064),
    (0x2066, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x1_10BD, 0x1_10BD),
    (0x1_10CD, 0x1_10CD),
    (0x1_3430, 0x1_343F),
    (0x1_BCA0, 0x1_BCA3),
    (0x1_D173, 0x1_D17A),
    (0xE_0001, 0xE_0001),
    (0xE_0020, 0xE_007F),
    (0xFFFE, 0xFFFF),
];

/// Whether a character can be shown without an effect on what is around it.
pub(crate) fn is_printable(character: char) -> bool {
    let code = u32::from(character);
    !character.is_control()
        && !INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// `text` on one line, without control characters (so without escape sequences of terminals) and without invisible ones.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if is_printable(character) { character } else { REPLACEMENT })
        .collect()
}

/// `text` as one line of at most `limit` characters, without control characters (so without escape sequences of terminals)
/// and without invisible ones. Runs of white space become one space.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut gap = false;
    for character in text.chars() {
        let character = if is_printable(character) { character } else { REPLACEMENT };
        if character.is_whitespace() {
            gap = length > 0;
            continue;
        }
        if length + usize::from(gap) >= limit {
            line.push(CUT);
            return line;
        }
        if std::mem::take(&mut gap) {
            line.push(' ');
            length += 1;
        }
        line.push(character);
        length += 1;
    }
    line
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The first `limit` of `items`, each on one line of at most `width` characters, and how many there are besides.
pub(crate) fn list<T: AsRef<str>>(items: &[T], limit: usize, width: usize) -> String {
    let shown: Vec<_> =
        items.iter().take(limit).map(|item| one_line(item.as_ref(), width)).collect();
    let text = shown.join(", ");
    match items.len().saturating_sub(limit) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_new_lines_and_invisible_characters_are_gone() {
        for (text, line) in [
            ("plain text", "plain text"),
            ("\u{1b}[31mred\u{1b}[0m", "[31mred [0m"),
            ("a\r\nERROR forged\u{2028}line\u{85}", "a ERROR forged line"),
            ("abc\u{202e}fdp.exe\u{2066}x", "abc fdp.exe x"),
            ("\u{200b}\u{feff}\u{e0041}", ""),
            ("  many \t\t spaces  ", "many spaces"),
            ("日本 – grün 🎉", "日本 – grün 🎉"),
        ] {
            assert_eq!(one_line(text, 100), line, "{text:?}");
        }
    }

    #[test]
    fn a_printable_text_keeps_its_spaces() {
        assert_eq!(printable("/a  b/c\nd\u{1b}[0m"), "/a  b/c d [0m");
    }

    #[test]
    fn long_texts_are_cut_and_long_lists_are_counted() {
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
        assert_eq!(list(&["a", "b\n", "c"], 2, 10), "a, b and 1 more");
        assert_eq!(list(&["a"], 2, 10), "a");
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
