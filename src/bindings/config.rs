//! The platform configuration for JavaScript.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use napi::Env;
use napi::bindgen_prelude::{AsyncBlock, AsyncBlockBuilder, FnArgs, FunctionRef};
use napi_derive::napi;

use super::promise::to_js;
use crate::api::Secret;
use crate::config::{Change, Level, Manager, ManagerOptions, Note, Outcome, Refreshed, Trust};
use crate::error::{Coded, chain};

/// A function `(level, message)`.
type Log = FunctionRef<FnArgs<(String, String)>, ()>;
/// What the core's future ends with.
type Result<T> = std::result::Result<T, Arc<dyn Coded>>;

/// Who asks which server.
#[napi(object, object_to_js = false)]
pub struct PlatformCredentials {
    /// The agent's key.
    #[napi(js_name = "api_key")]
    pub api_key: String,
    /// Address of the Parall server.
    #[napi(js_name = "parall_url")]
    pub parall_url: String,
}

/// Whose configuration is kept in line, and where.
#[napi(object, object_to_js = false)]
pub struct PlatformConfigOptions {
    /// Who asks which server.
    pub credentials: PlatformCredentials,
    /// The host's state directory; it keeps the last known good configuration.
    pub state_dir: String,
    /// The user's `openclaw.json`.
    pub config_path: String,
    /// What the platform may set: `models` (default), `all` or `off`.
    pub platform_config: Option<String>,
    /// Hosts besides the server's own at which the platform's models may be.
    pub model_hosts: Option<Vec<String>>,
    /// Gets a line for everything worth one. The shim makes a function of a logger object.
    #[napi(
        ts_type = "((level: string, message: string) => void) | { info?(message: string): void, warn?(message: string): void, error?(message: string): void }"
    )]
    pub log: Option<Log>,
}

/// A value of the user's configuration that changed, or would change.
#[napi(object, object_from_js = false)]
pub struct PlatformConfigChange {
    /// Its path, such as `models.providers.parall.baseUrl`.
    pub path: String,
    /// The file that has it.
    pub file: String,
    /// JSON text of the old value, secrets hidden; absent when there was none.
    pub before: Option<String>,
    /// JSON text of the new value, secrets hidden.
    pub after: String,
}

/// What came of it.
#[napi(object, object_from_js = false)]
pub struct PlatformConfigOutcome {
    /// In a word.
    #[napi(
        ts_type = "'updated' | 'unchanged' | 'cached' | 'refused' | 'unavailable' | 'none' | 'off'"
    )]
    pub status: String,
    /// Version of the configuration that the user's file now follows.
    pub version: Option<String>,
    /// Whether a file of the user was written.
    pub written: bool,
    /// What changed, or would change.
    pub changes: Vec<PlatformConfigChange>,
    /// Paths that are not written: the platform may not decide them, or not every host knows them.
    pub left_out: Vec<String>,
    /// Everything worth a line in the log.
    pub notes: Vec<PlatformConfigNote>,
}

/// A sentence for the log.
#[napi(object, object_from_js = false)]
pub struct PlatformConfigNote {
    /// `info`, `warn` or `error`.
    pub level: String,
    /// The sentence.
    pub message: String,
}

/// Brings the user's `openclaw.json` in line with the platform's newest configuration.
///
/// Never rejects because of the network; the outcome says so. Rejects with a code for a file that must not be touched, which
/// then is as it was.
#[napi(catch_unwind)]
pub fn fetch_and_apply_platform_config(
    env: Env,
    options: PlatformConfigOptions,
) -> napi::Result<AsyncBlock<PlatformConfigOutcome>> {
    run(env, options, |manager| Box::pin(async move { manager.refresh().await }))
}

/// What `fetchAndApplyPlatformConfig` would change, without writing anything.
#[napi(catch_unwind)]
pub fn diff_platform_config(
    env: Env,
    options: PlatformConfigOptions,
) -> napi::Result<AsyncBlock<PlatformConfigOutcome>> {
    run(env, options, |manager| Box::pin(async move { manager.preview().await }))
}

fn run(
    env: Env,
    mut options: PlatformConfigOptions,
    work: fn(Manager) -> BoxFuture<'static, Refreshed>,
) -> napi::Result<AsyncBlock<PlatformConfigOutcome>> {
    let log = options.log.take();
    let future = async move {
        let outcome = match open(options) {
            Ok(manager) => work(manager).await.map_err(|error| error as Arc<dyn Coded>),
            Err(error) => Err(error),
        };
        Ok(outcome)
    };
    AsyncBlockBuilder::build_with_map(&env, future, move |env, result: Result<Outcome>| {
        if let Some(log) = &log {
            report(env, log, &result);
        }
        result.map(Into::into).map_err(|error| to_js(env, &*error))
    })
}

fn open(options: PlatformConfigOptions) -> Result<Manager> {
    let PlatformCredentials { api_key, parall_url } = options.credentials;
    let hosts = options.model_hosts.unwrap_or_default();
    let trust = Trust::new(&parall_url, options.platform_config.as_deref(), &hosts);
    let (state_dir, config_path) = (options.state_dir.into(), options.config_path.into());
    let options = ManagerOptions::new(Secret::new(api_key), state_dir, config_path, trust);
    Manager::connect(parall_url, options).map_err(|error| Arc::new(error) as Arc<dyn Coded>)
}

/// Writes the notes, or the error, to the caller's log. A log that throws is the caller's own business.
fn report(env: Env, log: &Log, result: &Result<Outcome>) {
    let error =
        result.as_ref().err().map(|error| Note { level: Level::Error, message: chain(&**error) });
    for Note { level, message } in result.iter().flat_map(|outcome| &outcome.notes).chain(&error) {
        let line = (level.to_string(), message.clone());
        let _ = log.borrow_back(&env).and_then(|log| log.call(line.into()));
    }
}

impl From<Outcome> for PlatformConfigOutcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            status: outcome.status.name().to_owned(),
            version: outcome.version,
            written: outcome.written,
            changes: outcome.changes.iter().map(Into::into).collect(),
            left_out: outcome.left_out,
            notes: outcome.notes.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&Change> for PlatformConfigChange {
    fn from(change: &Change) -> Self {
        Self {
            path: change.path.clone(),
            file: change.file.to_string_lossy().into_owned(),
            before: change.before(),
            after: change.after(),
        }
    }
}

impl From<Note> for PlatformConfigNote {
    fn from(note: Note) -> Self {
        Self { level: note.level.to_string(), message: note.message }
    }
}
