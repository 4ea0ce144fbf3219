//! A server with a wiki, and a folder to sync it into.

use std::fs;
use std::path::PathBuf;

use parall::api::Client;
use parall::wiki::workspace::{Options, Proposed, Status, Synced, create_changeset, sync};
use parall::wiki::{Error, Workspace};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::local_parall::LocalParall;

pub(crate) struct Scene {
    pub(crate) parall: LocalParall,
    pub(crate) client: Client,
    pub(crate) root: TempDir,
}

impl Scene {
    /// A wiki `kb` with these files.
    pub(crate) async fn with(files: Value) -> Self {
        let parall = LocalParall::start().await;
        let client = parall.client();
        parall.control("wiki", json!({ "slug": "kb", "files": files })).await;
        Self { parall, client, root: TempDir::new().unwrap() }
    }

    /// The same, synced.
    pub(crate) async fn synced(files: Value) -> Self {
        let scene = Self::with(files).await;
        scene.sync().await.unwrap();
        scene
    }

    pub(crate) async fn sync(&self) -> Result<Synced, Error> {
        let wiki = self.client.wiki("kb").await.unwrap();
        sync(&self.client, self.root.path(), &wiki, &Options::default()).await
    }

    pub(crate) fn open(&self) -> Workspace {
        Workspace::open(self.root.path(), "org_demo", "kb", Options::default()).unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        self.open().status().unwrap()
    }

    /// What changed, as `M path`.
    pub(crate) fn changes(&self) -> Vec<String> {
        let changes = self.status().changes;
        changes.iter().map(|file| format!("{:?} {}", file.status, file.path)).collect()
    }

    pub(crate) async fn propose(&self, title: &str) -> Result<Proposed, Error> {
        create_changeset(&self.client, self.root.path(), "kb", title, &Options::default()).await
    }

    /// Somebody edits the wiki on the server.
    pub(crate) async fn edit(&self, write: Value, remove: &[&str]) {
        let edit = json!({ "wiki": "kb", "write": write, "remove": remove });
        self.parall.control("edit_wiki", edit).await;
    }

    pub(crate) async fn server_files(&self) -> Value {
        self.parall.control("wiki_files", json!({ "wiki": "kb" })).await["files"].clone()
    }

    pub(crate) async fn decide(&self, changeset: &Value, feedback: Option<&str>) {
        let mut decision = json!({ "wiki": "kb", "changeset": changeset });
        if let Some(feedback) = feedback {
            decision["feedback"] = feedback.into();
        }
        self.parall.control("decide_changeset", decision).await;
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root.path().join("kb").join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.file(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read(self.file(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}
