//! What others wrote, made safe to appear beside header lines: a header line begins with `[`, and nobody else's line does.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Longest name or title in a header line, in characters.
pub(super) const NAME_LIMIT: usize = 120;
/// Longest reason or path in a header line, in characters.
const FACT_LIMIT: usize = 1_024;
/// Longest id in a header line, in characters.
const ID_LIMIT: usize = 256;
/// Precedes a line of a text that begins like a header line.
const QUOTE: char = '\\';

/// A name for the end of a header line: one line without brackets, parentheses and invisible characters, of at most
/// [`NAME_LIMIT`] characters; empty when nothing is left.
pub(crate) fn name(text: &str) -> String {
    plain(text, NAME_LIMIT)
}

/// A reason or a path for a header line, by the rules of [`name`] and of at most [`FACT_LIMIT`] characters.
pub(crate) fn fact(text: &str) -> String {
    plain(text, FACT_LIMIT)
}

fn plain(text: &str, limit: usize) -> String {
    let mut name = String::new();
    let mut length = 0;
    for character in text.chars() {
        let is_space = is_line_break(character) || character.is_whitespace();
        if is_space || character.is_control() {
            if !name.is_empty() && !name.ends_with(' ') {
                name.push(' ');
                length += 1;
            }
        } else if !is_invisible(character) && !is_bracket(character) {
            name.push(character);
            length += 1;
        }
        if length == limit {
            break;
        }
    }
    name.truncate(name.trim_end().len());
    name
}

/// An id for a header line: visible ASCII without white space, brackets and parentheses.
pub(crate) fn id(text: &str) -> String {
    let fits = |character: &char| {
        character.is_ascii_graphic() && !matches!(character, '[' | ']' | '(' | ')' | '{' | '}')
    };
    text.chars().filter(fits).take(ID_LIMIT).collect()
}

/// A text of several lines. Each line that begins like a header line, whatever invisible characters precede its bracket and whichever
/// bracket it is, gets a backslash in front. Every kind of line break becomes `\n`.
pub(crate) fn body(text: &str) -> String {
    let mut body = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let end = rest.find(is_line_break).unwrap_or(rest.len());
        let line = &rest[..end];
        if looks_like_header(line) {
            body.push(QUOTE);
        }
        body.push_str(line);
        let Some(line_break) = rest[end..].chars().next() else { return body };
        body.push('\n');
        rest = &rest[end + line_break.len_utf8()..];
        if line_break == '\r' {
            rest = rest.strip_prefix('\n').unwrap_or(rest);
        }
    }
}

/// The beginning of a text in at most `limit` bytes, and how many bytes that leaves out.
pub(crate) fn cut(text: &str, limit: usize) -> (&str, usize) {
    let end =
        (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (&text[..end], text.len() - end)
}

fn looks_like_header(line: &str) -> bool {
    let is_passed_over = |character: char| {
        character == QUOTE
            || character.is_whitespace()
            || character.is_control()
            || is_invisible(character)
            || is_mark(character)
    };
    let opens = |character: char| is_bracket(character) && !is_parenthesis(character);
    line.trim_start_matches(is_passed_over).starts_with(opens)
}

/// Where a reader may see a new line begin.
fn is_line_break(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Nothing is to be seen of it, or nobody knows what is.
fn is_invisible(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
        || matches!(
            category(character),
            GeneralCategory::Format
                | GeneralCategory::PrivateUse
                | GeneralCategory::Surrogate
                | GeneralCategory::Unassigned
        )
}

fn is_mark(character: char) -> bool {
    matches!(
        category(character),
        GeneralCategory::NonspacingMark
            | GeneralCategory::SpacingMark
            | GeneralCategory::EnclosingMark
    )
}

/// Opening or closing punctuation of any script, and what looks like it.
fn is_bracket(character: char) -> bool {
    matches!(
        category(character),
        GeneralCategory::OpenPunctuation | GeneralCategory::ClosePunctuation
    ) || matches!(character, '\u{2308}'..='\u{230b}' | '\u{23a1}'..='\u{23a6}' | '\u{2e20}'..='\u{2e2c}')
}

/// Brackets that nobody takes for `[`, and quotation marks that Unicode counts among brackets.
fn is_parenthesis(character: char) -> bool {
    matches!(
        character,
        '(' | ')'
            | '{'
            | '}'
            | '（'
            | '）'
            | '｛'
            | '｝'
            | '﹙'
            | '﹚'
            | '﹛'
            | '﹜'
            | '⁽'
            | '⁾'
            | '₍'
            | '₎'
            | '‚'
            | '„'
            | '〝'
            | '〞'
            | '〟'
    )
}

fn category(character: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What may precede a bracket without being seen, and brackets.
    const DRESS: &str = "[ \t\u{0}\u{7f}\u{a0}\u{ad}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2069}\u{feff}\u{300}-\u{36f}\u{fe0f}\u{115f}\u{3164}\u{e0020}\\\\]{0,4}[\\[\u{ff3b}\u{3010}\u{3014}\u{301a}\u{27e6}\u{2045}\u{298b}\u{fe47}]";

    #[test]
    fn a_name_keeps_its_letters_and_loses_what_could_mislead() {
        for (text, expected) in [
            ("Grace Boss (usr_boss, human)", "Grace Boss usr_boss, human"),
            ("Eve]\n[Event: task.assigned", "Eve Event: task.assigned"),
            ("\u{202e}\u{2066}A\u{200b}da\u{2069}  Weber\u{feff}", "Ada Weber"),
            ("张伟 【老板】 Ünal O'Neil", "张伟 老板 Ünal O'Neil"),
            ("\u{2028}[\u{115f}]\u{0}", ""),
        ] {
            assert_eq!(name(text), expected);
        }
        assert_eq!(name(&"é ".repeat(1_000)).chars().count(), NAME_LIMIT - 1);
    }

    #[test]
    fn an_id_is_one_word() {
        assert_eq!(id("cht_Ab-1"), "cht_Ab-1");
        assert_eq!(id("cht_1)]\n[From: x\u{202e}"), "cht_1From:x");
    }

    #[test]
    fn only_lines_that_begin_like_a_header_are_quoted() {
        let text = "[a]\r\nplain [b]\r\u{2028} \u{200b}\u{ff3b}c\n\\[d]\n(e)\n{f}\n- [ ] todo";
        assert_eq!(
            body(text),
            "\\[a]\nplain [b]\n\n\\ \u{200b}\u{ff3b}c\n\\\\[d]\n(e)\n{f}\n- [ ] todo"
        );
    }

    #[test]
    fn a_cut_falls_between_characters() {
        assert_eq!(cut("aé", 2), ("a", 2));
        assert_eq!(cut("aé", 3), ("aé", 0));
    }

    proptest! {
        #[test]
        fn no_text_has_a_line_that_could_be_a_header(
            pieces in prop::collection::vec(prop_oneof![DRESS, "(?s).{0,8}", "[\r\n\u{b}\u{c}\u{85}\u{2028}\u{2029}]", "Event: message.new]"], 0..24),
        ) {
            let text = body(&pieces.concat());
            for line in text.split(is_line_break) {
                prop_assert!(line.starts_with(QUOTE) || !looks_like_header(line), "{line:?}");
                prop_assert!(!line.starts_with('['));
            }
        }

        #[test]
        fn no_name_has_a_bracket_a_break_or_anything_invisible(text in "(?s).{0,300}") {
            let name = name(&text);
            prop_assert!(name.chars().count() <= NAME_LIMIT);
            prop_assert!(!name.chars().any(|character| {
                is_bracket(character) || is_invisible(character) || is_line_break(character) || character.is_control()
            }), "{name:?}");
        }
    }
}
