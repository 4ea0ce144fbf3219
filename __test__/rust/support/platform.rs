//! A platform that answers what a test tells it to, and a place to apply it to.

use std::collections::VecDeque;
use std::future::{Future, ready};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use parall::api::PlatformConfigAnswer;
use parall::config::{Answer, Gate, Manager, ManagerOptions, Source};
use tempfile::TempDir;

/// A configuration as the platform sends it.
pub const CONFIG: &str = r#"{"version":"v1","schema_version":1,"config":{
    "models":{"providers":{"parall":{"baseUrl":"https://p/v1","models":[{"id":"m","name":"M"}]}}},
    "agents":{"defaults":{"model":{"primary":"parall/m"}}}}}"#;
/// The account's key.
pub const KEY: &str = "prll_canary";

/// Answers in their order; the last one again and again.
#[derive(Default)]
pub struct Script {
    answers: Mutex<VecDeque<Result<PlatformConfigAnswer, &'static str>>>,
    /// The versions that were named.
    pub asked: Mutex<Vec<Option<String>>>,
}

impl Script {
    pub fn of(
        answers: impl IntoIterator<Item = Result<PlatformConfigAnswer, &'static str>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    pub fn sends(text: &str) -> Arc<Self> {
        Self::of([Ok(PlatformConfigAnswer::Changed(text.to_owned()))])
    }
}

impl Source for Script {
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
pub struct Place {
    pub folder: TempDir,
    pub config: PathBuf,
    pub state: PathBuf,
    pub gate: Gate,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        std::fs::create_dir(&state).unwrap();
        Self { config: folder.path().join("openclaw.json"), state, folder, gate: Gate::default() }
    }

    pub fn with(text: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        std::fs::write(&place.config, text).unwrap();
        place
    }

    pub fn manager(&self, source: Arc<dyn Source>) -> Manager {
        let options = ManagerOptions {
            api_key: KEY.into(),
            state_dir: self.state.clone(),
            config_path: self.config.clone(),
            gate: self.gate.clone(),
            observer: None,
        };
        Manager::new(source, options)
    }

    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.config).unwrap()
    }
}
