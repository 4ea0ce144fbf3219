//! Where things are in a JSON5 file, without changing a byte of it.
//!
//! Only objects that lead to settings of interest are looked into; everything else is skipped token by token, so that a large
//! file costs no memory. The tokens come from the scanner of `jsonc-parser`.

use std::borrow::Cow;
use std::ops::Range;

use jsonc_parser::common::Range as ParserRange;
use jsonc_parser::tokens::Token;
use jsonc_parser::{Scanner, ScannerOptions};

use super::skip::length_to_close;

/// A value and where it is.
#[derive(Debug)]
pub(in crate::config) struct Node<'a> {
    /// Bytes of the text, without surrounding space.
    pub(in crate::config) range: Range<usize>,
    pub(in crate::config) kind: Kind<'a>,
}

/// What a value is.
#[derive(Debug)]
pub(in crate::config) enum Kind<'a> {
    /// An object of interest.
    Object(Object<'a>),
    /// An object that was skipped.
    OtherObject,
    String(Cow<'a, str>),
    Array,
    Number,
    Boolean,
    Null,
}

impl Kind<'_> {
    /// For messages: "a string".
    pub(in crate::config) fn name(&self) -> &'static str {
        match self {
            Self::Object(_) | Self::OtherObject => "an object",
            Self::String(_) => "a string",
            Self::Array => "an array",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::Null => "null",
        }
    }
}

/// The members of an object and what an insertion needs to know.
#[derive(Debug, Default)]
pub(in crate::config) struct Object<'a> {
    pub(in crate::config) members: Vec<Member<'a>>,
    /// End of the comma after the last member, where there is one.
    pub(in crate::config) last_comma: Option<usize>,
    /// End of the last comment after the last member (or after the opening brace, in an object without members).
    pub(in crate::config) last_comment: Option<usize>,
    /// End of the last comment that begins on the line on which the last member (or its comma) ends.
    pub(in crate::config) line_comment: Option<usize>,
}

/// A key and its value.
#[derive(Debug)]
pub(in crate::config) struct Member<'a> {
    pub(in crate::config) key: Cow<'a, str>,
    pub(in crate::config) key_start: usize,
    pub(in crate::config) value: Node<'a>,
}

/// A place in a text that cannot be read, and why.
#[derive(Debug)]
pub(in crate::config) struct SyntaxError {
    pub(in crate::config) offset: usize,
    pub(in crate::config) reason: String,
}

impl<'a> Object<'a> {
    /// All values that are under `key`; more than one if the file says it twice.
    pub(in crate::config) fn all(&self, key: &str) -> impl Iterator<Item = &Node<'a>> {
        self.members.iter().filter(move |member| member.key == key).map(|member| &member.value)
    }
}

/// Reads a text. `base` is the path at which its contents are in the whole configuration, and `is_wanted` tells which
/// objects to look into.
pub(in crate::config) fn parse<'a>(
    text: &'a str,
    base: &[String],
    is_wanted: &dyn Fn(&[Cow<'_, str>]) -> bool,
) -> Result<Node<'a>, SyntaxError> {
    let mut reader = Reader { scanner: scanner(text), base: 0, text, is_wanted };
    let mut path = base.iter().map(|key| Cow::Owned(key.clone())).collect();
    let first = reader.next()?;
    let root = reader.value(first, &mut path)?;
    match reader.next()? {
        None => Ok(root),
        Some(_) => Err(reader.error("expected the end of the file")),
    }
}

fn scanner(text: &str) -> Scanner<'_> {
    Scanner::new(text, &ScannerOptions::default())
}

struct Reader<'a, 'w> {
    /// Scans the text from `base` on.
    scanner: Scanner<'a>,
    base: usize,
    text: &'a str,
    is_wanted: &'w dyn Fn(&[Cow<'_, str>]) -> bool,
}

impl<'a> Reader<'a, '_> {
    /// The next token that is not a comment.
    fn next(&mut self) -> Result<Option<Token<'a>>, SyntaxError> {
        loop {
            match self.any()? {
                Some(Token::CommentLine(_) | Token::CommentBlock(_)) => {}
                token => return Ok(token),
            }
        }
    }

    fn start(&self) -> usize {
        self.base + self.scanner.token_start()
    }

    fn end(&self) -> usize {
        self.base + self.scanner.token_end()
    }

    fn any(&mut self) -> Result<Option<Token<'a>>, SyntaxError> {
        self.scanner.scan().map_err(|error| {
            let ParserRange { start, .. } = error.range();
            SyntaxError { offset: self.base + start, reason: error.kind().to_string() }
        })
    }

    fn error(&self, reason: &str) -> SyntaxError {
        SyntaxError { offset: self.start(), reason: reason.to_owned() }
    }

    fn value(
        &mut self,
        token: Option<Token<'a>>,
        path: &mut Vec<Cow<'a, str>>,
    ) -> Result<Node<'a>, SyntaxError> {
        let start = self.start();
        let kind = match token {
            Some(Token::OpenBrace) if (self.is_wanted)(path) => Kind::Object(self.object(path)?),
            Some(Token::OpenBrace) => {
                self.skip()?;
                Kind::OtherObject
            }
            Some(Token::OpenBracket) => {
                self.skip()?;
                Kind::Array
            }
            Some(Token::String(value)) => Kind::String(value),
            Some(Token::Number(_)) => Kind::Number,
            Some(Token::Boolean(_)) => Kind::Boolean,
            Some(Token::Null) => Kind::Null,
            _ => return Err(self.error("expected a value")),
        };
        Ok(Node { range: start..self.end(), kind })
    }

    fn object(&mut self, path: &mut Vec<Cow<'a, str>>) -> Result<Object<'a>, SyntaxError> {
        let mut object = Object::default();
        loop {
            let key = match self.next_in(&mut object)? {
                Some(Token::CloseBrace) => return Ok(object),
                Some(Token::String(key)) => key,
                // Names that are words of the language elsewhere.
                Some(
                    Token::Word(_)
                    | Token::Boolean(_)
                    | Token::Null
                    | Token::Number("Infinity" | "NaN"),
                ) => Cow::Borrowed(&self.text[self.start()..self.end()]),
                Some(_) => return Err(self.error("expected a key")),
                None => return Err(self.error("expected a key or }, found the end of the file")),
            };
            let key_start = self.start();
            if !matches!(self.next()?, Some(Token::Colon)) {
                return Err(self.error("expected a colon after the key"));
            }
            let token = self.next()?;
            path.push(key.clone());
            let value = self.value(token, path)?;
            path.pop();
            object = Object { members: object.members, ..Object::default() };
            object.members.push(Member { key, key_start, value });
            match self.next_in(&mut object)? {
                Some(Token::Comma) => object.last_comma = Some(self.end()),
                Some(Token::CloseBrace) => return Ok(object),
                _ => return Err(self.error("expected a comma or }")),
            }
        }
    }

    /// Like [`Self::next`], remembering where the comments on the way end.
    fn next_in(&mut self, object: &mut Object<'a>) -> Result<Option<Token<'a>>, SyntaxError> {
        loop {
            match self.any()? {
                Some(Token::CommentLine(_) | Token::CommentBlock(_)) => {
                    let end = self.end();
                    let member_end = object.members.last().map(|member| member.value.range.end);
                    let anchor = object.last_comma.max(object.line_comment).max(member_end);
                    let same_line = anchor
                        .is_some_and(|anchor| !self.text[anchor..self.start()].contains('\n'));
                    if same_line {
                        object.line_comment = Some(end);
                    }
                    object.last_comment = Some(end);
                }
                token => return Ok(token),
            }
        }
    }

    /// Goes to the end of the object or array that has just begun.
    fn skip(&mut self) -> Result<(), SyntaxError> {
        let begin = self.end();
        match length_to_close(&self.text.as_bytes()[begin..]) {
            Ok(length) => {
                self.base = begin + length;
                self.scanner = scanner(&self.text[self.base..]);
                Ok(())
            }
            Err((offset, reason)) => {
                Err(SyntaxError { offset: begin + offset, reason: reason.to_owned() })
            }
        }
    }
}

/// A copy of a text in which every lone half of a surrogate pair is replaced, at the same length.
///
/// JavaScript leaves such an escape where it cuts an emoji in two, and reads it back; no Rust string can hold it. The copy is
/// for reading only, so the file keeps its bytes.
pub(in crate::config) fn readable(text: &str) -> Cow<'_, str> {
    const REPLACEMENT: &str = "FFFD";
    const ESCAPE: usize = 6;
    let unit = |at: usize| {
        let digits = text.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
        u32::from_str_radix(digits, 16).ok()
    };
    let mut copy = Cow::Borrowed(text);
    let mut at = 0;
    while let Some(found) = text[at..].find('\\') {
        let start = at + found;
        let first = unit(start);
        at = match first {
            Some(0xD800..=0xDBFF) if matches!(unit(start + ESCAPE), Some(0xDC00..=0xDFFF)) => {
                start + 2 * ESCAPE
            }
            Some(0xD800..=0xDFFF) => {
                copy.to_mut().replace_range(start + 2..start + ESCAPE, REPLACEMENT);
                start + ESCAPE
            }
            // The character after a backslash belongs to it, whatever it is.
            _ => start + 1 + text[start + 1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    copy
}

/// Line and column, both from 1, of a byte of a text.
pub(in crate::config) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(text: &str) -> Node<'_> {
        parse(text, &[], &|_| true).unwrap()
    }

    #[test]
    fn values_stand_where_they_stand() {
        let text = "// note\n{ a: 'x', \"b\": [1, {c: 2}], /* d */ }\n";
        let Kind::Object(object) = everything(text).kind else { panic!("an object") };
        let found: Vec<_> = object
            .members
            .iter()
            .map(|member| (&*member.key, &text[member.value.range.clone()]))
            .collect();
        assert_eq!(found, [("a", "'x'"), ("b", "[1, {c: 2}]")]);
        assert_eq!(
            object.last_comma.map(|end| &text[..end]),
            Some("// note\n{ a: 'x', \"b\": [1, {c: 2}],")
        );
        assert!(object.line_comment.is_some());
    }

    #[test]
    fn what_is_not_wanted_is_skipped() {
        let node = parse("{a: {b: 1}, c: {d: 1}}", &[], &|path| path.is_empty() || path[0] == "c")
            .unwrap();
        let Kind::Object(object) = node.kind else { panic!("an object") };
        assert!(matches!(object.members[0].value.kind, Kind::OtherObject));
        assert!(matches!(object.members[1].value.kind, Kind::Object(_)));
    }

    #[test]
    fn half_a_file_is_an_error_with_its_place() {
        for text in [
            "{a: 1",
            "{a: [1, 2}",
            "{a",
            "{a: }",
            "{a: 1} {",
            "{a: 1 b: 2}",
            "",
            "{\"a",
            "{a: 1,,}",
        ] {
            assert!(parse(text, &[], &|_| true).is_err(), "{text}");
        }
        assert_eq!(
            parse("{\n  a: }", &[], &|_| true).map_err(|error| error.offset).unwrap_err(),
            7
        );
        assert_eq!(position("{\n  ä: }", 7), (2, 5));
    }

    #[test]
    fn strings_and_comments_hide_brackets_from_the_skipping() {
        let text = r#"{a: ["]\\", '\\]', // ]
            /* ] */ {b: "}"}], /* / */ c: [[]]}"#;
        let Kind::Object(object) = everything(text).kind else { panic!("an object") };
        assert_eq!(object.members.len(), 2);
        assert_eq!(&text[object.members[1].value.range.clone()], "[[]]");
    }

    #[test]
    fn endless_nesting_is_refused() {
        let text = format!("{{a: {}", "[".repeat(100_000));
        assert_eq!(parse(&text, &[], &|_| true).unwrap_err().reason, "too many levels");
    }

    #[test]
    fn only_lone_surrogates_are_replaced_in_the_copy() {
        let cases = [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\ud83d""#, r#""\uFFFD""#),
            (r#""\ude00\ud83d""#, r#""\uFFFD\uFFFD""#),
            (r#""\\ud83d \u0041 \"""#, r#""\\ud83d \u0041 \"""#),
        ];
        for (text, copy) in cases {
            assert_eq!(readable(text), copy);
        }
    }
}
