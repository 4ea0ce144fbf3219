//! Sessions and forks for JavaScript: the functions of `@parall/parall/native` that work on a file host's sessions folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use napi::Env;
use napi::bindgen_prelude::{AsyncBlock, Either, Uint8Array};
use napi_derive::napi;

use super::promise::promise;
use crate::background;
use crate::session::{
    self, Cut, Error, ForkRequest, History, IndexCache, Leftovers, Outcome, Owner, Progress,
    SessionsFolder,
};

/// What forks learnt about transcripts. Nothing but speed depends on it.
static INDEXES: IndexCache = IndexCache::new();

/// An entry of a transcript, as the place to cut at.
#[napi(object, object_to_js = false)]
pub struct EntryCut {
    pub entry_id: String,
}

#[napi(object, object_to_js = false)]
pub struct ForkOptions {
    pub orchestrator_session_key: String,
    pub account_id: String,
    /// The one that the store names for `orchestratorSessionKey` unless given.
    pub transcript_file: Option<String>,
    pub sessions_dir: String,
    /// `last-completed` unless given.
    #[napi(ts_type = "'last-completed' | 'leaf' | { entryId: string }")]
    pub cut: Option<Either<String, EntryCut>>,
    /// `full` (default): everything up to the cut. `context`: what the host shows its model there, which is all that a fork for one
    /// turn needs; it is found from the end of the transcript, whose length does not matter.
    #[napi(ts_type = "'full' | 'context'")]
    pub history: Option<String>,
    /// Most tokens of a context. The oldest turns of a longer one are left out, with a line that says so.
    pub token_budget: Option<f64>,
    /// `sessions.json` in `sessionsDir` unless given.
    pub store_file: Option<String>,
    /// `false` where the host has to write its store itself: register `entry` under `sessionKey` then.
    pub register_entry: Option<bool>,
}

#[napi(object, object_from_js = false)]
pub struct ForkedSession {
    pub session_key: String,
    pub session_id: String,
    /// The absolute path of the fork's transcript.
    pub session_file: String,
    /// The store's entry as JSON text.
    pub entry: String,
    /// Messages that were left out because of `tokenBudget`.
    pub left_out: u32,
}

#[napi(object, object_to_js = false)]
pub struct CleanupOptions {
    pub session_file: String,
    pub session_key: String,
    pub sessions_dir: String,
    pub store_file: Option<String>,
    /// `false` where the host has to write its store itself: delete the entry there first.
    pub remove_entry: Option<bool>,
}

#[napi(object, object_to_js = false)]
pub struct LeftoverOptions {
    pub orchestrator_session_key: String,
    pub account_id: String,
    pub sessions_dir: String,
    /// The session keys of forks that are in use.
    pub alive: Option<Vec<String>>,
    pub store_file: Option<String>,
}

/// Forks that nobody uses.
#[napi(object)]
pub struct ForkLeftovers {
    pub session_keys: Vec<String>,
    pub session_files: Vec<String>,
}

/// What a context reader found.
#[napi(object, object_from_js = false)]
pub struct ContextFound {
    /// JSON arrays of messages, oldest first: one call of the host's append function each. Empty if no turn has been completed yet.
    pub batches: Vec<String>,
    /// The entry cut at.
    pub last_entry_id: String,
    /// How many tokens the messages have.
    pub tokens: f64,
    /// Messages that were left out because of the budget.
    pub left_out: u32,
}

/// Finds what a fork takes of a transcript in a database, from rows that are handed over newest first.
#[napi]
pub struct ContextReader(Arc<Mutex<session::ContextReader>>);

#[napi]
impl ContextReader {
    /// A reader for the last completed turn's context, of at most so many tokens.
    #[napi(constructor)]
    pub fn new(token_budget: Option<f64>) -> Self {
        Self(Arc::new(Mutex::new(session::ContextReader::new(token_budget.map(tokens)))))
    }

    /// Takes older rows, each one as a byte (0 as it is, 1 a Zstandard frame), its length in four bytes, lowest first, and its
    /// bytes; `isAll` says that there are no others. Resolves to `null` if it needs more.
    #[napi(catch_unwind, ts_return_type = "Promise<ContextFound | null>")]
    pub fn add(
        &self,
        env: Env,
        rows: Uint8Array,
        is_all: bool,
    ) -> napi::Result<AsyncBlock<Option<ContextFound>>> {
        let (reader, rows) = (Arc::clone(&self.0), rows.to_vec());
        blocking(env, move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(match reader.add(&rows, is_all)? {
                Progress::More => None,
                Progress::NoAnswer => Some(ContextFound {
                    batches: Vec::new(),
                    last_entry_id: String::new(),
                    tokens: 0.0,
                    left_out: 0,
                }),
                Progress::Found(found) => Some(found.into()),
            })
        })
    }
}

impl From<session::MessageContext> for ContextFound {
    fn from(found: session::MessageContext) -> Self {
        Self {
            batches: found.batches,
            last_entry_id: found.last_entry_id,
            #[expect(clippy::cast_precision_loss, reason = "no model takes 2^52 tokens")]
            tokens: found.tokens as f64,
            left_out: u32::try_from(found.left_out).unwrap_or(u32::MAX),
        }
    }
}

/// The transcript of a session, or `null` if it has none.
#[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
pub fn resolve_transcript_file(
    env: Env,
    sessions_dir: String,
    session_key: String,
    store_file: Option<String>,
) -> napi::Result<AsyncBlock<Option<String>>> {
    blocking(env, move || {
        let found = session::resolve_transcript(
            &folder(&sessions_dir, store_file.as_deref())?,
            &session_key,
        )?;
        Ok(found.map(text))
    })
}

/// Makes a fork: its transcript, and its entry in the store. `null` if there is nothing to fork.
#[napi(catch_unwind, ts_return_type = "Promise<ForkedSession | null>")]
pub fn fork_orchestrator_session(
    env: Env,
    options: ForkOptions,
) -> napi::Result<AsyncBlock<Option<ForkedSession>>> {
    blocking(env, move || {
        let cut = match options.cut {
            None => Cut::default(),
            Some(Either::A(name)) => Cut::named(&name)?,
            Some(Either::B(entry)) => Cut::Entry(entry.entry_id),
        };
        let owner = Owner::new(&options.account_id, &options.orchestrator_session_key)?;
        let folder = folder(&options.sessions_dir, options.store_file.as_deref())?;
        let named = match options.transcript_file {
            Some(file) => Some(PathBuf::from(file)),
            None => session::resolve_transcript(&folder, owner.orchestrator_key())?,
        };
        let Some(transcript) = named else { return Ok(None) };
        let outcome = session::fork(
            &INDEXES,
            &ForkRequest {
                owner: &owner,
                transcript: &transcript,
                folder: &folder,
                cut: &cut,
                history: match &options.history {
                    Some(name) => History::named(name)?,
                    None => History::default(),
                },
                budget: options.token_budget.map(tokens),
                is_registered: options.register_entry.unwrap_or(true),
            },
        )?;
        Ok(match outcome {
            Outcome::Forked(fork) => Some(fork.into()),
            Outcome::Nothing(_) => None,
        })
    })
}

/// Removes a fork's entry and transcript. Rejects for anything that is not a fork with a transcript of its own.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn cleanup_fork_session(env: Env, options: CleanupOptions) -> napi::Result<AsyncBlock<()>> {
    blocking(env, move || {
        session::clean_up(
            &folder(&options.sessions_dir, options.store_file.as_deref())?,
            &options.session_key,
            Path::new(&options.session_file),
            options.remove_entry.unwrap_or(true),
        )
    })
}

/// Finds an account's forks that a killed process left behind. For the start, when none is in use but those in `alive`.
#[napi(catch_unwind, ts_return_type = "Promise<ForkLeftovers>")]
pub fn find_fork_leftovers(
    env: Env,
    options: LeftoverOptions,
) -> napi::Result<AsyncBlock<ForkLeftovers>> {
    blocking(env, move || Ok(options.find()?.1.into()))
}

/// Finds and removes an account's left-over forks. With `removeEntries` false, where the host has to write its store itself,
/// only the transcripts go; delete the entries first.
#[napi(catch_unwind, ts_return_type = "Promise<ForkLeftovers>")]
pub fn remove_fork_leftovers(
    env: Env,
    options: LeftoverOptions,
    remove_entries: Option<bool>,
) -> napi::Result<AsyncBlock<ForkLeftovers>> {
    blocking(env, move || {
        let (folder, found) = options.find()?;
        session::remove_leftovers(&folder, &found, remove_entries.unwrap_or(true))?;
        Ok(found.into())
    })
}

/// A session's entry in the store as JSON text, or `null`.
#[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
pub fn read_session_entry(
    env: Env,
    store_file: String,
    session_key: String,
) -> napi::Result<AsyncBlock<Option<String>>> {
    blocking(env, move || session::read_entry(Path::new(&store_file), &session_key))
}

/// Sets a session's entry, given as JSON text. Only for hosts that lock their store.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn upsert_session_entry(
    env: Env,
    store_file: String,
    session_key: String,
    entry: String,
) -> napi::Result<AsyncBlock<()>> {
    blocking(env, move || session::upsert_entry(Path::new(&store_file), &session_key, &entry))
}

/// Removes a session's entry; `false` if there was none. Only for hosts that lock their store.
#[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
pub fn delete_session_entry(
    env: Env,
    store_file: String,
    session_key: String,
) -> napi::Result<AsyncBlock<bool>> {
    blocking(env, move || session::delete_entry(Path::new(&store_file), &session_key))
}

impl LeftoverOptions {
    fn find(self) -> Result<(SessionsFolder, Leftovers), Error> {
        let owner = Owner::new(&self.account_id, &self.orchestrator_session_key)?;
        let folder = folder(&self.sessions_dir, self.store_file.as_deref())?;
        let found = session::find_leftovers(&folder, &owner, &self.alive.unwrap_or_default())?;
        Ok((folder, found))
    }
}

impl From<Leftovers> for ForkLeftovers {
    fn from(found: Leftovers) -> Self {
        Self {
            session_keys: found.session_keys,
            session_files: found.session_files.into_iter().map(text).collect(),
        }
    }
}

impl From<session::Fork> for ForkedSession {
    fn from(fork: session::Fork) -> Self {
        Self {
            session_key: fork.session_key,
            session_id: fork.session_id,
            session_file: text(fork.session_file),
            entry: fork.entry,
            left_out: u32::try_from(fork.left_out).unwrap_or(u32::MAX),
        }
    }
}

fn folder(sessions_dir: &str, store_file: Option<&str>) -> Result<SessionsFolder, Error> {
    Ok(SessionsFolder::open(Path::new(sessions_dir))?.with_store(store_file.map(Path::new)))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn tokens(number: f64) -> u64 {
    number as u64
}

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}

/// A promise for blocking work, which runs on a low-priority thread.
fn blocking<T>(
    env: Env,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> napi::Result<AsyncBlock<T>>
where
    T: napi::bindgen_prelude::ToNapiValue + Send + 'static,
{
    promise(env, async move { background::run(work).await.unwrap_or(Err(Error::Stopped)) })
}
