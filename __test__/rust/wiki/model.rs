//! Random edits on both sides, syncs, processes that are killed at any moment: no edit is ever lost, and in the end both sides
//! hold the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use parall::api::{Client, Network};
use parall::wiki::Workspace;
use parall::wiki::workspace::{Options, create_changeset, sync};
use serde_json::{Value, json};

use crate::local_parall::LocalParall;
use crate::{options, quick};

const URL: &str = "PARALL_TEST_WIKI_URL";
const ROOT: &str = "PARALL_TEST_WIKI_ROOT";
const SLUG: &str = "PARALL_TEST_WIKI_SLUG";
/// The step at which the process ends itself.
const ABORT_AT: &str = "PARALL_TEST_WIKI_ABORT_AT";
const PATHS: [&str; 6] = ["a.md", "b.md", "d/c.md", "d/e/f.md", "bin.dat", "d/g.md"];
const ROUNDS: usize = 25;

#[tokio::test]
async fn no_edit_is_lost_and_both_sides_come_together() {
    run(6).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn no_edit_is_lost_in_many_worlds() {
    run(100).await;
}

async fn run(worlds: usize) {
    let parall = LocalParall::start().await;
    let mut killed = 0;
    for number in 0..worlds {
        let seed = fastrand::u64(..);
        let slug = format!("kb{number}");
        println!("world {slug} has seed {seed}");
        killed += World::new(&parall, slug, seed).await.live().await;
    }
    assert!(killed >= worlds, "only {killed} processes were killed");
}

struct World<'a> {
    parall: &'a LocalParall,
    client: Client,
    slug: String,
    root: tempfile::TempDir,
    random: Rng,
    /// Words that were written here and are not on the server.
    words: BTreeSet<String>,
    /// Files that were deleted here: what the server says in them is not wanted here, until both sides hold the same again.
    deleted: BTreeSet<&'static str>,
    next: usize,
}

impl<'a> World<'a> {
    async fn new(parall: &'a LocalParall, slug: String, seed: u64) -> Self {
        let files: Value =
            PATHS.iter().map(|path| ((*path).to_owned(), json!(first(path)))).collect();
        parall.control("wiki", json!({ "slug": slug, "files": files })).await;
        let root = tempfile::tempdir().unwrap();
        let random = Rng::with_seed(seed);
        let client = parall.client();
        Self {
            parall,
            client,
            slug,
            root,
            random,
            words: BTreeSet::new(),
            deleted: BTreeSet::new(),
            next: 0,
        }
    }

    async fn live(mut self) -> usize {
        let mut killed = 0;
        self.sync().await;
        for _ in 0..ROUNDS {
            for _ in 0..self.random.usize(0..4) {
                self.edit_here();
            }
            for _ in 0..self.random.usize(0..3) {
                self.edit_there().await;
            }
            match self.random.usize(0..10) {
                0..5 => killed += usize::from(self.killed_sync().await),
                5..8 => {
                    let before = self.files_here();
                    self.sync().await;
                    self.check_server_arrived(&before).await;
                }
                8 => self.solve(),
                _ => {
                    let merge = self.random.bool();
                    self.propose(merge).await;
                }
            }
            self.check_words();
        }
        self.come_together().await;
        killed
    }

    fn mount(&self) -> PathBuf {
        self.root.path().join(&self.slug)
    }

    fn files_here(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(&self.mount(), "", &mut files);
        files
    }

    async fn files_there(&self) -> BTreeMap<String, String> {
        let answer = self.parall.control("wiki_files", json!({ "wiki": self.slug })).await;
        serde_json::from_value(answer["files"].clone()).unwrap()
    }

    fn word(&mut self, side: char) -> String {
        self.next += 1;
        format!("{side}{}.", self.next)
    }

    fn edit_here(&mut self) {
        let path = *self.random.choice(&PATHS).unwrap();
        let file = self.mount().join(path);
        let old = fs::read(&file).ok();
        if let Some(bytes) = &old
            && self.random.usize(0..6) == 0
        {
            let text = String::from_utf8_lossy(bytes).into_owned();
            fs::remove_file(&file).unwrap();
            self.deleted.insert(path);
            self.words.retain(|word| !text.contains(word.as_str()));
            return;
        }
        let word = self.word('L');
        let text =
            old.map_or_else(|| first(path), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        let text = insert(&text, &word, &mut self.random);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        self.words.insert(word);
    }

    async fn edit_there(&mut self) {
        let path = *self.random.choice(&PATHS).unwrap();
        let files = self.files_there().await;
        let edit = match files.get(path) {
            Some(_) if self.random.usize(0..6) == 0 => {
                json!({ "wiki": self.slug, "remove": [path] })
            }
            old => {
                let word = self.word('S');
                let text = old.cloned().unwrap_or_else(|| first(path));
                let text = insert(&text, &word, &mut self.random);
                json!({ "wiki": self.slug, "write": { path: text } })
            }
        };
        self.parall.control("edit_wiki", edit).await;
    }

    async fn sync(&self) {
        let wiki = self.client.wiki(&self.slug).await.unwrap();
        let synced =
            sync(&self.client, self.root.path(), &wiki, &Options::default()).await.unwrap();
        assert!(synced.skipped.is_empty() && synced.rescued.is_empty(), "{synced:?}");
    }

    /// A sync in a process of its own that ends at one of its steps or is killed from outside.
    async fn killed_sync(&mut self) -> bool {
        let at = self.random.usize(0..9);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "--ignored", "--nocapture", "model::the_process_that_is_killed"])
            .env(URL, &self.parall.url)
            .env(ROOT, self.root.path())
            .env(SLUG, &self.slug)
            .env(ABORT_AT, at.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = child.spawn().unwrap();
        if at == 0 {
            tokio::time::sleep(Duration::from_millis(self.random.u64(0..120))).await;
            child.kill().unwrap();
        }
        let status = tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
        !status.success()
    }

    /// Takes the marks out of marked files and leaves both sides.
    fn solve(&mut self) {
        for (path, text) in self.files_here() {
            if text.contains('\u{0}') {
                continue;
            }
            let is_mark = |line: &&str| {
                ["<<<<<<<", "|||||||", "=======", ">>>>>>>"]
                    .iter()
                    .any(|mark| line.starts_with(mark))
            };
            let lines: Vec<_> = text.lines().filter(|line| !is_mark(line)).collect();
            let solved: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
            if solved != text {
                fs::write(self.mount().join(path), solved).unwrap();
            }
        }
    }

    async fn propose(&mut self, merge: bool) {
        self.solve();
        let root = self.root.path();
        let proposed =
            create_changeset(&self.client, root, &self.slug, "t", &Options::default()).await;
        let Ok(proposed) = proposed else { return };
        if !merge {
            return;
        }
        let id = proposed.changeset["id"].as_str().unwrap();
        let wiki = self.slug.as_str();
        if self.try_merge(wiki, id).await {
            // They are the server's now, and may go with a file that the server deletes.
            let there = self.files_there().await;
            self.words.retain(|word| !there.values().any(|text| text.contains(word.as_str())));
        }
    }

    async fn try_merge(&self, wiki: &str, id: &str) -> bool {
        let decision = json!({ "wiki": wiki, "changeset": id });
        self.parall.try_control("decide_changeset", decision).await.is_ok()
    }

    /// Every word that was written here and not removed here is somewhere in the folder.
    fn check_words(&self) {
        let files = self.files_here();
        for word in &self.words {
            assert!(
                files.values().any(|text| text.contains(word.as_str())),
                "{word} is lost: {files:#?}"
            );
        }
    }

    /// After a sync, what the server says is here, except in files that were deleted here or cannot be merged.
    async fn check_server_arrived(&mut self, before: &BTreeMap<String, String>) {
        let (here, there) = (self.files_here(), self.files_there().await);
        self.deleted.retain(|path| here.get(*path) != there.get(*path));
        for (path, text) in there {
            let Some(found) = here.get(&path) else {
                assert!(!before.contains_key(&path), "{path} went in a sync");
                continue;
            };
            if !text.contains('\u{0}') && !self.deleted.contains(path.as_str()) {
                for word in text.lines().filter(|line| line.starts_with('S')) {
                    assert!(found.contains(word), "{word} of {path} did not come: {found}");
                }
            }
        }
    }

    async fn come_together(&mut self) {
        self.sync().await;
        self.check_words();
        self.solve();
        let root = self.root.path();
        let proposed =
            create_changeset(&self.client, root, &self.slug, "last", &Options::default()).await;
        if let Ok(proposed) = proposed {
            assert!(self.try_merge(&self.slug, proposed.changeset["id"].as_str().unwrap()).await);
        }
        self.sync().await;
        assert_eq!(self.files_here(), self.files_there().await);
        let mut workspace =
            Workspace::open(root, "org_demo", &self.slug, Options::default()).unwrap();
        let status = workspace.status().unwrap();
        assert!(status.changes.is_empty() && status.conflicts.is_empty(), "{status:?}");
    }
}

/// What a file holds in the beginning.
fn first(path: &str) -> String {
    let start = if path == "bin.dat" { "\u{0}" } else { "" };
    format!("{start}1\n2\n3\n4\n5\n6\n7\n8\n")
}

/// The text with a new line somewhere.
fn insert(text: &str, word: &str, random: &mut Rng) -> String {
    let mut lines: Vec<_> = text.lines().collect();
    lines.insert(random.usize(0..=lines.len()), word);
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if name == ".parall" {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else {
            files.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

#[tokio::test]
#[ignore = "run by the others"]
async fn the_process_that_is_killed() {
    let Ok(url) = std::env::var(URL) else { return };
    let at: usize = std::env::var(ABORT_AT).unwrap().parse().unwrap();
    let client = Client::with(options(&url), &Network::default(), quick()).unwrap();
    let wiki = client.wiki(&std::env::var(SLUG).unwrap()).await.unwrap();
    let steps = AtomicUsize::new(1);
    let observer = move |_| {
        if steps.fetch_add(1, Ordering::Relaxed) == at {
            std::process::abort();
        }
    };
    let settings = Options { observer: Some(Arc::new(observer)), ..Options::default() };
    let root = PathBuf::from(std::env::var(ROOT).unwrap());
    sync(&client, &root, &wiki, &settings).await.unwrap();
}
