//! What is wrong with an account at this moment.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a problem is about. Something new about the same thing takes the place of the old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The key, which the server refuses for good.
    Key,
    /// A step that cannot be done in this process.
    Fault,
    /// The connection to the server.
    Connection,
    /// The server's list of what is pending.
    List,
    /// Reading the journal.
    Journal,
    /// Events that were given up.
    DeadLetters,
    /// A call that is made again and again.
    Call(u64),
}

/// A problem in words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    text: String,
    /// Whether the account can do nothing before it is solved.
    blocks: bool,
    /// Place in the order in which problems came up.
    order: u64,
}

/// Problems that are not solved yet.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    known: BTreeMap<About, Problem>,
    raised: u64,
}

impl Problems {
    /// Something is wrong. The same words again change nothing.
    pub(crate) fn raise(&mut self, about: About, text: String, blocks: bool) {
        if self.known.get(&about).is_some_and(|known| known.text == text && known.blocks == blocks)
        {
            return;
        }
        self.raised += 1;
        self.known.insert(about, Problem { text, blocks, order: self.raised });
    }

    /// It is right again.
    pub(crate) fn solve(&mut self, about: About) {
        self.known.remove(&about);
    }

    /// The newest problem.
    pub(crate) fn newest(&self) -> Option<String> {
        self.newest_of(|_| true)
    }

    /// The newest problem without whose solution the account can do nothing.
    pub(crate) fn blocking(&self) -> Option<String> {
        self.newest_of(|problem| problem.blocks)
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<String> {
        let mut problems: Vec<&Problem> = self.known.values().collect();
        problems.sort_by_key(|problem| Reverse(problem.order));
        problems.into_iter().map(|problem| problem.text.clone()).collect()
    }

    fn newest_of(&self, counts: impl Fn(&Problem) -> bool) -> Option<String> {
        let problems = self.known.values().filter(|problem| counts(problem));
        problems.max_by_key(|problem| problem.order).map(|problem| problem.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solved_problem_leaves_the_others_standing() {
        let mut problems = Problems::default();
        problems.raise(About::DeadLetters, "given up".into(), false);
        problems.raise(About::Key, "refused".into(), true);
        problems.raise(About::Connection, "refused too".into(), false);
        assert_eq!(problems.newest().as_deref(), Some("refused too"));
        assert_eq!(problems.blocking().as_deref(), Some("refused"));
        assert_eq!(problems.all(), ["refused too", "refused", "given up"]);
        problems.solve(About::Connection);
        problems.solve(About::Key);
        assert_eq!((problems.newest().as_deref(), problems.blocking()), (Some("given up"), None));
        problems.solve(About::DeadLetters);
        assert_eq!(problems.newest(), None);
    }

    #[test]
    fn the_same_words_again_are_not_news() {
        let mut problems = Problems::default();
        problems.raise(About::DeadLetters, "given up".into(), false);
        problems.raise(About::List, "unreadable".into(), false);
        problems.raise(About::DeadLetters, "given up".into(), false);
        assert_eq!(problems.newest().as_deref(), Some("unreadable"));
        problems.raise(About::DeadLetters, "another one given up".into(), false);
        assert_eq!(problems.newest().as_deref(), Some("another one given up"));
    }
}
