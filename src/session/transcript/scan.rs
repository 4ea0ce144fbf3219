//! Reading a transcript's lines: in segments, on two threads, in constant memory.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::session::Error;
use crate::session::transcript::id::Ids;
use crate::session::transcript::line::{Line, parse};
use crate::session::transcript::source::OpenTranscript;

/// How much is read at once, in bytes. It fits the second-level cache.
const SEGMENT: u64 = 512 << 10;
/// The least that is read further when a line does not end within its segment, in bytes.
const MORE: u64 = 64 << 10;
/// Below this size one thread is quicker than starting others.
const PARALLEL_FROM: u64 = 2 << 20;
/// Threads that scan a large transcript.
const THREADS: usize = 2;
/// Segments that may wait for the collector, so that a slow one does not gather the whole file in memory.
const WAITING: usize = 16;

/// One line that is valid JSON, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// The first byte of the line.
    pub(crate) start: u64,
    /// The byte after its last one, line feed excluded.
    pub(crate) end: u64,
    /// Whether a line feed follows.
    pub(crate) is_terminated: bool,
    pub(crate) line: Line,
}

/// Is shown every part of the range as it is read, with its position in the file; from several threads, in any order.
pub(crate) type Watcher<'w> = &'w (dyn Fn(u64, &[u8]) + Sync);

/// Reads the lines of a range that begins at a line's start, and hands them over in order.
pub(crate) fn scan(
    source: &OpenTranscript,
    range: Range<u64>,
    ids: &Ids,
    watcher: Option<Watcher<'_>>,
    collect: &mut impl FnMut(Located),
) -> Result<(), Error> {
    let segments = Segments { source, range, ids, watcher };
    if segments.range.end.saturating_sub(segments.range.start) < PARALLEL_FROM {
        let mut buffer = Vec::new();
        for index in 0..segments.count() {
            segments.read(index, &mut buffer)?.into_iter().for_each(&mut *collect);
        }
        return Ok(());
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let (sender, segments, next) = (sender.clone(), &segments, &next);
            scope.spawn(move || {
                let mut buffer = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= segments.count() {
                        return;
                    }
                    let lines = segments.read(index, &mut buffer);
                    // The collector stops listening after an error.
                    if sender.send((index, lines)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        in_order(receiver, collect)
    })
}

/// Hands over the segments' lines in the order of the file.
fn in_order(
    receiver: mpsc::Receiver<(usize, Result<Vec<Located>, Error>)>,
    collect: &mut impl FnMut(Located),
) -> Result<(), Error> {
    let mut early: Vec<(usize, Vec<Located>)> = Vec::new();
    let mut expected = 0;
    for (index, lines) in receiver {
        early.push((index, lines?));
        while let Some(place) = early.iter().position(|(index, _)| *index == expected) {
            early.swap_remove(place).1.into_iter().for_each(&mut *collect);
            expected += 1;
        }
    }
    Ok(())
}

/// A range cut into segments. A line belongs to the segment in which it starts.
struct Segments<'a> {
    source: &'a OpenTranscript,
    range: Range<u64>,
    ids: &'a Ids,
    watcher: Option<Watcher<'a>>,
}

impl Segments<'_> {
    fn count(&self) -> usize {
        let length = self.range.end.saturating_sub(self.range.start);
        usize::try_from(length.div_ceil(SEGMENT)).unwrap_or(usize::MAX)
    }

    /// The valid lines that start in a segment. The buffer is only there to be used again.
    fn read(&self, index: usize, buffer: &mut Vec<u8>) -> Result<Vec<Located>, Error> {
        let start = self.range.start + index as u64 * SEGMENT;
        let end = (start + SEGMENT).min(self.range.end);
        // The byte before tells whether a line starts right here.
        let from = if index == 0 { start } else { start - 1 };
        let filled = self.fill(from, end, buffer)?;
        let text = &buffer[..filled];
        let own = usize::try_from(end - from).unwrap_or(usize::MAX).min(filled);
        if let Some(watcher) = self.watcher {
            let before = usize::from(from < start).min(own);
            watcher(start, &text[before..own]);
        }
        let mut lines = Vec::new();
        let mut at = if index == 0 { 0 } else { after_line_feed(text, 0) };
        while at < own {
            let next = after_line_feed(text, at);
            let is_terminated = text[at..next].ends_with(b"\n");
            let line_end = next - usize::from(is_terminated);
            if let Some(line) = parse(&text[at..line_end], self.ids) {
                lines.push(Located {
                    start: from + at as u64,
                    end: from + line_end as u64,
                    is_terminated,
                    line,
                });
            }
            at = next;
        }
        Ok(lines)
    }

    /// Reads a segment and as much of what follows as its last line needs. Answers how much that is.
    fn fill(&self, from: u64, end: u64, buffer: &mut Vec<u8>) -> Result<usize, Error> {
        let mut wanted = usize::try_from(end - from).unwrap_or(usize::MAX);
        let mut filled = 0;
        loop {
            if buffer.len() < wanted {
                buffer.resize(wanted, 0);
            }
            let count = self.source.fill(&mut buffer[filled..wanted], from + filled as u64)?;
            let has_line_feed = filled == 0 && buffer[..count].last() == Some(&b'\n')
                || filled > 0 && buffer[filled..filled + count].contains(&b'\n');
            filled += count;
            let rest = self.range.end.saturating_sub(from + filled as u64);
            if has_line_feed || filled < wanted || rest == 0 {
                return Ok(filled);
            }
            // Doubling keeps the work for a very long line in proportion to its length.
            let more = u64::try_from(wanted).unwrap_or(u64::MAX).max(MORE).min(rest);
            wanted += usize::try_from(more).unwrap_or(usize::MAX);
        }
    }
}

/// The position after the next line feed, or the end.
fn after_line_feed(text: &[u8], from: usize) -> usize {
    memchr::memchr(b'\n', &text[from..]).map_or(text.len(), |offset| from + offset + 1)
}
