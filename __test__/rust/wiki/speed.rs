//! A large wiki: that it works. How fast it is, is measured by the benchmark.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::scene::Scene;

#[tokio::test]
async fn ten_thousand_files_work() {
    let files: Value = (0..10_000)
        .map(|number| (format!("{}/{number}.md", number % 100), json!(format!("page {number}\n"))))
        .collect();
    let scene = Scene::with(files).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!((synced.files, synced.added), (10_000, 10_000));
    assert!(scene.changes().is_empty());
    scene.write("7/7.md", "edited\n");
    scene.edit(json!({ "8/8.md": "edited there\n" }), &["9/9.md"]).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!((synced.added, synced.updated, synced.deleted), (0, 1, 1));
    assert_eq!(scene.changes(), ["Modified 7/7.md"]);
}

#[tokio::test]
async fn a_hundred_megabytes_work_and_a_large_text_is_not_merged() {
    let large = |name: u8| {
        let mut text = String::new();
        for line in 0..200_000 {
            let _ = writeln!(text, "line {line} of {name} and some more words to fill the page");
        }
        text
    };
    let files: Value = (0..10).map(|name| (format!("{name}.md"), json!(large(name)))).collect();
    let scene = Scene::synced(files).await;
    let first = scene.read("0.md").unwrap();
    assert_eq!(first.len(), large(0).len());
    scene.write("0.md", &format!("{first}mine\n"));
    scene.edit(json!({ "0.md": "short\n" }), &[]).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!((synced.conflicts.len(), synced.conflicts[0].marked), (1, false));
    assert!(scene.read("0.md").unwrap().ends_with("mine\n"));
}
