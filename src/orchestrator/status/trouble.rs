//! The trouble of one call that is made again until it works: the status tells of it as long as it lasts.

use std::sync::atomic::Ordering;

use super::board::StatusBoard;
use super::problems::About;

/// How often a call has failed. What the status says about it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Trouble<'board> {
    board: &'board StatusBoard,
    about: About,
    failures: u32,
}

impl StatusBoard {
    /// For a call that is made again until it works.
    pub(crate) fn trouble(&self) -> Trouble<'_> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        Trouble { board: self, about: About::Call(call), failures: 0 }
    }
}

impl Trouble<'_> {
    /// The call has failed once more; with `blocks` the account can do nothing before it works. Returns how often by now.
    pub(crate) fn failed(&mut self, text: String, blocks: bool) -> u32 {
        self.failures += 1;
        self.board.raise(self.about, text, blocks);
        self.failures
    }
}

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        if self.failures > 0 {
            self.board.solve(self.about);
        }
    }
}
