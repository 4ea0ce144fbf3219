//! Paths, links and odd files.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use parall::wiki::workspace::{Options, sync};
use parall::wiki::{Error, Workspace};
use serde_json::json;

use crate::scene::Scene;

#[tokio::test]
async fn no_path_of_a_server_leaves_the_folder() {
    let hostile = [
        "../x",
        "/tmp/parall-x",
        "a/../../x",
        ".parall/wiki.db",
        ".PARALL/lock",
        "a\\..\\x",
        "a\nb",
    ];
    let mut files = json!({ "good.md": "good\n" });
    for path in hostile {
        files[path] = "bad".into();
    }
    let scene = Scene::with(files).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!((synced.added, synced.skipped.len()), (1, hostile.len()));
    assert!(synced.skipped.iter().all(|one| !one.path.contains('\n')));
    assert_eq!(fs::read_dir(scene.root.path()).unwrap().count(), 1);
    assert!(!Path::new("/tmp/parall-x").exists());
    assert!(scene.changes().is_empty());
}

#[tokio::test]
async fn no_link_is_followed_or_replaced() {
    let scene = Scene::synced(json!({ "a.md": "a\n", "d/b.md": "b\n" })).await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("b.md"), "outside\n").unwrap();
    fs::write(outside.path().join("a.md"), "outside\n").unwrap();
    fs::remove_file(scene.file("a.md")).unwrap();
    symlink(outside.path().join("a.md"), scene.file("a.md")).unwrap();
    fs::remove_dir_all(scene.file("d")).unwrap();
    symlink(outside.path(), scene.file("d")).unwrap();
    symlink(outside.path(), scene.file("e")).unwrap();
    scene.edit(json!({ "a.md": "a2\n", "d/b.md": "b2\n", "e/new.md": "n\n" }), &[]).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!(synced.skipped.len(), 1, "{synced:?}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 2);
    for name in ["a.md", "b.md"] {
        assert_eq!(fs::read_to_string(outside.path().join(name)).unwrap(), "outside\n");
    }
    assert_eq!(scene.status().left_out.len(), 3);
    let reset = scene.open().reset().unwrap();
    assert_eq!(reset.skipped.len(), 2, "{reset:?}");
    assert!(scene.file("a.md").is_symlink());

    // Once the links are gone, the rest follows.
    for name in ["a.md", "d", "e"] {
        fs::remove_file(scene.file(name)).unwrap();
    }
    assert!(scene.sync().await.unwrap().skipped.is_empty());
    scene.open().reset().unwrap();
    assert_eq!(scene.read("d/b.md").unwrap(), "b2\n");
    assert_eq!(scene.read("e/new.md").unwrap(), "n\n");
}

#[tokio::test]
async fn a_folder_that_is_a_link_is_refused() {
    let scene = Scene::with(json!({ "a.md": "a\n" })).await;
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), scene.file("").components().as_path()).unwrap();
    let error = scene.sync().await.unwrap_err();
    assert!(matches!(error, Error::Mount { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);

    fs::remove_file(scene.root.path().join("kb")).unwrap();
    fs::create_dir(scene.root.path().join("kb")).unwrap();
    symlink(outside.path(), scene.file(".parall")).unwrap();
    let error = scene.sync().await.unwrap_err();
    assert!(matches!(error, Error::Mount { .. }), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_slug_is_never_a_path() {
    let scene = Scene::with(json!({})).await;
    for slug in ["", "..", ".", "a/b", "/x", ".hidden", "a\\b", "con", "a\u{0}"] {
        let mut wiki = scene.client.wiki("kb").await.unwrap();
        slug.clone_into(&mut wiki.slug);
        let error =
            sync(&scene.client, scene.root.path(), &wiki, &Options::default()).await.unwrap_err();
        assert!(matches!(error, Error::Mount { .. }), "{slug:?}: {error}");
        assert!(Workspace::mount(scene.root.path(), slug).is_err());
    }
    assert_eq!(fs::read_dir(scene.root.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn names_that_differ_in_case_or_that_others_forbid_work_here() {
    let files = json!({ "A.md": "1\n", "a.md": "2\n", "con": "3\n", "x:y?.md": "4\n", "ä/日本 .md": "5\n" });
    let scene = Scene::synced(files.clone()).await;
    for (path, text) in files.as_object().unwrap() {
        assert_eq!(scene.read(path).as_deref(), text.as_str(), "{path}");
    }
    assert!(scene.changes().is_empty());
}

#[tokio::test]
async fn a_file_in_the_way_of_a_folder_is_kept_until_it_goes() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    scene.write("docs", "mine\n");
    scene.write("page/x.md", "mine\n");
    scene.edit(json!({ "docs/b.md": "b\n", "page": "a page\n" }), &[]).await;
    let synced = scene.sync().await.unwrap();
    let skipped: Vec<_> = synced.skipped.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(skipped, ["docs/b.md", "page"]);
    assert_eq!(scene.read("docs").unwrap(), "mine\n");
    fs::remove_file(scene.file("docs")).unwrap();
    fs::remove_dir_all(scene.file("page")).unwrap();
    assert!(scene.sync().await.unwrap().skipped.is_empty());
    assert_eq!(scene.read("docs/b.md").unwrap(), "b\n");
    assert_eq!(scene.read("page").unwrap(), "a page\n");
}

#[tokio::test]
async fn a_file_becomes_a_folder_and_a_folder_a_file() {
    let scene = Scene::synced(json!({ "x": "file\n", "y/z.md": "z\n" })).await;
    scene.edit(json!({ "x/w.md": "w\n", "y": "file\n" }), &["x", "y/z.md"]).await;
    let synced = scene.sync().await.unwrap();
    assert!(synced.skipped.is_empty(), "{synced:?}");
    assert_eq!(scene.read("x/w.md").unwrap(), "w\n");
    assert_eq!(scene.read("y").unwrap(), "file\n");
}

#[tokio::test]
async fn hidden_and_odd_files_are_not_proposed() {
    let scene = Scene::synced(json!({ "a.md": "a\n", ".known": "k\n" })).await;
    scene.write(".env", "SECRET=1\n");
    scene.write(".git/config", "x\n");
    scene.write(".known", "edited\n");
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff.md");
    fs::write(scene.file("").join(name), "x").unwrap();
    assert_eq!(scene.changes(), ["Modified .known"]);
    assert_eq!(scene.status().left_out.len(), 3);
}
