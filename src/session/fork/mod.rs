//! Forking a session: a new transcript with the conversation up to a cut, and an entry in the store that names it.

pub(crate) mod copy;
pub(crate) mod labels;
pub(crate) mod migrate;
pub(crate) mod new_file;
pub(crate) mod pieces;
pub(crate) mod selection;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use crate::session::Error;
use crate::session::fork::copy::{Manner, path_pieces};
use crate::session::fork::migrate::{Version, version_1_pieces};
use crate::session::fork::new_file::NewFile;
use crate::session::fork::selection::{Failure, Selection, selection};
use crate::session::json::object::Object;
use crate::session::json::text::{inner, is_string, quote};
use crate::session::store::key::{Owner, file_name};
use crate::session::store::resolve::{SessionsFolder, absolute};
use crate::session::store::upsert_entry;
use crate::session::transcript::cache::IndexCache;
use crate::session::transcript::index::Index;
use crate::session::transcript::line::{Answer, Kind};
use crate::session::transcript::source::OpenTranscript;
use crate::session::transcript::tail::{self, Tail};
use crate::session::transcript::tree::{Cut, History};
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
    /// How much of the conversation before it the fork takes.
    pub history: History,
    /// How many tokens a context may have; of a longer one the oldest turns are left out. Full histories are not counted.
    pub budget: Option<u64>,
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
    /// Messages of the context that were left out because of the budget.
    pub left_out: usize,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is a new session.
    Forked(Fork),
    /// There was nothing to fork, and nothing was written.
    Nothing(NothingToFork),
}

/// Why there was nothing to fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NothingToFork {
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
    let mut is_tail_enough = request.history == History::Context;
    for attempt in 0..ATTEMPTS {
        sleep(WAIT * attempt);
        let watched = if is_tail_enough { tail::LONGEST } else { u64::MAX };
        let Some(mut source) = OpenTranscript::open_watching(&path, watched)? else {
            return Ok(Outcome::Nothing(NothingToFork::NoTranscript));
        };
        let mut made = if is_tail_enough { make_from_tail(request, &source) } else { Ok(None) };
        if matches!(made, Ok(None)) {
            if is_tail_enough {
                let Some(whole) = OpenTranscript::open(&path)? else {
                    return Ok(Outcome::Nothing(NothingToFork::NoTranscript));
                };
                source = whole;
                is_tail_enough = false;
            }
            let (index, begun) = read(cache, request, &source)?;
            made = make(request, &source, &index, begun).map(Some);
        }
        // Nothing that was read counts, not even a failure, if the host rewrote the file meanwhile.
        if source.is_unchanged()? {
            return match made? {
                Some(Made::Fork(begun)) => register(request, begun),
                Some(Made::Nothing(nothing)) => Ok(Outcome::Nothing(nothing)),
                None => Err(Error::Unstable { path }),
            };
        }
    }
    Err(Error::Unstable { path })
}

/// Makes a fork of a context from the end of its transcript. Nothing if the end does not decide what belongs to it, or if this
/// is no transcript of the current version with its header in front: then all of it has to be read, which comes to the same.
fn make_from_tail(
    request: &ForkRequest<'_>,
    source: &OpenTranscript,
) -> Result<Option<Made>, Error> {
    let start = source.content_start()?;
    let line = first_line(source, start)?;
    let Some(header) = parse_header(&line).filter(|header| {
        line.ends_with(b"\n") && Version::of(header.get("version")) == Version::Current
    }) else {
        return Ok(None);
    };
    let mut tail = Tail::new(source, start + line.len() as u64, tail::FIRST);
    while let Some(index) = tail.step_back()? {
        match selection(source, &index, request.cut, request.history, request.budget) {
            // Without an answer there is nothing to fork, and the whole transcript says why.
            Ok(selection) if selection.path.is_empty() => return Ok(None),
            Ok(selection) => {
                let begun = begin(request, &header)?;
                return finish(source, &index, &selection, begun, CONTEXT).map(Some);
            }
            Err(Failure::Unselected) => {}
            Err(Failure::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// How a context of the current version is copied.
const CONTEXT: Manner = Manner { is_version_2: false, is_context: true };

/// The line at a position, as far as it is looked at.
fn first_line(source: &OpenTranscript, start: u64) -> Result<Vec<u8>, Error> {
    let text = source.read(start..(start + LONGEST_HEADER).min(source.size))?;
    Ok(text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default().to_vec())
}

/// Writes the entries of a fork behind its header.
fn finish(
    source: &OpenTranscript,
    index: &Index,
    selection: &Selection,
    mut begun: Begun,
    manner: Manner,
) -> Result<Made, Error> {
    let pieces = path_pieces(source, index, &selection.path, selection.head.as_ref(), manner)?;
    begun.file.finish(source, &pieces)?;
    begun.fork.left_out = selection.left_out;
    Ok(Made::Fork(begun))
}

/// A fork whose transcript has been created and holds its header.
struct Begun {
    fork: Fork,
    file: NewFile,
}

enum Made {
    Fork(Begun),
    Nothing(NothingToFork),
}

/// Reads the transcript. Nearly all transcripts are one chain of entries without a branch, and forking such a one means to copy
/// it; so what is read of a large one goes to the fork at once.
fn read(
    cache: &IndexCache,
    request: &ForkRequest<'_>,
    source: &OpenTranscript,
) -> Result<(Arc<Index>, Option<Begun>), Error> {
    if source.size < AHEAD_FROM || request.history == History::Context || cache.knows(source) {
        return Ok((cache.index(source, None)?, None));
    }
    let start = source.content_start()?;
    let line = first_line(source, start)?;
    let Some(header) = parse_header(&line).filter(|_| line.ends_with(b"\n")) else {
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
    source: &OpenTranscript,
    index: &Index,
    begun: Option<Begun>,
) -> Result<Made, Error> {
    let Some(first) = index.entries().first() else { return empty(source) };
    let line = source.read(first.range())?;
    let header =
        parse_header(&line).ok_or_else(|| Error::NotATranscript { path: source.path.clone() })?;
    let version = Version::of(header.get("version"));
    let selection = match version {
        // Without ids there is no context to be found; such old transcripts are copied whole.
        Version::One => migrate::select(index, request.cut)
            .map(|path| Selection { path, ..Selection::default() })
            .map_err(|()| Failure::Unselected),
        Version::Two | Version::Current => {
            selection(source, index, request.cut, request.history, request.budget)
        }
    };
    let selection = selection.map_err(|failure| match failure {
        Failure::Error(error) => error,
        Failure::Unselected => Error::NoSuchEntry {
            entry: if let Cut::Entry(id) = request.cut { id.clone() } else { String::new() },
            path: source.path.clone(),
        },
    })?;
    let is_answer = |position: &usize| index.entries()[*position].answer != Answer::None;
    if !selection.path.iter().any(is_answer) {
        let is_bare = index.entries().iter().all(|entry| entry.kind == Kind::Session);
        return Ok(Made::Nothing(if is_bare {
            NothingToFork::NoEntries
        } else {
            NothingToFork::NoAnswer
        }));
    }
    let mut begun = begun.map_or_else(|| begin(request, &header), Ok)?;
    if version == Version::One {
        let pieces = version_1_pieces(source, index, &selection.path)?;
        begun.file.finish(source, &pieces)?;
        return Ok(Made::Fork(begun));
    }
    let manner = Manner {
        is_version_2: version == Version::Two,
        is_context: request.history == History::Context,
    };
    finish(source, index, &selection, begun, manner)
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
fn empty(source: &OpenTranscript) -> Result<Made, Error> {
    if source.content_start()? == source.size {
        Ok(Made::Nothing(NothingToFork::NoEntries))
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
        left_out: 0,
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
