//! What a sync does with edits.

use std::fs;
use std::time::Duration;

use parall::wiki::workspace::{Options, sync};
use parall::wiki::{Error, Workspace};
use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn files_come_go_and_change_with_the_server() {
    let scene = Scene::with(json!({ "a.md": "a\n", "b/c.md": "c\n", "b/d.md": "d\n" })).await;
    let first = scene.sync().await.unwrap();
    assert_eq!((first.files, first.added, first.updated, first.deleted), (3, 3, 0, 0));
    assert_eq!(first.path, scene.file("").components().as_path());
    assert_eq!(scene.read("b/c.md").unwrap(), "c\n");

    scene.edit(json!({ "a.md": "a2\n", "e.md": "e\n" }), &["b/c.md", "b/d.md"]).await;
    let second = scene.sync().await.unwrap();
    assert_eq!((second.files, second.added, second.updated, second.deleted), (2, 1, 1, 2));
    assert_eq!(scene.read("a.md").unwrap(), "a2\n");
    assert!(!scene.file("b").exists(), "an empty folder is left over");
    assert!(scene.changes().is_empty());

    let third = scene.sync().await.unwrap();
    assert_eq!((third.version, third.added + third.updated + third.deleted), (second.version, 0));
}

#[tokio::test]
async fn a_sync_without_news_asks_once_and_fetches_nothing() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    let before = scene.parall.requests("wikis.tree.list").await.len();
    scene.sync().await.unwrap();
    assert_eq!(scene.parall.requests("wikis.tree.list").await.len(), before);
    assert_eq!(scene.parall.requests("wikis.blob").await.len(), 1);
}

#[tokio::test]
async fn edits_stay_and_merge_by_lines() {
    let scene =
        Scene::synced(json!({ "a.md": "1\n2\n3\n4\n5\n", "b.md": "b\n", "c.md": "c\n" })).await;
    scene.write("a.md", "one\n2\n3\n4\n5\n");
    scene.write("new.md", "new\n");
    fs::remove_file(scene.file("c.md")).unwrap();
    scene.edit(json!({ "a.md": "1\n2\n3\n4\nfive\n", "b.md": "b2\n" }), &[]).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!((synced.merged, synced.conflicts), (vec!["a.md".to_owned()], vec![]));
    assert_eq!(scene.read("a.md").unwrap(), "one\n2\n3\n4\nfive\n");
    assert_eq!(scene.read("b.md").unwrap(), "b2\n");
    assert_eq!(scene.changes(), ["Modified a.md", "Deleted c.md", "Added new.md"]);
}

#[tokio::test]
async fn a_conflict_is_marked_listed_and_gone_once_it_is_solved() {
    let scene = Scene::synced(json!({ "a.md": "1\n" })).await;
    scene.write("a.md", "mine\n");
    scene.edit(json!({ "a.md": "theirs\n" }), &[]).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!((synced.conflicts.len(), synced.conflicts[0].marked), (1, true));
    let text = scene.read("a.md").unwrap();
    for line in ["<<<<<<< ours\n", "mine\n", "=======\n", "theirs\n", ">>>>>>> theirs\n"] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(scene.changes(), ["Conflicted a.md"]);
    let error = scene.propose("t").await.unwrap_err();
    assert!(matches!(&error, Error::Conflicts { paths } if paths == &["a.md"]), "{error}");
    assert_eq!(scene.sync().await.unwrap().conflicts.len(), 1);

    scene.write("a.md", "mine and theirs\n");
    assert_eq!(scene.changes(), ["Modified a.md"]);
    assert!(scene.status().conflicts.is_empty());
    scene.propose("t").await.unwrap();
}

#[tokio::test]
async fn a_binary_conflict_keeps_the_file_here_and_puts_the_other_aside() {
    let scene = Scene::synced(json!({ "a.bin": "\u{0}1" })).await;
    scene.write("a.bin", "\u{0}mine");
    scene.edit(json!({ "a.bin": "\u{0}theirs" }), &[]).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!(scene.read("a.bin").unwrap(), "\u{0}mine");
    let copy = synced.conflicts[0].server_copy.clone().unwrap();
    assert_eq!(scene.read(&copy).unwrap(), "\u{0}theirs");
    assert!(!synced.conflicts[0].marked);
}

#[tokio::test]
async fn an_edit_wins_over_a_deletion_on_either_side() {
    let scene = Scene::synced(json!({ "here.md": "1\n", "there.md": "1\n" })).await;
    fs::remove_file(scene.file("here.md")).unwrap();
    scene.write("there.md", "edited\n");
    scene.edit(json!({ "here.md": "edited\n" }), &["there.md"]).await;
    let kinds: Vec<_> =
        scene.sync().await.unwrap().conflicts.into_iter().map(|one| (one.path, one.kind)).collect();
    let expected = [("here.md", "deleted_here"), ("there.md", "deleted_there")];
    assert_eq!(kinds, expected.map(|(path, kind)| (path.to_owned(), kind.to_owned())));
    assert_eq!(scene.read("there.md").unwrap(), "edited\n");
    assert_eq!(scene.changes(), ["Deleted here.md", "Added there.md"]);
}

#[tokio::test]
async fn files_that_stood_there_before_the_first_sync_are_kept() {
    let scene = Scene::with(json!({ "same.md": "same\n", "other.md": "theirs\n" })).await;
    scene.write("same.md", "same\n");
    scene.write("other.md", "mine\n");
    scene.write("own.md", "own\n");
    let synced = scene.sync().await.unwrap();
    assert_eq!(synced.conflicts.len(), 1);
    let text = scene.read("other.md").unwrap();
    assert!(text.contains("mine\n") && text.contains("theirs\n"), "{text}");
    assert_eq!(scene.changes(), ["Conflicted other.md", "Added own.md"]);
    assert_eq!(scene.parall.requests("wikis.blob").await.len(), 1, "what is here is not fetched");
}

#[tokio::test]
async fn an_edit_of_the_same_length_in_the_same_moment_is_seen() {
    let scene = Scene::synced(json!({ "a.md": "1\n" })).await;
    for round in 0..20 {
        scene.write("a.md", &format!("{}\n", round % 2 + 5));
        assert_eq!(scene.changes(), ["Modified a.md"], "{round}");
        scene.write("a.md", "1\n");
        assert!(scene.changes().is_empty(), "{round}");
    }
}

#[tokio::test]
async fn a_reset_brings_everything_back_and_keeps_what_it_took() {
    let scene = Scene::synced(json!({ "a.md": "a\n", "b/c.md": "c\n" })).await;
    scene.write("a.md", "edited\n");
    scene.write("new/n.md", "new\n");
    fs::remove_dir_all(scene.file("b")).unwrap();
    let reset = scene.open().reset().unwrap();
    assert_eq!(
        (reset.restored, reset.removed),
        (vec!["a.md".into(), "b/c.md".into()], vec!["new/n.md".to_owned()])
    );
    assert_eq!(
        (scene.read("a.md").unwrap(), scene.read("b/c.md").unwrap()),
        ("a\n".into(), "c\n".into())
    );
    assert!(!scene.file("new").exists());
    assert!(scene.changes().is_empty());
    let kept = reset.kept_in.unwrap();
    assert_eq!(fs::read_to_string(kept.join("a.md")).unwrap(), "edited\n");
    assert_eq!(fs::read_to_string(kept.join("new/n.md")).unwrap(), "new\n");
    assert_eq!(scene.open().reset().unwrap().kept_in, None);
}

#[tokio::test]
async fn a_diff_can_be_applied_to_the_base() {
    let scene = Scene::synced(json!({ "a.md": "1\n2\n", "b.md": "b\n", "c.bin": "\u{0}" })).await;
    scene.write("a.md", "1\nzwei\n");
    fs::remove_file(scene.file("b.md")).unwrap();
    scene.write("c.bin", "\u{0}\u{0}");
    let diff = scene.open().diff().unwrap();
    assert_eq!(
        diff.diff,
        "--- a/a.md\n+++ b/a.md\n@@ -1,2 +1,2 @@\n 1\n-2\n+zwei\n--- a/b.md\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-b\n\
         Binary files a/c.bin and b/c.bin differ\n"
            .replace("-1,1 ", "-1 ")
    );
    assert_eq!(diff.files.len(), 3);
}

#[tokio::test]
async fn a_second_run_in_the_folder_waits_and_then_says_so() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    let held = scene.open();
    let hasty = Options { lock_wait: Duration::from_millis(30), ..Options::default() };
    let error = Workspace::open(scene.root.path(), "org_demo", "kb", hasty.clone()).err().unwrap();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    let wiki = scene.client.wiki("kb").await.unwrap();
    let error = sync(&scene.client, scene.root.path(), &wiki, &hasty).await.unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(held);
    scene.sync().await.unwrap();
}

#[tokio::test]
async fn a_folder_takes_no_other_wiki() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    let mut wiki = scene.client.wiki("kb").await.unwrap();
    wiki.id = "wik_other".into();
    let error =
        sync(&scene.client, scene.root.path(), &wiki, &Options::default()).await.unwrap_err();
    assert!(matches!(error, Error::Mount { .. }), "{error}");
    let error =
        Workspace::open(scene.root.path(), "org_other", "kb", Options::default()).err().unwrap();
    assert!(matches!(error, Error::Mount { .. }), "{error}");
}
