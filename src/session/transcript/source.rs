//! A transcript that somebody else may be writing: opened for reading only, read at positions, and checked afterwards.
//!
//! Memory-mapping is no option: the host shortens live transcripts, and touching a page that is gone kills the process.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::fs::Identity;
use crate::session::Error;

/// How far white space at the start of a file is looked for, in bytes.
const HEAD: u64 = 4096;
/// Distance between the samples of a fingerprint, in bytes.
const SAMPLE_EVERY: u64 = 1 << 20;
/// Length of a sample in the middle of the file, in bytes.
const SAMPLE: u64 = 64;
/// Length of the samples at both ends, in bytes.
const END_SAMPLE: u64 = 4096;

/// An open transcript, with its size and its fingerprint at the moment of opening. What is appended later is not looked at.
pub(crate) struct OpenTranscript {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) size: u64,
    fingerprint: Fingerprint,
}

impl OpenTranscript {
    /// Opens a transcript. Nothing if there is no such file.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        Self::open_watching(path, u64::MAX)
    }

    /// Opens a transcript of which only the first line and the last `watched` bytes will be read: changes elsewhere do not count.
    pub(crate) fn open_watching(path: &Path, watched: u64) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Read { path: path.into(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::NotATranscript { path: path.into() });
        }
        let fingerprint =
            Fingerprint { identity: Identity::of(&metadata), length: 0, samples: Vec::new() };
        let size = metadata.len();
        let mut source = Self { path: path.into(), file, size, fingerprint };
        source.fingerprint = source.sample(size, size.saturating_sub(watched))?;
        Ok(Some(source))
    }

    /// Where the first line begins: hosts up to pi 0.73 skip a byte order mark and any white space at the start of the file.
    pub(crate) fn content_start(&self) -> Result<u64, Error> {
        let head = self.read(0..self.size.min(HEAD))?;
        let text = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let is_space = |character: char| {
            (character.is_whitespace() && character != '\u{85}') || character == '\u{feff}'
        };
        Ok((text.len() - text.trim_start_matches(is_space).len()) as u64)
    }

    /// The bytes of a range; fewer if the file has become shorter.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let length =
            usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| self.too_large())?;
        let mut bytes = vec![0; length];
        let filled = self.fill(&mut bytes, range.start)?;
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Fills `buffer` from a position on and says how much there was.
    pub(crate) fn fill(&self, buffer: &mut [u8], from: u64) -> Result<usize, Error> {
        let mut filled = 0;
        while filled < buffer.len() {
            match read_at(&self.file, &mut buffer[filled..], from + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(source) if source.kind() == ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::Read { path: self.path.clone(), source }),
            }
        }
        Ok(filled)
    }

    /// Whether the path still leads to this file and it still is what it was, apart from what was appended.
    pub(crate) fn is_unchanged(&self) -> Result<bool, Error> {
        let states = [self.file.metadata(), fs::metadata(&self.path)];
        let is_there = states.into_iter().all(|metadata| {
            metadata.is_ok_and(|metadata| {
                metadata.len() >= self.size && Identity::of(&metadata) == self.fingerprint.identity
            })
        });
        Ok(is_there && self.fingerprint.matches(self)?)
    }

    /// The fingerprint of the first `length` bytes, as they are now.
    pub(crate) fn fingerprint_of(&self, length: u64) -> Result<Fingerprint, Error> {
        self.sample(length, 0)
    }

    fn sample(&self, length: u64, from: u64) -> Result<Fingerprint, Error> {
        let samples = sampled(length, from)
            .map(|range| Ok((range.start, self.read(range)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Fingerprint { identity: self.fingerprint.identity, length, samples })
    }

    fn too_large(&self) -> Error {
        Error::Read { path: self.path.clone(), source: ErrorKind::FileTooLarge.into() }
    }
}

/// Enough of a file's beginning to recognise it later, after it has grown: which file it is, its first and last bytes, and a
/// few bytes of every mebibyte between. An in-place rewrite that drops a line moves everything behind it.
pub(crate) struct Fingerprint {
    identity: Identity,
    length: u64,
    samples: Vec<(u64, Vec<u8>)>,
}

impl Fingerprint {
    /// Whether the source begins with the bytes this was taken of.
    pub(crate) fn matches(&self, source: &OpenTranscript) -> Result<bool, Error> {
        if source.fingerprint.identity != self.identity || source.size < self.length {
            return Ok(false);
        }
        for (start, expected) in &self.samples {
            if source.read(*start..start + expected.len() as u64)? != *expected {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Both ends, and the places between from some position on.
fn sampled(length: u64, from: u64) -> impl Iterator<Item = Range<u64>> {
    let head = 0..length.min(END_SAMPLE);
    let tail = length.saturating_sub(END_SAMPLE)..length;
    let middle = (1 + from / SAMPLE_EVERY..length / SAMPLE_EVERY)
        .map(|index| index * SAMPLE_EVERY..index * SAMPLE_EVERY + SAMPLE);
    [head, tail].into_iter().chain(middle)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, from)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> OpenTranscript {
        OpenTranscript::open(path).unwrap().unwrap()
    }

    #[test]
    fn a_fingerprint_survives_growth_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut bytes: Vec<u8> = (0..3_000_000_u32).map(|index| (index / 7 % 251) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        let print = open(&path).fingerprint_of(bytes.len() as u64).unwrap();
        assert!(print.matches(&open(&path)).unwrap());
        bytes.extend_from_slice(b"more");
        fs::write(&path, &bytes).unwrap();
        assert!(print.matches(&open(&path)).unwrap());
        bytes.remove(1_500_000);
        fs::write(&path, &bytes).unwrap();
        assert!(!print.matches(&open(&path)).unwrap(), "a byte less in the middle");
    }

    #[test]
    fn a_source_notices_that_it_was_cut_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one\ntwo\n").unwrap();
        let source = open(&path);
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert!(source.is_unchanged().unwrap());
        fs::write(&path, "one\n").unwrap();
        assert!(!source.is_unchanged().unwrap());
        fs::write(folder.path().join("b"), "one\ntwo\nthree\n").unwrap();
        fs::rename(folder.path().join("b"), &path).unwrap();
        assert!(!source.is_unchanged().unwrap());
    }
}
