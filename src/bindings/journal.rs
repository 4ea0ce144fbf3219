//! The journal for an operator's commands, next to the gateway that may be running.

use std::future::Future;
use std::path::Path;

use napi::Env;
use napi::bindgen_prelude::AsyncBlock;
use napi_derive::napi;

use super::promise::promise;
use crate::journal::{Counters, DispatchRecord, Error, ForkRecord, Journal};
use crate::orchestrator as core;

/// How many dispatches are listed unless somebody asks for more.
const DEFAULT_LIMIT: u32 = 50;

/// Whose journal.
#[napi(object, object_to_js = false)]
pub struct JournalOptions {
    /// The host's state directory, as for `startGateway`.
    pub state_dir: String,
    /// Account id of the host.
    pub account_id: String,
}

/// Whose queue, and how much of it.
#[napi(object, object_to_js = false)]
pub struct QueueOptions {
    /// The host's state directory, as for `startGateway`.
    pub state_dir: String,
    /// Account id of the host.
    pub account_id: String,
    /// Most dispatches to list, 50 when left out.
    pub limit: Option<u32>,
}

/// What an account has not finished.
#[napi(object, object_from_js = false)]
pub struct Queue {
    /// Dispatches that wait for a turn, for the first or for another time.
    pub waiting: u32,
    /// Dispatches in a turn.
    pub running: u32,
    /// Dispatches whose answer is known but not delivered or not acknowledged yet.
    pub finishing: u32,
    /// Dead letters: given up until an operator decides.
    pub dead: u32,
    /// The dispatches in the order in which they came, dead ones too.
    pub dispatches: Vec<QueuedDispatch>,
}

/// A dispatch that is not over. Times are milliseconds since the epoch.
#[napi(object, object_from_js = false)]
pub struct QueuedDispatch {
    /// What `retryDispatch` and `dropDispatch` take.
    pub id: String,
    /// How far it has come.
    #[napi(ts_type = "'claimed' | 'adopted' | 'answered' | 'no_reply' | 'failed' | 'dead'")]
    pub state: String,
    /// `message` or `task`.
    pub source_type: String,
    /// Id of the message or task.
    pub source_id: String,
    /// Where the answer goes, `cht_...` or `tsk_...`, as soon as that is known.
    pub target: Option<String>,
    /// Turns started.
    pub attempts: u32,
    /// Session of the newest turn.
    pub session_key: Option<String>,
    /// Why it failed or is dead.
    pub cause: Option<String>,
    /// When it was admitted.
    pub claimed_at: i64,
    /// When it last changed.
    pub changed_at: i64,
    /// When it is tried again.
    pub next_try_at: Option<i64>,
}

/// A fork that is not removed. Times are milliseconds since the epoch.
#[napi(object, object_from_js = false)]
pub struct JournaledFork {
    /// Its session key.
    pub session_key: String,
    /// The chat or task that it serves.
    pub target: String,
    /// How far it has come.
    #[napi(ts_type = "'creating' | 'running' | 'answered'")]
    pub state: String,
    /// When it was begun.
    pub created_at: i64,
    /// When it last changed.
    pub changed_at: i64,
}

/// What an account has not finished. Rejects when there is no journal, or one of another version.
#[napi(catch_unwind, ts_return_type = "Promise<Queue>")]
pub fn list_queue(env: Env, options: QueueOptions) -> napi::Result<AsyncBlock<Queue>> {
    let QueueOptions { state_dir, account_id, limit } = options;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let list = async move |journal: Journal| {
        Ok(Queue::new(journal.counters().await?, journal.queue(limit).await?))
    };
    promise(env, beside(JournalOptions { state_dir, account_id }, list))
}

/// Has a failed dispatch or a dead letter tried again, with all attempts before it. A running gateway takes it on within a
/// second or two, otherwise the next start does.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn retry_dispatch(
    env: Env,
    options: JournalOptions,
    id: String,
) -> napi::Result<AsyncBlock<()>> {
    promise(env, beside(options, async move |journal: Journal| journal.retry(&id).await))
}

/// Gives a dead letter up for good: it is acknowledged to the server, by a running gateway within a second or two,
/// otherwise by the next start.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn drop_dispatch(
    env: Env,
    options: JournalOptions,
    id: String,
) -> napi::Result<AsyncBlock<()>> {
    promise(env, beside(options, async move |journal: Journal| journal.discard(&id).await))
}

/// The forks of an account, oldest first.
#[napi(catch_unwind, ts_return_type = "Promise<Array<JournaledFork>>")]
pub fn list_forks(
    env: Env,
    options: JournalOptions,
) -> napi::Result<AsyncBlock<Vec<JournaledFork>>> {
    let list = async move |journal: Journal| {
        Ok(journal.forks().await?.into_iter().map(Into::into).collect())
    };
    promise(env, beside(options, list))
}

/// Everything an operator sees of an account, as JSON, as far as its journal knows: as `Gateway.view` with `live: null`.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn account_view(env: Env, options: JournalOptions) -> napi::Result<AsyncBlock<String>> {
    let folder = Path::new(&options.state_dir).join("parall");
    promise(env, core::account_view(folder, options.account_id))
}

/// The life of a dispatch, message or task as JSON: when it came, was loaded, got its turns and was acknowledged, and why. Rejects when the
/// journal knows no such id.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn trace_event(
    env: Env,
    options: JournalOptions,
    id: String,
) -> napi::Result<AsyncBlock<String>> {
    let folder = Path::new(&options.state_dir).join("parall");
    promise(env, core::trace(folder, options.account_id, id))
}

/// Lets `work` use the account's journal.
async fn beside<T, F>(options: JournalOptions, work: impl FnOnce(Journal) -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    Journal::beside(Path::new(&options.state_dir).join("parall"), options.account_id, work).await
}

impl Queue {
    fn new(counters: Counters, records: Vec<DispatchRecord>) -> Self {
        Self {
            waiting: counters.waiting,
            running: counters.running,
            finishing: counters.finishing,
            dead: counters.dead,
            dispatches: records.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<DispatchRecord> for QueuedDispatch {
    fn from(record: DispatchRecord) -> Self {
        Self {
            id: record.id,
            state: record.state.to_string(),
            source_type: record.source_type,
            source_id: record.source_id,
            target: record.details.map(|details| details.target),
            attempts: record.attempts,
            session_key: record.session_key,
            cause: record.cause,
            claimed_at: record.claimed_at,
            changed_at: record.changed_at,
            next_try_at: record.next_try_at,
        }
    }
}

impl From<ForkRecord> for JournaledFork {
    fn from(record: ForkRecord) -> Self {
        Self {
            session_key: record.fork.session_key,
            target: record.fork.target,
            state: record.state.to_string(),
            created_at: record.created_at,
            changed_at: record.changed_at,
        }
    }
}
