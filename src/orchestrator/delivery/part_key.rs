//! The keys of parts: the server takes a key once, and the journal reads from it whether a part ends its answer.

use sha2::{Digest, Sha256};

use crate::text::hex;

/// How the key of a part ends that does not complete its answer.
const PARTIAL: &str = ":partial";

/// The key under which a part is sent: the same for the same part of the same event, whatever happens in between. The
/// server keeps the prefixes `reply:` and `task_update:` for itself.
pub(crate) fn part_key(
    event_key: &str,
    ordinal: u32,
    text: &str,
    files: &[String],
    completes: bool,
) -> String {
    let mut digest = Sha256::new_with_prefix(text);
    for file in files {
        digest.update([0]);
        digest.update(file);
    }
    let digest = digest.finalize();
    let mut key = format!("openclaw:{event_key}:{ordinal}:{}", hex(&digest[..8]));
    if !completes {
        key.push_str(PARTIAL);
    }
    key
}

/// Whether the answer was complete with the part of this key.
pub(crate) fn completes(key: &str) -> bool {
    !key.ends_with(PARTIAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stable_differ_by_part_and_avoid_reserved_prefixes() {
        let key = |event, ordinal, text| part_key(event, ordinal, text, &[], true);
        assert_eq!(key("dsp_1", 0, "a"), key("dsp_1", 0, "a"));
        assert_ne!(key("dsp_1", 0, "a"), key("dsp_1", 1, "a"));
        assert_ne!(key("dsp_1", 0, "a"), key("dsp_1", 0, "b"));
        assert!(!key("reply:1", 0, "a").starts_with("reply:"));
    }

    #[test]
    fn a_key_says_whether_the_answer_was_complete_with_its_part() {
        assert!(completes(&part_key("dsp_1", 0, "a", &[], true)));
        assert!(!completes(&part_key("dsp_1", 0, "a", &[], false)));
    }
}
