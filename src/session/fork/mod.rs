//! Forking a session: a new transcript with the conversation up to a cut, and an entry in the store that names it.

pub(crate) mod copy;
pub(crate) mod labels;
pub(crate) mod migrate;
pub(crate) mod new_file;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::session::Error;
use crate::session::fork::copy::path_pieces;
use crate::session::fork::migrate::{Version, version_1_pieces};
use crate::session::fork::new_file::NewFile;
use crate::session::json::object::Object;
use crate::session::json::text::{inner, is_string, quote};
use crate::session::store::key::{Owner, file_name};
use crate::session::store::resolve::{SessionsFolder, absolute};
use crate::session::store::upsert_entry;
use crate::session::transcript::cache::IndexCache;
use crate::session::transcript::index::Index;
use crate::session::transcript::line::{Answer, Kind};
use crate::session::transcript::source::Source;
use crate::session::transcript::tree::{self, Cut};
use crate::time::{iso, now};

/// From this size on a transcript is copied while it is being read, in bytes.
const AHEAD_FROM: u64 = 4 << 20;
/// The longest header line that is looked for before the transcript is read, in bytes.
const LONGEST_HEADER: u64 = 64 << 10;
/// How often a transcript that changes under our eyes is read anew.
const ATTEMPTS: u32 = 6;
/// The wait before the first further attempt; each one after it waits longer by as much. 300 ms in all.
const WAIT: Duration = Duration::from_millis(20);

/// What to fork.
#[derive(Debug, Clone)]
pub struct ForkRequest<'a> {
    /// Whose fork it will be.
    pub owner: &'a Owner,
    /// The transcript to fork, directly in the folder.
    pub transcript: &'a Path,
    /// The folder of the sessions and their store.
    pub folder: &'a SessionsFolder,
    /// Where the fork ends.
    pub cut: &'a Cut,
    /// Whether to write the entry into the store. Hosts that do not lock the store have to be asked to do it themselves, with
    /// [`Fork::entry`], once the transcript is there.
    pub is_registered: bool,
}

/// A fork that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// Its key in the store.
    pub session_key: String,
    /// Its session id.
    pub session_id: String,
    /// Its transcript.
    pub session_file: PathBuf,
    /// Its entry in the store, as JSON text.
    pub entry: String,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new session.
    Forked(Fork),
    /// There was nothing to fork, and nothing was written.
    Nothing(Nothing),
}

/// Why there was nothing to fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// No such transcript.
    NoTranscript,
    /// The transcript is empty, or holds only its header.
    NoEntries,
    /// The model has not answered yet on the path up to the cut. (The hosts would write no file for such a fork either, and
    /// would start it empty.)
    NoAnswer,
}

/// Forks a session. The transcript is read as it is at this moment, while its host may be writing it.
pub fn fork(cache: &IndexCache, request: &ForkRequest<'_>) -> Result<Outcome, Error> {
    let path = request.folder.inside(request.transcript)?;
    for attempt in 0..ATTEMPTS {
        sleep(WAIT * attempt);
        let Some(source) = Source::open(&path)? else {
            return Ok(Outcome::Nothing(Nothing::NoTranscript));
        };
        let (index, begun) = read(cache, request, &source)?;
        let made = make(request, &source, &index, begun);
        // Nothing that was read counts, not even a failure, if the host rewrote the file meanwhile.
        if source.is_unchanged()? {
            return match made? {
                Made::Fork(begun) => register(request, begun),
                Made::Nothing(nothing) => Ok(Outcome::Nothing(nothing)),
            };
        }
    }
    Err(Error::Unstable { path })
}

/// A fork whose transcript has been created and holds its header.
struct Begun {
    fork: Fork,
    file: NewFile,
}

enum Made {
    Fork(Begun),
    Nothing(Nothing),
}

/// Reads the transcript. Nearly all transcripts are one chain of entries without a branch, and forking such a one means to copy
/// it; so what is read of a large one goes to the fork at once.
fn read(
    cache: &IndexCache,
    request: &ForkRequest<'_>,
    source: &Source,
) -> Result<(Arc<Index>, Option<Begun>), Error> {
    if source.size < AHEAD_FROM || cache.knows(source) {
        return Ok((cache.index(source, None)?, None));
    }
    let start = source.content_start()?;
    let text = source.read(start..(start + LONGEST_HEADER).min(source.size))?;
    let line = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(header) = parse_header(line).filter(|_| line.ends_with(b"\n")) else {
        return Ok((cache.index(source, None)?, None));
    };
    let entries = start + line.len() as u64;
    let mut begun = begin(request, &header)?;
    let file = &begun.file;
    let index = cache.index(
        source,
        Some(&|at, bytes: &[u8]| {
            // The header's line stays behind; it is at the very start.
            let skipped =
                usize::try_from(entries.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes.len());
            file.write_ahead((at + skipped as u64).saturating_sub(entries), &bytes[skipped..]);
        }),
    )?;
    begun.file.set_ahead(entries..source.size);
    Ok((index, Some(begun)))
}

/// The entry comes last: it never names a transcript that is not there. If it cannot be written, the transcript goes too.
fn register(request: &ForkRequest<'_>, Begun { fork, file }: Begun) -> Result<Outcome, Error> {
    if request.is_registered {
        upsert_entry(request.folder.store(), &fork.session_key, &fork.entry)?;
    }
    file.keep();
    Ok(Outcome::Forked(fork))
}

fn make(
    request: &ForkRequest<'_>,
    source: &Source,
    index: &Index,
    begun: Option<Begun>,
) -> Result<Made, Error> {
    let Some(first) = index.entries().first() else { return empty(source) };
    let line = source.read(first.range())?;
    let header =
        parse_header(&line).ok_or_else(|| Error::NotATranscript { path: source.path.clone() })?;
    let version = Version::of(header.get("version"));
    let selected = match version {
        Version::One => migrate::select(index, request.cut),
        Version::Two | Version::Current => tree::select(index, request.cut),
    };
    let path = selected.map_err(|()| Error::NoSuchEntry {
        entry: if let Cut::Entry(id) = request.cut { id.clone() } else { String::new() },
        path: source.path.clone(),
    })?;
    if path.iter().all(|position| index.entries()[*position].answer == Answer::None) {
        let is_bare = index.entries().iter().all(|entry| entry.kind == Kind::Session);
        return Ok(Made::Nothing(if is_bare { Nothing::NoEntries } else { Nothing::NoAnswer }));
    }
    let pieces = match version {
        Version::One => version_1_pieces(source, index, &path)?,
        Version::Two => path_pieces(source, index, &path, true)?,
        Version::Current => path_pieces(source, index, &path, false)?,
    };
    let mut begun = begun.map_or_else(|| begin(request, &header), Ok)?;
    begun.file.finish(source, &pieces)?;
    Ok(Made::Fork(begun))
}

/// The members of a line that is a session header.
fn parse_header(line: &[u8]) -> Option<Object<'_>> {
    Object::parse(line).filter(|header| {
        header.get("type").is_some_and(|kind| is_string(kind, "session"))
            && header.get("id").is_some_and(|id| inner(id).is_some())
    })
}

/// Creates the fork's transcript with its header.
fn begin(request: &ForkRequest<'_>, header: &Object<'_>) -> Result<Begun, Error> {
    let time = now();
    let fork = describe(request, time);
    let file = NewFile::create(&fork.session_file, &new_header(header, request, &fork, time))?;
    Ok(Begun { fork, file })
}

/// A transcript without a single valid line: empty, or something else altogether.
fn empty(source: &Source) -> Result<Made, Error> {
    if source.content_start()? == source.size {
        Ok(Made::Nothing(Nothing::NoEntries))
    } else {
        Err(Error::NotATranscript { path: source.path.clone() })
    }
}

fn describe(request: &ForkRequest<'_>, time: u64) -> Fork {
    let session_id = request.owner.new_session_id();
    let name = file_name(&iso(time), &session_id);
    let parent = quote(request.owner.orchestrator_key());
    let entry = [
        format!(r#""sessionId": "{session_id}""#),
        format!(r#""sessionFile": "{name}""#),
        format!(r#""updatedAt": {time}"#),
        format!(r#""spawnedBy": {parent}"#),
        format!(r#""parentSessionKey": {parent}"#),
        r#""forkedFromParent": true"#.into(),
        // Without it the host takes whatever was spawned for a sub-agent, which may do less than its parent.
        r#""spawnDepth": 0"#.into(),
    ]
    .join(",\n    ");
    Fork {
        session_key: request.owner.fork_key(&session_id),
        session_file: request.folder.join(&name),
        session_id,
        entry: format!("{{\n    {entry}\n  }}"),
    }
}

/// The header line. The working folder is the source's, whatever it is; the process's own if it names none.
fn new_header(source: &Object<'_>, request: &ForkRequest<'_>, fork: &Fork, time: u64) -> String {
    let cwd = match source.get("cwd") {
        Some(cwd) if cwd != b"null" => String::from_utf8_lossy(cwd).into_owned(),
        _ => quote(&env::current_dir().unwrap_or_default().to_string_lossy()),
    };
    let parent =
        quote(&absolute(&request.folder.join("").join(request.transcript)).to_string_lossy());
    format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"{}\",\"timestamp\":\"{}\",\"cwd\":{cwd},\"parentSession\":{parent}}}\n",
        fork.session_id,
        iso(time),
    )
}
