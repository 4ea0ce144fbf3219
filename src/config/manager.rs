//! Keeps one user's configuration in line with the platform's: fetch, check, remember, apply.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::file::apply::Target;
use super::file::plan::Blocked;
use super::outcome::{Change, Outcome, Status};
use super::platform::cache;
use super::platform::config::PlatformConfig;
use super::platform::trust::Trust;
use super::prepared::Prepared;
use super::{Error, Gate, PlatformSource};
use crate::api::{self, Client, ClientOptions, Secret};
use crate::error::chain;
use crate::fs;
#[cfg(feature = "testing")]
use crate::fs::Step;
use crate::level::Level;

/// How often a refresh starts anew because another one was asked for. A server that never rests must not keep it from ending.
const MOST_ROUNDS: usize = 5;
/// The configuration belongs to the key; no organisation is part of its address.
const NO_ORGANISATION: &str = "-";
/// Whose configuration is kept in line, and where.
#[derive(Clone)]
pub struct ManagerOptions {
    /// The account's API key. It is written to the configuration unless the user refers to it in another way.
    pub api_key: Secret,
    /// The host's state directory, which holds the cache.
    pub state_dir: PathBuf,
    /// The user's `openclaw.json`.
    pub config_path: PathBuf,
    /// What the platform may decide.
    pub trust: Trust,
    /// Keeps writes away from agent turns.
    pub gate: Gate,
    /// Called after every step of a write.
    #[cfg(feature = "testing")]
    pub observer: Option<Arc<dyn Fn(Step) + Send + Sync>>,
}

impl ManagerOptions {
    /// Everything that a configuration is kept in line with.
    pub fn new(api_key: Secret, state_dir: PathBuf, config_path: PathBuf, trust: Trust) -> Self {
        Self {
            api_key,
            state_dir,
            config_path,
            trust,
            gate: Gate::default(),
            #[cfg(feature = "testing")]
            observer: None,
        }
    }
}

/// What a refresh ends with. Several callers share one.
pub type Refreshed = Result<Outcome, Arc<Error>>;

/// Keeps a configuration in line. Share it in an `Arc`.
pub struct Manager {
    source: Arc<dyn PlatformSource>,
    options: ManagerOptions,
    /// How many refreshes were asked for.
    asked: AtomicU64,
    last: Mutex<Option<Last>>,
}

/// The last refresh.
struct Last {
    /// The newest request it answers.
    asked: u64,
    result: Refreshed,
}

impl Manager {
    /// A manager for the configuration that a server sends.
    ///
    /// # Errors
    /// The address or the key cannot be used.
    pub fn connect(parall_url: String, options: ManagerOptions) -> Result<Self, api::Error> {
        let (api_key, org_id) = (options.api_key.clone(), NO_ORGANISATION.to_owned());
        let client = Client::new(ClientOptions { parall_url, api_key, org_id, ws_url: None })?;
        Ok(Self::new(Arc::new(client), options))
    }

    /// A manager that has done nothing yet.
    pub fn new(source: Arc<dyn PlatformSource>, options: ManagerOptions) -> Self {
        Self { source, options, asked: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// Brings the user's file in line with the platform's newest configuration.
    ///
    /// Refreshes run one at a time. Those that are asked for while one runs or waits for a turn to end are answered together
    /// by one more, so a burst of updates is one write, and the newest wins. A failing network is no error but an outcome.
    ///
    /// # Errors
    /// The user's file is one that must not be touched. It is as it was.
    pub async fn refresh(&self) -> Refreshed {
        if self.options.trust.is_off() {
            return Ok(self.off());
        }
        let ticket = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref().filter(|last| last.asked >= ticket) {
            return last.result.clone();
        }
        let mut round = 1;
        loop {
            let asked = self.asked.load(Ordering::SeqCst);
            let prepared = self.prepare().await;
            let _idle = self.options.gate.idle().await;
            // Something newer came meanwhile, perhaps during a long turn: fetch that instead.
            if self.asked.load(Ordering::SeqCst) == asked || round == MOST_ROUNDS {
                let result =
                    self.blocking(move |worker| worker.apply(prepared)).await.map_err(Arc::new);
                *last = Some(Last { asked, result: result.clone() });
                return result;
            }
            round += 1;
        }
    }

    /// What a refresh would change, without writing anything.
    ///
    /// # Errors
    /// As for [`Self::refresh`].
    pub async fn preview(&self) -> Refreshed {
        if self.options.trust.is_off() {
            return Ok(self.off());
        }
        let prepared = self.prepare().await;
        self.blocking(move |worker| worker.compare(prepared)).await.map_err(Arc::new)
    }

    /// The outcome where the operator wants none of it.
    fn off(&self) -> Outcome {
        let mut prepared = Prepared::new(&self.options.trust);
        prepared.status = Status::Off;
        prepared.outcome(None, Vec::new())
    }

    /// Reads the cache and asks the platform.
    async fn prepare(&self) -> Prepared {
        let cached = self
            .blocking(|worker| cache::read(&worker.options.state_dir, &worker.options.trust))
            .await;
        let mut prepared = Prepared::new(&self.options.trust);
        prepared.take_cached(cached);
        let version = prepared.cached.as_ref().map(|config| config.version.clone());
        let answer = self.source.fetch(version.as_deref()).await;
        prepared.judge(answer, &self.options.trust);
        prepared
    }

    /// File work off the async threads.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Worker) -> T + Send + 'static,
    ) -> T {
        let worker = Worker { options: self.options.clone() };
        match spawn_blocking(move || work(&worker)).await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down and this future with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// The part of a manager that works on files.
struct Worker {
    options: ManagerOptions,
}

impl Worker {
    fn target(&self) -> Target<'_> {
        Target {
            path: &self.options.config_path,
            key: self.options.api_key.expose(),
            #[cfg(feature = "testing")]
            observer: self.options.observer.as_deref(),
        }
    }

    /// What would change. The same way as [`Self::apply`], without the writes.
    fn compare(&self, prepared: Prepared) -> Result<Outcome, Error> {
        self.run(prepared, |target, config, _| target.compare(config))
    }

    fn apply(&self, prepared: Prepared) -> Result<Outcome, Error> {
        fs::sweep(&self.options.config_path);
        fs::sweep(&cache::path(&self.options.state_dir));
        let mut outcome =
            self.run(prepared, |target, config, remember| target.apply(config, remember))?;
        outcome.written = !outcome.changes.is_empty();
        outcome.status = match (outcome.status, outcome.written) {
            (Status::Unchanged, true) => Status::Updated,
            (Status::Updated, false) => Status::Unchanged,
            (status, _) => status,
        };
        Ok(outcome)
    }

    /// Runs `step` on what the platform sent, else on the last known good configuration.
    fn run(
        &self,
        mut prepared: Prepared,
        step: impl Fn(Target<'_>, &PlatformConfig, &mut dyn FnMut()) -> Result<Vec<Change>, Blocked>,
    ) -> Result<Outcome, Error> {
        if let Some(fetched) = prepared.fetched.take() {
            let is_known =
                prepared.cached.as_ref().is_some_and(|cached| cached.is_same_as(&fetched));
            let save = || cache::write(&self.options.state_dir, &fetched).err();
            // Side by side: each of the two writes waits for the disk. After a crash either of them makes up for the other.
            let (result, unsaved) = thread::scope(|scope| {
                let mut saving = None;
                let mut remember = || saving = (!is_known).then(|| scope.spawn(save));
                let result = step(self.target(), &fetched, &mut remember);
                (result, saving.and_then(|saving| saving.join().ok().flatten()))
            });
            if let Some(error) = unsaved {
                prepared.note(
                    Level::Warn,
                    format!("The platform config could not be cached: {}.", chain(&error)),
                );
            }
            match result {
                Ok(changes) => return Ok(prepared.outcome(Some(fetched), changes)),
                Err(Blocked::Untouchable(error)) => return Err(error),
                Err(Blocked::Refused(refusal)) => prepared.refuse(&refusal),
            }
        }
        let Some(cached) = prepared.cached.take() else {
            return Ok(prepared.outcome(None, Vec::new()));
        };
        match step(self.target(), &cached, &mut || {}) {
            Ok(changes) => Ok(prepared.outcome(Some(cached), changes)),
            Err(Blocked::Untouchable(error)) => Err(error),
            Err(Blocked::Refused(refusal)) => {
                prepared.note(
                    Level::Error,
                    format!("The cached platform config is refused: {refusal}."),
                );
                prepared.status = Status::Refused;
                Ok(prepared.outcome(None, Vec::new()))
            }
        }
    }
}
