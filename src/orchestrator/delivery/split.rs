//! Cuts a long answer into parts that a message can hold.

/// Most characters (Unicode scalar values) of one message. The server's own limit is not public; this is ours.
pub(crate) const PART_LIMIT: usize = 16_000;

const FENCE: &str = "```";
/// Most characters of a fence's opening (fence and language) that are repeated in the next part.
const LONGEST_OPENING: usize = 24;

/// Cuts `text` into parts of at most `limit` characters, best at a paragraph, else at a line, a space, or anywhere. A code
/// fence that is cut is closed in one part and opened again in the next, so that each part reads well alone.
pub(crate) fn split(text: &str, limit: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    let mut fence: Option<String> = None;
    while !rest.trim().is_empty() {
        let mut part = fence.as_ref().map(|opening| format!("{opening}\n")).unwrap_or_default();
        let reserved = part.chars().count() + FENCE.len() + 1;
        let room = limit.saturating_sub(reserved).max(1);
        let end = cut(rest, room);
        part.push_str(rest[..end].trim_end());
        fence = open_fence(&rest[..end], fence);
        rest = if fence.is_some() {
            rest[end..].trim_start_matches('\n')
        } else {
            rest[end..].trim_start()
        };
        if fence.is_some() && !rest.is_empty() {
            part.push('\n');
            part.push_str(FENCE);
        }
        parts.push(part);
    }
    parts
}

/// Where to cut `text` so that at most `room` characters come before: a byte offset on a character boundary, above zero.
fn cut(text: &str, room: usize) -> usize {
    let Some((hard, _)) = text.char_indices().nth(room) else { return text.len() };
    let head = &text[..hard];
    // A cut in the first third would make needlessly small parts.
    let earliest = hard / 3;
    ["\n\n", "\n", " "]
        .iter()
        .filter_map(|separator| head.rfind(separator).map(|at| at + separator.len()))
        .find(|at| *at > earliest)
        .unwrap_or(hard)
}

/// The fence line that is open at the end of `text`, if any, given the one open at its start.
fn open_fence(text: &str, mut open: Option<String>) -> Option<String> {
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with(FENCE) {
            open = match open {
                Some(_) => None,
                None => Some(
                    line.split_whitespace()
                        .next()
                        .unwrap_or(FENCE)
                        .chars()
                        .take(LONGEST_OPENING)
                        .collect(),
                ),
            };
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_text_is_one_part_and_blank_text_is_none() {
        assert_eq!(split("hello\n", 100), ["hello"]);
        assert!(split(" \n ", 100).is_empty());
    }

    #[test]
    fn parts_end_at_paragraphs_where_possible() {
        let text = format!("{}\n\n{}", "a".repeat(40), "b".repeat(40));
        assert_eq!(split(&text, 60), ["a".repeat(40), "b".repeat(40)]);
    }

    #[test]
    fn a_cut_code_fence_is_closed_and_opened_again() {
        let text = format!("```rust\n{}\n{}\n```\nend", "x".repeat(30), "y".repeat(30));
        let parts = split(&text, 50);
        assert!(parts.len() > 1);
        for part in &parts {
            assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        }
        assert!(parts[1].starts_with("```rust\n"));
    }

    proptest! {
        #[test]
        fn no_part_is_over_the_limit_and_no_word_is_lost(words in prop::collection::vec("[a-zé😀]{1,12}", 0..200), limit in 40usize..300) {
            let text = words.join(" ");
            let parts = split(&text, limit);
            for part in &parts {
                prop_assert!(part.chars().count() <= limit);
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&parts.concat()), letters(&text));
        }
    }
}
