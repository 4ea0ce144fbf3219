//! A sessions folder of its own for each test.

use std::fs;
use std::path::{Path, PathBuf};

use parall::session::{
    Cut, Error, Fork, ForkRequest, History, IndexCache, Outcome, Owner, SessionsFolder, fork,
};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const KEY: &str = "agent:main:parall:account";

pub(crate) struct Sessions {
    root: TempDir,
    pub(crate) cache: IndexCache,
    pub(crate) owner: Owner,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("sessions.json"), "{}").unwrap();
        Self { root, cache: IndexCache::new(), owner: Owner::new("default", KEY).unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn folder(&self) -> SessionsFolder {
        SessionsFolder::open(self.root.path()).unwrap()
    }

    pub(crate) fn write(&self, lines: &[&str]) -> PathBuf {
        let path = self.path("parent.jsonl");
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        path
    }

    pub(crate) fn fork(&self, transcript: &Path, cut: &Cut) -> Result<Outcome, Error> {
        self.fork_history(transcript, cut, History::Full, None)
    }

    pub(crate) fn fork_history(
        &self,
        transcript: &Path,
        cut: &Cut,
        history: History,
        budget: Option<u64>,
    ) -> Result<Outcome, Error> {
        let (owner, folder) = (&self.owner, &self.folder());
        let is_registered = true;
        let request =
            ForkRequest { owner, transcript, folder, cut, history, budget, is_registered };
        fork(&self.cache, &request)
    }

    pub(crate) fn forked(&self, transcript: &Path, cut: &Cut) -> Fork {
        match self.fork(transcript, cut).unwrap() {
            Outcome::Forked(fork) => fork,
            Outcome::Nothing(nothing) => panic!("nothing to fork: {nothing:?}"),
        }
    }

    pub(crate) fn store(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("sessions.json")).unwrap()).unwrap()
    }

    /// The names of all files in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.path())
            .unwrap()
            .map(|item| item.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// The lines of a fork behind its header.
pub(crate) fn lines(fork: &Fork) -> Vec<String> {
    fs::read_to_string(&fork.session_file).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// The ids of a fork's entries.
pub(crate) fn ids(fork: &Fork) -> Vec<String> {
    lines(fork)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/w"}"#;

pub(crate) fn user(id: &str, parent: &str) -> String {
    entry(id, parent, r#""type":"message","message":{"role":"user","content":"question"}"#)
}

pub(crate) fn answer(id: &str, parent: &str) -> String {
    entry(
        id,
        parent,
        r#""type":"message","message":{"role":"assistant","content":[],"stopReason":"stop"}"#,
    )
}

pub(crate) fn tool_call(id: &str, parent: &str) -> String {
    entry(
        id,
        parent,
        r#""type":"message","message":{"role":"assistant","content":[],"stopReason":"toolUse"}"#,
    )
}

pub(crate) fn entry(id: &str, parent: &str, rest: &str) -> String {
    let parent = if parent.is_empty() { "null".to_owned() } else { format!("{parent:?}") };
    format!(r#"{{"id":{id:?},"parentId":{parent},{rest}}}"#)
}
