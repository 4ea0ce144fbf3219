//! What a fork consists of, as pieces: ranges of the source that are copied as they are, and lines written anew.

use std::ops::Range;

use crate::session::transcript::index::Entry;

/// A part of the fork's transcript.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes of the source.
    Copy(Range<u64>),
    /// Bytes of our own.
    Bytes(Vec<u8>),
}

/// Pieces put together as few as possible.
#[derive(Default)]
pub(crate) struct Pieces(Vec<Piece>);

impl Pieces {
    /// A line of the source, as it is.
    pub(crate) fn copy(&mut self, entry: &Entry) {
        let mut range = entry.range();
        range.end += u64::from(entry.is_terminated);
        match self.0.last_mut() {
            Some(Piece::Copy(last)) if last.end == range.start => last.end = range.end,
            _ => self.0.push(Piece::Copy(range)),
        }
        if !entry.is_terminated {
            self.bytes(b"\n");
        }
    }

    /// Bytes of our own.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        match self.0.last_mut() {
            Some(Piece::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.0.push(Piece::Bytes(bytes.to_vec())),
        }
    }

    /// A line of our own.
    pub(crate) fn line(&mut self, line: &[u8]) {
        self.bytes(line);
        self.bytes(b"\n");
    }

    pub(crate) fn into_vec(self) -> Vec<Piece> {
        self.0
    }
}
