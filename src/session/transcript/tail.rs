//! Reading a transcript from its end: as much as decides what the model is shown, and nothing before that.

use crate::session::Error;
use crate::session::transcript::id::Ids;
use crate::session::transcript::index::{Index, Rules};
use crate::session::transcript::line::parse;
use crate::session::transcript::scan::Located;
use crate::session::transcript::source::OpenTranscript;

/// The first block, in bytes. Each one before it is as long as all that was read.
pub(crate) const FIRST: u64 = 256 << 10;
/// How much is read in this way, in bytes. More than any model takes; a context that is longer is found quicker by reading the
/// transcript as a whole, on two threads.
pub(crate) const LONGEST: u64 = 8 << 20;

/// The lines at the end of a transcript, more of them with every step back.
pub(crate) struct Tail<'s> {
    source: &'s OpenTranscript,
    ids: Ids,
    /// Where the entries begin: behind the header.
    floor: u64,
    /// Where the lines that were read begin.
    start: u64,
    /// Lines in blocks; the last block is the first of the file.
    blocks: Vec<Vec<Located>>,
    first_block: u64,
}

impl<'s> Tail<'s> {
    /// The end of a transcript whose entries begin at `floor`. The first block is [`FIRST`] bytes long, unless a test wants
    /// shorter ones.
    pub(crate) fn new(source: &'s OpenTranscript, floor: u64, first_block: u64) -> Self {
        let (ids, start, blocks) = (Ids::default(), source.size, Vec::new());
        Self { source, ids, floor, start, blocks, first_block }
    }

    /// Reads one more block and answers the index of all lines read so far; nothing if there is no more, or too much.
    pub(crate) fn step_back(&mut self) -> Result<Option<Index>, Error> {
        let read = self.source.size - self.start;
        if self.start <= self.floor || read >= LONGEST {
            return Ok(None);
        }
        let mut wanted = read.max(self.first_block);
        // A line longer than the block needs a longer one.
        loop {
            let from = self.start.saturating_sub(wanted).max(self.floor);
            let text = self.source.read(from..self.start)?;
            let lines = if from == self.floor {
                Some(0)
            } else {
                memchr::memchr(b'\n', &text[..text.len().saturating_sub(1)]).map(|at| at + 1)
            };
            if let Some(first) = lines {
                self.blocks.push(self.parse(&text[first..], from + first as u64));
                self.start = from + first as u64;
                return Ok(Some(self.index()));
            }
            if self.source.size - from >= LONGEST {
                return Ok(None);
            }
            wanted *= 2;
        }
    }

    fn parse(&self, text: &[u8], start: u64) -> Vec<Located> {
        let mut at = 0;
        let mut lines = Vec::new();
        while at < text.len() {
            let line_feed = memchr::memchr(b'\n', &text[at..]).map(|offset| at + offset);
            let end = line_feed.unwrap_or(text.len());
            if let Some(line) = parse(&text[at..end], &self.ids) {
                lines.push(Located {
                    start: start + at as u64,
                    end: start + end as u64,
                    is_terminated: line_feed.is_some(),
                    line,
                });
            }
            at = end + 1;
        }
        lines
    }

    fn index(&self) -> Index {
        let mut index = Index::new(Rules::Files, self.ids.clone(), false);
        self.blocks.iter().rev().flatten().for_each(|located| index.push(located.clone()));
        index
    }
}
