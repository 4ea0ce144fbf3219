//! Changesets.

use std::fs;

use parall::error::Coded;
use parall::wiki::Error;
use parall::wiki::propose::{Edit, propose, read_page};
use parall::wiki::workspace::{Options, saw_changeset, update_changeset};
use serde_json::{Value, json};

use crate::scene::Scene;

async fn update(scene: &Scene, id: &str, title: Option<&str>) -> Result<Value, Error> {
    let root = scene.root.path();
    let updated =
        update_changeset(&scene.client, root, "kb", id, title, &Options::default()).await?;
    Ok(Value::Object(updated.changeset))
}

#[tokio::test]
async fn edits_are_proposed_merged_and_come_back_as_the_base() {
    let scene = Scene::synced(json!({ "a.md": "a\n", "b.md": "b\n", "c.bin": "\u{0}1" })).await;
    scene.write("a.md", "a2\n");
    scene.write("c.bin", "\u{0}2");
    scene.write("d/e.md", "e\n");
    fs::remove_file(scene.file("b.md")).unwrap();
    let changeset = Value::Object(scene.propose("Tidy up").await.unwrap().changeset);
    assert_eq!((&changeset["title"], &changeset["status"]), (&json!("Tidy up"), &json!("open")));
    assert_eq!(changeset["files"].as_array().unwrap().len(), 4);
    assert_eq!(scene.changes().len(), 4, "nothing changes here before it is merged");

    scene.decide(&changeset["id"], None).await;
    let synced = scene.sync().await.unwrap();
    assert_eq!(
        (synced.added, synced.updated, synced.deleted, synced.conflicts.len()),
        (0, 0, 0, 0)
    );
    assert!(scene.changes().is_empty());
    let files = json!({ "a.md": "a2\n", "c.bin": "\u{0}2", "d/e.md": "e\n" });
    assert_eq!(scene.server_files().await, files);
    let error = scene.propose("Again").await.unwrap_err();
    assert!(matches!(error, Error::NoChanges), "{error}");
}

#[tokio::test]
async fn a_rejected_changeset_is_proposed_anew_with_its_title() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    scene.write("a.md", "draft\n");
    let changeset = Value::Object(scene.propose("Better words").await.unwrap().changeset);
    let id = changeset["id"].as_str().unwrap();
    scene.decide(&changeset["id"], Some("Too short")).await;

    scene.write("a.md", "a longer draft\n");
    let error = update(&scene, id, None).await.unwrap_err();
    assert_eq!(error.code(), "STALE_GENERATION");
    assert!(error.to_string().contains(&format!("parall wiki changeset show {id} kb")), "{error}");

    let shown = scene.client.wiki_changeset("kb", id).await.unwrap();
    assert_eq!(shown["feedback"][0]["body"], "Too short");
    saw_changeset(&mut scene.open(), &shown).unwrap();
    let updated = update(&scene, id, None).await.unwrap();
    assert_eq!((&updated["title"], &updated["status"]), (&json!("Better words"), &json!("open")));
    let updated = update(&scene, id, Some("Best words")).await.unwrap();
    assert_eq!(updated["title"], "Best words");
}

#[tokio::test]
async fn a_proposal_whose_answer_is_lost_is_found_and_made_once() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    scene.write("a.md", "a2\n");
    let lost = json!({ "route": "changesets.create", "times": 1 });
    scene.parall.fault("http.response_lost", lost).await;
    let changeset = scene.propose("Once").await.unwrap().changeset;
    assert_eq!(changeset["title"], "Once");
    let all = scene.client.wiki_changesets("kb", &[]).await.unwrap();
    assert_eq!(all["data"].as_array().unwrap().len(), 1);

    let lost = json!({ "route": "changesets.update", "times": 1 });
    scene.parall.fault("http.response_lost", lost).await;
    scene.write("a.md", "a3\n");
    let updated = update(&scene, changeset["id"].as_str().unwrap(), None).await.unwrap();
    assert_eq!(updated["generation"], 2);
}

#[tokio::test]
async fn a_proposal_that_never_arrived_is_not_taken_for_an_older_one() {
    let scene = Scene::synced(json!({ "a.md": "a\n" })).await;
    scene.write("a.md", "a2\n");
    scene.propose("Twice").await.unwrap();
    let close = json!({ "route": "changesets.create", "times": 1 });
    scene.parall.fault("http.close", close).await;
    let error = scene.propose("Twice").await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error}");
    assert!(error.to_string().contains("changeset list kb"), "{error}");
}

#[tokio::test]
async fn a_page_is_read_and_changed_without_a_workspace() {
    let scene = Scene::with(json!({ "a.md": "a\n", "old.md": "old\n", "x.bin": "\u{0}" })).await;
    let page = read_page(&scene.client, "kb", "a.md", None).await.unwrap();
    assert_eq!(page.text, "a\n");
    let old = read_page(&scene.client, "kb", "old.md", None).await.unwrap();
    let edit = |path: &str, text: Option<&str>, base: Option<&str>| Edit {
        path: path.into(),
        text: text.map(str::to_owned),
        base_hash: base.map(str::to_owned),
    };
    let edits = [
        edit("a.md", Some("a2\n"), Some(&page.hash)),
        edit("new.md", Some("new\n"), None),
        edit("old.md", None, Some(&old.hash)),
    ];
    let changeset =
        propose(&scene.client, "kb", &page.version, "From a tool", &edits).await.unwrap();
    scene.decide(&changeset["id"], None).await;
    let files = scene.server_files().await;
    assert_eq!(
        (&files["a.md"], &files["new.md"], &files["old.md"]),
        (&json!("a2\n"), &json!("new\n"), &Value::Null)
    );

    let error = read_page(&scene.client, "kb", "none.md", None).await.unwrap_err();
    assert!(matches!(error, Error::NoPage { .. }), "{error}");
    let error = read_page(&scene.client, "kb", "x.bin", None).await.unwrap_err();
    assert!(matches!(error, Error::NotText { .. }), "{error}");
    for path in ["../x", "", ".parall/wiki.db"] {
        let edits = [edit(path, Some("x"), None)];
        let error = propose(&scene.client, "kb", &page.version, "t", &edits).await.unwrap_err();
        assert!(matches!(error, Error::Unsuitable { .. }), "{error}");
    }
    let error = propose(&scene.client, "kb", &page.version, "t", &[]).await.unwrap_err();
    assert!(matches!(error, Error::NoChanges), "{error}");
}
