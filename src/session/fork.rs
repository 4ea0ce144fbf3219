//! Forking a session: a new transcript with the conversation up to a cut, and an entry in the store that names it.

use std::env;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::Error;
use super::cache::{IndexCache, View};
use super::copy::path_pieces;
use super::key::{Owner, file_name};
use super::line::{Answer, Kind};
use super::migrate::{self, Version, version_1_pieces};
use super::new_file::NewFile;
use super::object::Object;
use super::resolve::{SessionsFolder, absolute};
use super::source::Source;
use super::store::upsert_entry;
use super::text::{inner, quote};
use super::tree::{self, Cut};
use crate::time::{iso, now};

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
        let view = cache.view(&source)?;
        let made = make(request, &source, &view);
        // Nothing that was read counts, not even a failure, if the host rewrote the file meanwhile.
        if view.is_current(&source)? {
            return match made? {
                Made::Fork(fork, file) => register(request, fork, file),
                Made::Nothing(nothing) => Ok(Outcome::Nothing(nothing)),
            };
        }
    }
    Err(Error::Unstable { path })
}

/// The entry comes last: it never names a transcript that is not there. If it cannot be written, the transcript goes too.
fn register(request: &ForkRequest<'_>, fork: Fork, file: NewFile) -> Result<Outcome, Error> {
    if request.is_registered {
        upsert_entry(request.folder.store(), &fork.session_key, &fork.entry)?;
    }
    file.keep();
    Ok(Outcome::Forked(fork))
}

enum Made {
    Fork(Fork, NewFile),
    Nothing(Nothing),
}

fn make(request: &ForkRequest<'_>, source: &Source, view: &View) -> Result<Made, Error> {
    let index = &view.index;
    let Some(first) = index.entries().first() else { return empty(source) };
    let header = source.read(first.range())?;
    let header = Object::parse(&header)
        .filter(|header| {
            first.kind == Kind::Session && header.get("id").is_some_and(|id| inner(id).is_some())
        })
        .ok_or_else(|| Error::NotATranscript { path: source.path.clone() })?;
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
    let time = now();
    let fork = describe(request, time);
    let file = NewFile::create(&fork.session_file)?;
    file.write(new_header(&header, request, &fork, time).as_bytes(), source, &pieces)?;
    Ok(Made::Fork(fork, file))
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
