//! Dispatches of kinds that this version cannot show to the agent. They stay at the server, and the status names them.

use std::collections::BTreeMap;

use crate::api::Dispatch;
use crate::orchestrator::turn::untrusted::name;

/// How many kinds are named.
const MOST_KINDS: usize = 8;

/// What waits at the server, by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unhandled {
    /// How many there are of a kind, and the newest of them.
    kinds: BTreeMap<String, (usize, String)>,
    /// How many are of kinds beyond those that are named.
    others: usize,
}

impl Unhandled {
    /// One more dispatch, of this kind.
    pub(crate) fn add(&mut self, kind: &str, dispatch: &Dispatch) {
        let kind = if kind.is_empty() { "without a name".to_owned() } else { name(kind) };
        if let Some((count, newest)) = self.kinds.get_mut(&kind) {
            // A frame may come again.
            if *newest != dispatch.id {
                *count += 1;
                newest.clone_from(&dispatch.id);
            }
        } else if self.kinds.len() < MOST_KINDS {
            self.kinds.insert(kind, (1, dispatch.id.clone()));
        } else {
            self.others += 1;
        }
    }

    /// A sentence for people; nothing when there is nothing to say.
    pub(crate) fn summary(&self) -> Option<String> {
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .map(|(kind, (count, newest))| {
                format!("{count} of kind {kind} (the last is {})", name(newest))
            })
            .chain((self.others > 0).then(|| format!("{} of other kinds", self.others)))
            .collect();
        let all = self.others + self.kinds.values().map(|(count, _)| count).sum::<usize>();
        (all > 0).then(|| {
            let list = kinds.join(", ");
            format!("{all} dispatches wait at Parall because this version cannot show them: {list}")
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dispatch(id: &str) -> Dispatch {
        serde_json::from_value(json!({ "id": id })).unwrap()
    }

    #[test]
    fn kinds_are_named_with_their_newest_dispatch_and_without_foreign_characters() {
        let mut unhandled = Unhandled::default();
        assert_eq!(unhandled.summary(), None);
        unhandled.add("wiki.\u{7}changed", &dispatch("dsp_1"));
        unhandled.add("wiki.\u{7}changed", &dispatch("dsp_1"));
        unhandled.add("wiki.\u{7}changed", &dispatch("dsp_2"));
        let text = unhandled.summary().unwrap();
        assert!(text.contains("2 of kind wiki. changed (the last is dsp_2)"), "{text}");
    }

    #[test]
    fn a_server_that_invents_kinds_makes_no_long_text() {
        let mut unhandled = Unhandled::default();
        for number in 0..10_000 {
            unhandled.add(&format!("{number}{}", "x".repeat(10_000)), &dispatch("dsp_1"));
        }
        let text = unhandled.summary().unwrap();
        assert!(text.len() < 3_000, "{}", text.len());
        assert!(text.starts_with("10000 dispatches") && text.contains("9992 of other kinds"));
    }
}
