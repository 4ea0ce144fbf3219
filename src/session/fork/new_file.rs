//! A fork's transcript while it is being made.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::fs::private_options;
use crate::session::Error;
use crate::session::fork::pieces::Piece;
use crate::session::transcript::source::OpenTranscript;

/// From this length on a range is copied by the kernel, without coming through this process; in bytes.
const BY_KERNEL_FROM: u64 = 256 << 10;
/// How much shorter ranges are gathered before they are written, in bytes.
const GATHERED: usize = 256 << 10;

/// A new file that goes away with its owner unless it is kept.
///
/// It is not synced to the disk. A killed process loses nothing by that. After a power failure the file may be short, but its
/// name is safe as soon as the store's entry is, because writing the store syncs the folder that holds both; and at the next
/// start every fork is removed anyway, since nobody is left to use it. Syncing would cost more than the copy itself.
pub(crate) struct NewFile {
    path: PathBuf,
    file: File,
    /// Length of the header line.
    header: u64,
    /// The bytes of the source that are behind it already.
    ahead: Range<u64>,
    /// How many bytes have been written ahead.
    written_ahead: AtomicU64,
    is_kept: bool,
}

impl NewFile {
    /// Creates a file that did not exist, for its owner alone, with its header line.
    pub(crate) fn create(path: &Path, header: &str) -> Result<Self, Error> {
        let file = private_options()
            .create_new(true)
            .open(path)
            .map_err(|source| Error::Write { action: "create", path: path.into(), source })?;
        let new = Self {
            path: path.into(),
            file,
            header: header.len() as u64,
            ahead: 0..0,
            written_ahead: AtomicU64::new(0),
            is_kept: false,
        };
        (&new.file).write_all(header.as_bytes()).map_err(|source| new.failed(source))?;
        Ok(new)
    }

    /// Takes bytes of the source that will most likely be wanted, before it is known: `offset` says where behind the header.
    /// Any thread may bring them, in any order. What fails here is written again when it is wanted.
    pub(crate) fn write_ahead(&self, offset: u64, bytes: &[u8]) {
        if write_all_at(&self.file, bytes, self.header + offset).is_ok() {
            self.written_ahead.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    /// Says which bytes of the source were to be written ahead. They count if each of them was.
    pub(crate) fn set_ahead(&mut self, range: Range<u64>) {
        if *self.written_ahead.get_mut() == range.end - range.start {
            self.ahead = range;
        }
    }

    /// Makes the file hold the pieces of the source behind its header.
    pub(crate) fn finish(
        &mut self,
        source: &OpenTranscript,
        pieces: &[Piece],
    ) -> Result<(), Error> {
        self.try_finish(source, pieces).map_err(|source| self.failed(source))
    }

    fn try_finish(&mut self, source: &OpenTranscript, pieces: &[Piece]) -> io::Result<()> {
        let (there, rest) = match pieces.split_first() {
            Some((Piece::Copy(first), rest))
                if first.start == self.ahead.start && first.end <= self.ahead.end =>
            {
                (first.end - first.start, rest)
            }
            _ => (0, pieces),
        };
        let length = self.header + there;
        if self.file.metadata()?.len() > length {
            self.file.set_len(length)?;
        }
        (&self.file).seek(SeekFrom::Start(length))?;
        self.append(source, rest)
    }

    fn append(&self, source: &OpenTranscript, pieces: &[Piece]) -> io::Result<()> {
        let mut writer = BufWriter::with_capacity(GATHERED, &self.file);
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => writer.write_all(bytes)?,
                Piece::Copy(range) if range.end - range.start >= BY_KERNEL_FROM => {
                    writer.flush()?;
                    self.copy_by_kernel(source, range)?;
                }
                Piece::Copy(range) => {
                    let bytes = source.read(range.clone()).map_err(io::Error::other)?;
                    if bytes.len() as u64 != range.end - range.start {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    writer.write_all(&bytes)?;
                }
            }
        }
        writer.flush()
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { action: "write", path: self.path.clone(), source }
    }

    /// The standard library hands two files to `copy_file_range` where there is such a call.
    fn copy_by_kernel(&self, source: &OpenTranscript, range: &Range<u64>) -> io::Result<()> {
        let mut from = &source.file;
        from.seek(SeekFrom::Start(range.start))?;
        let length = range.end - range.start;
        let copied = io::copy(&mut io::Read::take(from, length), &mut &self.file)?;
        if copied == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    /// The file stays.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is found as a left-over later.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        bytes = &bytes[count..];
        at += count as u64;
    }
    Ok(())
}
