//! A validating JSON scanner: says whether a text is what `JSON.parse` accepts, and where its outer members are.
//!
//! Nothing is built. Values keep their bytes, there is no limit on depth, and a duplicate key is reported each time (the last
//! one wins, as in JavaScript). Bytes that are not UTF-8 are fine inside strings, because readers replace them by U+FFFD, and
//! nowhere else.
//!
//! Why not a library: a scan is most of what a full fork costs. Built as it is released, for size, this scanner takes as long on lines of
//! a few kilobytes as `serde_json` does to validate alone, and a third to a quarter of the time that `serde_json`, and `sonic-rs` 0.5,
//! take to find the same members; the tape of `simd-json` 0.17 alone takes twice as long (`cargo bench --bench json` has the first
//! two; on an idle machine and built for speed: 2,560, 1,840 and 800 MB/s). And none of them reads what `JSON.parse` does: `serde_json`
//! gives up at a depth of 128, and each refuses members with bytes that are not UTF-8.

pub(crate) mod bytes;
pub(crate) mod object;
pub(crate) mod text;

use std::ops::Range;

use crate::session::json::bytes::specials;

/// How deep members are reported: those of the outermost object (1) and of the objects in it (2).
const REPORTED: usize = 2;

/// One member of an object: `key` without its quotes, as spelt; `value` as spelt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// 1 in the outermost object, 2 in an object that is a value there.
    pub(crate) depth: usize,
    /// Where the key's text is, quotes excluded.
    pub(crate) key: Range<usize>,
    /// Where the value is.
    pub(crate) value: Range<usize>,
}

/// Scans one JSON text. Members are reported as their values end: those inside an object before the object itself.
///
/// Answers the position of the first byte that cannot be there. Line feeds count as space only if `multiline` is set; a
/// transcript's lines have none.
pub(crate) fn scan(
    text: &[u8],
    multiline: bool,
    report: &mut impl FnMut(Member),
) -> Result<(), usize> {
    let mut scanner = Scanner { text, at: 0, multiline, open: Containers::default() };
    scanner.run(report).ok_or(scanner.at.min(text.len()))
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    multiline: bool,
    open: Containers,
}

impl Scanner<'_> {
    /// `None` with `at` on the offending byte.
    fn run(&mut self, report: &mut impl FnMut(Member)) -> Option<()> {
        let mut keys: [Range<usize>; REPORTED + 1] = Default::default();
        let mut starts = [0; REPORTED + 1];
        self.space();
        loop {
            let depth = self.open.depth;
            if depth <= REPORTED {
                starts[depth] = self.at;
            }
            match *self.text.get(self.at)? {
                b'"' => self.string()?,
                b'{' => {
                    self.enter(true);
                    if self.text.get(self.at) != Some(&b'}') {
                        self.key(&mut keys)?;
                        continue;
                    }
                    self.leave();
                }
                b'[' => {
                    self.enter(false);
                    if self.text.get(self.at) != Some(&b']') {
                        continue;
                    }
                    self.leave();
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // A value has ended here; so may the containers around it.
            loop {
                let depth = self.open.depth;
                if depth == 0 {
                    self.space();
                    return (self.at == self.text.len()).then_some(());
                }
                if depth <= REPORTED && self.open.is_object() {
                    report(Member {
                        depth,
                        key: keys[depth].clone(),
                        value: starts[depth]..self.at,
                    });
                }
                self.space();
                match *self.text.get(self.at)? {
                    b',' => break,
                    b'}' if self.open.is_object() => self.leave(),
                    b']' if !self.open.is_object() => self.leave(),
                    _ => return None,
                }
            }
            self.at += 1;
            self.space();
            if self.open.is_object() {
                self.key(&mut keys)?;
            }
        }
    }

    fn enter(&mut self, is_object: bool) {
        self.open.push(is_object);
        self.at += 1;
        self.space();
    }

    fn leave(&mut self) {
        self.open.pop();
        self.at += 1;
    }

    fn space(&mut self) {
        while let Some(byte) = self.text.get(self.at)
            && (matches!(byte, b' ' | b'\t' | b'\r') || (*byte == b'\n' && self.multiline))
        {
            self.at += 1;
        }
    }

    /// A key and its colon, up to the start of the value.
    fn key(&mut self, keys: &mut [Range<usize>; REPORTED + 1]) -> Option<()> {
        let start = self.at + 1;
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        self.string()?;
        if let Some(key) = keys.get_mut(self.open.depth) {
            *key = start..self.at - 1;
        }
        self.space();
        if self.text.get(self.at) != Some(&b':') {
            return None;
        }
        self.at += 1;
        self.space();
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        // Most strings are short; long ones go by larger strides.
        let mut is_closed = self.stride::<1>()?;
        while !is_closed {
            is_closed = self.stride::<4>()?;
        }
        Some(())
    }

    /// Continues inside a string by `BLOCKS` blocks of 16 bytes, or a little more if an escape lies across their end. Answers
    /// whether the string was closed.
    fn stride<const BLOCKS: usize>(&mut self) -> Option<bool> {
        let (start, length) = (self.at, BLOCKS * 16);
        if start >= self.text.len() {
            return None;
        }
        let mut mask = specials::<BLOCKS>(self.text, start);
        while mask != 0 {
            self.at = start + mask.trailing_zeros() as usize;
            match self.text[self.at] {
                b'"' => {
                    self.at += 1;
                    return Some(true);
                }
                b'\\' => self.escape()?,
                _ => return None,
            }
            let done = self.at - start;
            if done >= length {
                return Some(false);
            }
            mask &= u64::MAX << done;
        }
        self.at = start + length;
        Some(false)
    }

    fn escape(&mut self) -> Option<()> {
        match *self.text.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
            b'u' => {
                let digits = self.text.get(self.at + 2..self.at + 6)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.at += 6;
            }
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// The containers that are open: one bit each, because a line may nest as deep as it is long.
#[derive(Default)]
struct Containers {
    depth: usize,
    is_object: Vec<u64>,
}

impl Containers {
    fn push(&mut self, is_object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.is_object.len() {
            self.is_object.push(0);
        }
        self.is_object[word] = self.is_object[word] & !(1 << bit) | (u64::from(is_object) << bit);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }

    fn is_object(&self) -> bool {
        let top = self.depth - 1;
        self.is_object[top / 64] >> (top % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn accepts(text: &[u8]) -> bool {
        scan(text, false, &mut |_| {}).is_ok()
    }

    #[test]
    fn it_accepts_and_rejects_like_json_parse() {
        for good in [
            "{}",
            "[]",
            " { } ",
            "[1,2 , 3]",
            "0",
            "-0",
            "1.5e-7",
            "1E400",
            "\"\"",
            "\"\\u00e9\\ud800\"",
            "true",
            "null",
            "{\"a\":[{\"b\":null}],\"a\":2}",
            "[[[]],{}]\r",
            "\t1\t",
        ] {
            assert!(accepts(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "nul",
            "undefined",
            "NaN",
            "'x'",
            "\"\\x\"",
            "\"\\u00g0\"",
            "\"\n\"",
            "\"\u{1}\"",
            "[}",
            "{]",
            "1 2",
            "{}{}",
            "\u{a0}1",
            "\"a",
            "\"\\",
            "]",
            "\n1",
            ",",
            "[1 2]",
            "{\"a\":1 \"b\":2}",
            "{1:2}",
            "truee",
        ] {
            assert!(!accepts(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_may_stand_in_strings_only() {
        assert!(accepts(b"\"a\xff\xc3\""));
        assert!(!accepts(b"[1]\xff"));
        assert!(!accepts(b"\xef\xbb\xbf{}"));
    }

    #[test]
    fn members_are_reported_to_the_second_depth_and_each_time_they_occur() {
        let text = br#"{"a":{"x":[{"deep":1}],"y":2},"a":"s"}"#;
        let mut seen = Vec::new();
        scan(text, false, &mut |member| {
            seen.push((member.depth, text[member.key].to_vec(), text[member.value].to_vec()));
        })
        .unwrap();
        let expected: [(usize, &[u8], &[u8]); 4] = [
            (2, b"x", br#"[{"deep":1}]"#),
            (2, b"y", b"2"),
            (1, b"a", br#"{"x":[{"deep":1}],"y":2}"#),
            (1, b"a", b"\"s\""),
        ];
        assert_eq!(seen, expected.map(|(depth, key, value)| (depth, key.to_vec(), value.to_vec())));
    }

    #[test]
    fn depth_has_no_limit() {
        let depth = 1_000_000;
        let text = ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(accepts(text.as_bytes()));
        assert!(!accepts(&text.as_bytes()[..text.len() - 1]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn it_agrees_with_another_validator_on_nearly_valid_texts(
            words in vec(
                select(&[
                    "{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u12aF\\n\"", "\"", "\\", "1", "-0", ".5", "e3", "true", "null", " ", "\n",
                    "\u{1}", "é", "a long enough run of plain text to leave the first block of sixteen bytes, and the next four too",
                ]),
                0..12,
            )
        ) {
            let text = words.concat();
            let expected = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(scan(text.as_bytes(), true, &mut |_| {}).is_ok(), expected, "{}", text);
        }
    }
}
