//! Bad servers, full disks, interruptions, edits in the middle of a sync.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parall::error::chain;
use parall::wiki::Error;
use parall::wiki::workspace::{Options, Step, sync};
use serde_json::{Value, json};

use crate::scene::Scene;

fn many(count: usize) -> Value {
    (0..count).map(|number| (format!("p/{number}.md"), json!(format!("page {number}\n")))).collect()
}

#[tokio::test]
async fn bytes_of_another_hash_or_an_html_page_never_become_a_file() {
    let scene = Scene::synced(json!({ "a.md": "a\n", "b.md": "b\n" })).await;
    scene.write("b.md", "mine\n");
    scene.edit(json!({ "a.md": "a2\n", "b.md": "b2\n" }), &[]).await;
    let html = json!({ "route": "wikis.blob", "status": 200, "form": "html" });
    let other = json!({ "route": "wikis.blob", "status": 200, "body": "other" });
    for (fault, parameters) in [("http.error", html), ("http.body", other)] {
        scene.parall.fault(fault, parameters).await;
        let error = scene.sync().await.unwrap_err();
        assert!(matches!(error, Error::Content { .. }), "{error}");
        scene.parall.control("clear_faults", json!({})).await;
        assert_eq!(
            (scene.read("a.md").unwrap(), scene.read("b.md").unwrap()),
            ("a\n".into(), "mine\n".into())
        );
    }
    for fault in ["http.invalid_json", "http.truncated_body", "list.no_cursor"] {
        scene.parall.fault(fault, json!({ "route": "wikis.tree.list" })).await;
        scene.sync().await.unwrap_err();
        scene.parall.control("clear_faults", json!({})).await;
    }
    assert_eq!(scene.changes(), ["Modified b.md"]);
    assert!(scene.sync().await.unwrap().conflicts.len() == 1);
    assert_eq!(scene.read("a.md").unwrap(), "a2\n");
}

#[tokio::test]
async fn a_sync_goes_on_where_it_was_interrupted() {
    let scene = Scene::with(many(600)).await;
    let refuse = json!({ "route": "wikis.blob", "after": 400, "status": 403 });
    scene.parall.fault("http.error", refuse).await;
    scene.sync().await.unwrap_err();
    assert!(!scene.file("p").exists(), "a part of a version is no version");
    scene.parall.control("clear_faults", json!({})).await;
    let before = scene.parall.requests("wikis.blob").await.len();
    assert_eq!(scene.sync().await.unwrap().added, 600);
    let fetched = scene.parall.requests("wikis.blob").await.len() - before;
    assert!(fetched <= 200, "{fetched} of 600 were fetched again");
}

#[tokio::test]
async fn a_server_that_is_unwell_for_a_moment_is_asked_again() {
    let scene = Scene::with(many(20)).await;
    for (fault, route) in [
        ("http.error", "wikis.blob"),
        ("http.close", "wikis.blob"),
        ("http.rate_limit", "wikis.tree.list"),
    ] {
        scene.parall.fault(fault, json!({ "route": route, "times": 2 })).await;
    }
    assert_eq!(scene.sync().await.unwrap().added, 20);
}

#[tokio::test]
async fn a_damaged_memory_of_the_base_is_fetched_again() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    let database = rusqlite::Connection::open(scene.file(".parall/wiki.db")).unwrap();
    database.execute("UPDATE blobs SET bytes = x'00'", []).unwrap();
    drop(database);
    scene.write("a.md", "edited\n");
    assert!(matches!(scene.open().diff().unwrap_err(), Error::Content { .. }));
    scene.sync().await.unwrap();
    assert_eq!(scene.changes(), ["Modified a.md"]);
}

/// A file system of two megabytes, until it is dropped.
#[cfg(target_os = "linux")]
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// Nothing for a user who may not mount one.
    fn at(path: &std::path::Path) -> Option<Self> {
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "none"])
            .arg(path)
            .output();
        mount.is_ok_and(|output| output.status.success()).then(|| Self(path.into()))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_costs_no_edit_and_leaves_no_half_file() {
    let scene = Scene::with(json!({ "a.md": "a\n" })).await;
    let Some(disk) = SmallDisk::at(scene.root.path()) else {
        println!("not checked: this user may not mount a file system");
        return;
    };
    scene.sync().await.unwrap();
    scene.write("a.md", "mine\n");
    // Each size hits another step: the memory, the staging, the last notes.
    for size in [100, 300, 500, 700, 900, 1100, 1300] {
        let filler = "x".repeat(size * 1024);
        scene.edit(json!({ "a.md": format!("theirs {size}\n"), "big.md": filler }), &[]).await;
        let outcome = scene.sync().await;
        let text = scene.read("a.md").unwrap();
        assert!(text.contains("mine\n"), "{size}: {text}");
        let big = scene.read("big.md").unwrap_or_default();
        assert!(big.bytes().all(|byte| byte == b'x') && big.len() % (100 * 1024) == 0, "{size}");
        if let Err(error) = outcome {
            assert!(
                chain(&error).contains("full") || chain(&error).contains("space"),
                "{}",
                chain(&error)
            );
        }
    }
    assert!(scene.sync().await.is_err(), "the disk was never full");
    scene.edit(json!({ "a.md": "theirs\n" }), &["big.md"]).await;
    scene.sync().await.unwrap();
    let text = scene.read("a.md").unwrap();
    assert!(text.contains("mine\n"), "{text}");
    assert_eq!(scene.read("big.md"), None);
    drop(disk);
}

/// Runs a sync and edits a file at one of its steps.
async fn edit_at(
    step: Step,
    edit: impl Fn(&Scene) + Send + Sync + 'static,
) -> (Arc<Scene>, parall::wiki::workspace::Synced) {
    let scene = Arc::new(Scene::synced(json!({ "a.md": "1\n2\n3\n", "gone.md": "x\n" })).await);
    scene.edit(json!({ "a.md": "1\n2\nthree\n", "new.md": "new\n" }), &["gone.md"]).await;
    let (done, inside) = (AtomicBool::new(false), Arc::clone(&scene));
    let observer = move |reached| {
        if reached == step && !done.swap(true, Ordering::Relaxed) {
            edit(&inside);
        }
    };
    let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
    let wiki = scene.client.wiki("kb").await.unwrap();
    let synced = sync(&scene.client, scene.root.path(), &wiki, &options).await.unwrap();
    (scene, synced)
}

#[tokio::test]
async fn an_edit_while_files_change_is_merged_in_the_same_run() {
    for step in [Step::Fetched, Step::Staged, Step::Begun] {
        let (scene, synced) = edit_at(step, |scene| {
            scene.write("a.md", "one\n2\n3\n");
            scene.write("gone.md", "edited\n");
            scene.write("new.md", "mine\n");
        })
        .await;
        assert_eq!(scene.read("a.md").unwrap(), "one\n2\nthree\n", "{step:?}");
        assert_eq!(scene.read("gone.md").unwrap(), "edited\n", "{step:?}");
        let new = scene.read("new.md").unwrap();
        assert!(new.contains("mine\n") && new.contains("new\n"), "{step:?}: {new}");
        assert_eq!(synced.conflicts.len(), 2, "{step:?}: {synced:?}");
        assert!(synced.skipped.is_empty(), "{synced:?}");
    }
}

#[tokio::test]
async fn what_a_program_writes_into_a_replaced_file_is_kept() {
    let open: Arc<std::sync::Mutex<Option<fs::File>>> = Arc::default();
    let inside = Arc::clone(&open);
    let (scene, synced) = edit_at(Step::Placed, move |_| {
        // The removal of gone.md came first; its file is still open here.
        let mut file = inside.lock().unwrap().take();
        if let Some(file) = &mut file {
            file.write_all(b"late\n").unwrap();
        }
    })
    .await;
    assert!(synced.rescued.is_empty());
    // The same with a file that was open before.
    let file = fs::OpenOptions::new().append(true).open(scene.file("a.md")).unwrap();
    *open.lock().unwrap() = Some(file);
    scene.edit(json!({ "a.md": "other\n" }), &[]).await;
    let writer = Arc::clone(&open);
    let observer = move |reached| {
        if reached == Step::Placed
            && let Some(mut file) = writer.lock().unwrap().take()
        {
            file.write_all(b"late\n").unwrap();
        }
    };
    let options = Options { observer: Some(Arc::new(observer)), ..Options::default() };
    let wiki = scene.client.wiki("kb").await.unwrap();
    let synced = sync(&scene.client, scene.root.path(), &wiki, &options).await.unwrap();
    assert_eq!(synced.rescued, ["a.md"]);
    let rescued: Vec<_> = fs::read_dir(scene.file(".parall/rescued")).unwrap().flatten().collect();
    assert_eq!(rescued.len(), 1);
    assert_eq!(fs::read_to_string(rescued[0].path()).unwrap(), "1\n2\nthree\nlate\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_that_race_with_syncs_are_never_lost() {
    let scene = Arc::new(Scene::synced(json!({ "a.md": "start\n" })).await);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (inside, ended, count) = (Arc::clone(&scene), Arc::clone(&stop), Arc::clone(&written));
    let editor = std::thread::spawn(move || {
        // An editor that saves by renaming: it keeps what it read and adds a line.
        while !ended.load(Ordering::Relaxed) {
            let number = count.load(Ordering::Relaxed);
            let Some(text) = inside.read("a.md") else { continue };
            let draft = inside.root.path().join("draft");
            fs::write(&draft, format!("{text}edit {number}\n")).unwrap();
            fs::rename(&draft, inside.file("a.md")).unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    for round in 0..40 {
        scene.edit(json!({ "a.md": format!("server {round}\nstart\n") }), &[]).await;
        scene.sync().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    editor.join().unwrap();
    let mut texts = scene.read("a.md").unwrap();
    for file in fs::read_dir(scene.file(".parall/rescued")).into_iter().flatten().flatten() {
        texts.push_str(&fs::read_to_string(file.path()).unwrap());
    }
    let edits = written.load(Ordering::Relaxed);
    assert!(edits > 40, "only {edits} edits");
    let lost: Vec<_> =
        (0..edits).filter(|number| !texts.contains(&format!("edit {number}\n"))).collect();
    assert!(lost.is_empty(), "{lost:?} of {edits} are lost");
}
