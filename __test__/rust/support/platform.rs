//! A platform that answers what a test tells it to, and a place to apply it to.

use std::collections::VecDeque;
use std::fs;
use std::future::ready;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use parall::api::PlatformConfigAnswer;
use parall::config::{
    Answer, Gate, Manager, ManagerOptions, Outcome, PlatformSource, Refreshed, Trust,
};
use tempfile::TempDir;

/// A configuration as the platform sends it.
pub(crate) const CONFIG: &str = r#"{"version":"v1","schema_version":1,"config":{
    "models":{"providers":{"parall":{"baseUrl":"https://p/v1","models":[{"id":"m","name":"M"}]}}},
    "agents":{"defaults":{"model":{"primary":"parall/m"}}}}}"#;
/// The account's server.
const SERVER: &str = "https://p";
/// The account's key.
pub(crate) const KEY: &str = "prll_canary";

/// Answers in their order; the last one again and again.
pub(crate) struct Script {
    answers: Mutex<VecDeque<Result<PlatformConfigAnswer, &'static str>>>,
    /// The versions that were named.
    pub(crate) asked: Mutex<Vec<Option<String>>>,
}

impl Script {
    pub(crate) fn of(
        answers: impl IntoIterator<Item = Result<PlatformConfigAnswer, &'static str>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    pub(crate) fn sends(text: impl Into<String>) -> Arc<Self> {
        Self::of([Ok(PlatformConfigAnswer::Changed(text.into()))])
    }
}

impl PlatformSource for Script {
    fn fetch<'a>(
        &'a self,
        version: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        self.asked.lock().unwrap().push(version.map(str::to_owned));
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(ready(answer.unwrap_or(Err("no answer")).map_err(Into::into)))
    }
}

/// A folder with a configuration and a state directory.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) config: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) gate: Gate,
    pub(crate) trust: Trust,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        let config = folder.path().join("openclaw.json");
        let trust = Trust::new(SERVER, None, &[]);
        Self { folder, config, state, gate: Gate::default(), trust }
    }

    pub(crate) fn with(contents: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        fs::write(&place.config, contents).unwrap();
        place
    }

    pub(crate) fn options(&self) -> ManagerOptions {
        ManagerOptions {
            api_key: KEY.into(),
            state_dir: self.state.clone(),
            config_path: self.config.clone(),
            trust: self.trust.clone(),
            gate: self.gate.clone(),
            observer: None,
        }
    }

    pub(crate) fn manager(&self, source: Arc<dyn PlatformSource>) -> Manager {
        Manager::new(source, self.options())
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.config).unwrap()
    }

    /// Names in the folder, sorted, without the state directory.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "state");
        names.sort();
        names
    }
}

/// Fetches [`CONFIG`] and applies it.
pub(crate) async fn refresh(place: &Place) -> Refreshed {
    place.manager(Script::sends(CONFIG)).refresh().await
}

/// The outcome of a refresh that wrote.
pub(crate) fn written(outcome: &Refreshed) -> &Outcome {
    let outcome = outcome.as_ref().unwrap();
    assert!(outcome.written);
    outcome
}
