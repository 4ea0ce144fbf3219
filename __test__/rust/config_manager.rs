//! The rules of a refresh: what is fetched, remembered and applied, when, and how often.

use std::fs;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::platform::{CONFIG, KEY, Place, Script};
use parall::api::PlatformConfigAnswer::{self, Absent, Changed, Unchanged};
use parall::config::{Answer, Level, Manager, ManagerOptions, Outcome, PlatformSource, Status};
use parall::error::Coded;
use parall::fs::Step;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

const CACHE: &str = "parall-platform-config.json";

fn model(version: &str) -> String {
    json!({ "version": version, "config": { "agents": { "defaults": { "model": format!("parall/{version}") } } } }).to_string()
}

async fn refresh(place: &Place, answer: Result<PlatformConfigAnswer, &'static str>) -> Outcome {
    place.manager(Script::of([answer])).refresh().await.unwrap()
}

fn summary(outcome: &Outcome) -> (Status, Option<&str>, bool) {
    (outcome.status, outcome.version.as_deref(), outcome.written)
}

fn worst(outcome: &Outcome) -> Option<Level> {
    let rank = |level: &Level| {
        [Level::Info, Level::Warn, Level::Error].iter().position(|other| other == level)
    };
    outcome.notes.iter().map(|note| note.level).max_by_key(rank)
}

fn cache(place: &Place) -> Value {
    serde_json::from_str(&fs::read_to_string(place.state.join(CACHE)).unwrap()).unwrap()
}

#[tokio::test]
async fn a_new_version_is_applied_and_remembered_as_1_12_0_does() {
    let place = Place::with("{}");
    let source = Script::of([Ok(Changed(CONFIG.to_owned())), Ok(Unchanged)]);
    let manager = place.manager(Arc::clone(&source) as Arc<dyn PlatformSource>);
    assert_eq!(summary(&manager.refresh().await.unwrap()), (Status::Updated, Some("v1"), true));
    let cached = cache(&place);
    let sent: Value = serde_json::from_str(CONFIG).unwrap();
    assert_eq!((&cached["version"], &cached["config"]), (&sent["version"], &sent["config"]));
    assert!(cached["fetchedAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(cached.as_object().unwrap().len(), 3);
    assert_eq!(summary(&manager.refresh().await.unwrap()), (Status::Unchanged, Some("v1"), false));
    assert_eq!(*source.asked.lock().unwrap(), [None, Some("v1".to_owned())]);
}

#[tokio::test]
async fn the_cache_of_1_12_0_is_read() {
    let place = Place::with("{}");
    let old = format!("{}, \"fetchedAt\": 1764000000000}}", &model("7")[..model("7").len() - 1]);
    fs::write(place.state.join(CACHE), old).unwrap();
    let source = Script::of([Ok(Unchanged)]);
    let outcome =
        place.manager(Arc::clone(&source) as Arc<dyn PlatformSource>).refresh().await.unwrap();
    assert_eq!(summary(&outcome), (Status::Updated, Some("7"), true));
    assert!(place.text().contains("parall/7"));
    assert_eq!(*source.asked.lock().unwrap(), [Some("7".to_owned())]);
}

#[tokio::test]
async fn without_the_platform_the_last_known_good_one_is_applied() {
    let place = Place::with("{}");
    refresh(&place, Ok(Changed(model("1")))).await;
    fs::write(&place.config, "{}").unwrap();
    let outcome = refresh(&place, Err("no network")).await;
    assert_eq!(
        (summary(&outcome), worst(&outcome)),
        ((Status::Cached, Some("1"), true), Some(Level::Warn))
    );
    assert!(place.text().contains("parall/1"));
    let outcome = refresh(&place, Err("no network")).await;
    assert_eq!(summary(&outcome), (Status::Cached, Some("1"), false));
}

#[tokio::test]
async fn without_the_platform_and_without_a_cache_things_go_on_as_they_are() {
    let place = Place::with("{}");
    for answer in [Err("no network"), Ok(Unchanged)] {
        let outcome = refresh(&place, answer).await;
        assert_eq!(
            (summary(&outcome), worst(&outcome)),
            ((Status::Unavailable, None, false), Some(Level::Error))
        );
        assert_eq!(place.text(), "{}");
    }
}

#[tokio::test]
async fn a_platform_without_a_configuration_is_nothing_to_worry_about() {
    let place = Place::with("{}");
    let outcome = refresh(&place, Ok(Absent)).await;
    assert_eq!(
        (summary(&outcome), worst(&outcome)),
        ((Status::Absent, None, false), Some(Level::Info))
    );
    assert_eq!((place.text().as_str(), outcome.summary().as_str()), ("{}", "none"));

    refresh(&place, Ok(Changed(model("1")))).await;
    let outcome = refresh(&place, Ok(Absent)).await;
    assert_eq!(
        (summary(&outcome), worst(&outcome)),
        ((Status::Cached, Some("1"), false), Some(Level::Info))
    );
}

#[tokio::test]
async fn what_must_not_be_applied_is_refused_and_the_last_known_good_one_stays() {
    let provider = |fields: &str| {
        format!(r#"{{"version":"2","config":{{"models":{{"providers":{{"parall":{fields}}}}}}}}}"#)
    };
    let bad = [
        r#"{"version":"2","schema_version":2,"config":{}}"#.to_owned(),
        r#"{"version":"2","schema_version":"1","config":{}}"#.to_owned(),
        r#"{"version":"2","config":[]}"#.to_owned(),
        r#"{"config":{}}"#.to_owned(),
        "[]".to_owned(),
        provider(r#"{"baseUrl":"https://p"}"#),
        provider(r#"{"models":[]}"#),
        provider(r#"{"baseUrl":"https://p","models":{}}"#),
        provider(r#""text""#),
    ];
    for text in bad {
        let place = Place::with("{}");
        let outcome = refresh(&place, Ok(Changed(text.clone()))).await;
        assert_eq!(
            (summary(&outcome), worst(&outcome)),
            ((Status::Refused, None, false), Some(Level::Error)),
            "{text}"
        );
        assert_eq!(place.text(), "{}");
        assert!(!place.state.join(CACHE).exists(), "{text}");

        refresh(&place, Ok(Changed(model("1")))).await;
        fs::write(&place.config, "{}").unwrap();
        let outcome = refresh(&place, Ok(Changed(text.clone()))).await;
        assert_eq!(summary(&outcome), (Status::Refused, Some("1"), true), "{text}");
        assert!(place.text().contains("parall/1"));
        assert_eq!(cache(&place)["version"], "1");
    }
}

#[tokio::test]
async fn a_provider_that_the_user_completes_is_complete() {
    let place = Place::with("{ models: { providers: { parall: { models: [] } } } }");
    let sent =
        r#"{"version":"2","config":{"models":{"providers":{"parall":{"baseUrl":"https://p"}}}}}"#;
    assert_eq!(refresh(&place, Ok(Changed(sent.to_owned()))).await.status, Status::Updated);
}

#[tokio::test]
async fn the_same_checks_guard_the_cache() {
    for bad in [
        r#"{"version":"9","schema_version":2,"config":{"agents":{"defaults":{"model":"x/y"}}}}"#,
        r#"{"version":"9","config":{"agents":{"defaults":{"model":5}}}}"#,
    ] {
        let place = Place::with("{}");
        fs::write(place.state.join(CACHE), bad).unwrap();
        let source = Script::of([Err("no network")]);
        let outcome =
            place.manager(Arc::clone(&source) as Arc<dyn PlatformSource>).refresh().await.unwrap();
        assert_eq!(summary(&outcome), (Status::Unavailable, None, false));
        assert_eq!(
            (place.text().as_str(), fs::read_to_string(place.state.join(CACHE)).unwrap().as_str()),
            ("{}", bad)
        );
        assert_eq!(*source.asked.lock().unwrap(), [None]);
    }
}

#[tokio::test]
async fn a_damaged_cache_is_set_aside_and_told() {
    let place = Place::with("{}");
    fs::write(place.state.join(CACHE), "{\"version\": \"1\", \"con").unwrap();
    let outcome = refresh(&place, Err("no network")).await;
    assert_eq!(outcome.status, Status::Unavailable);
    assert!(
        outcome.notes.iter().any(|note| note.message.contains(".corrupt-")),
        "{:?}",
        outcome.notes
    );
    let names: Vec<_> = fs::read_dir(&place.state)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.len() == 1 && names[0].starts_with("parall-platform-config.json.corrupt-2"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_cache_that_cannot_be_written_does_not_keep_the_update_away() {
    let place = Place::with("{}");
    fs::remove_dir(&place.state).unwrap();
    let outcome = refresh(&place, Ok(Changed(model("1")))).await;
    assert_eq!((outcome.status, worst(&outcome)), (Status::Updated, Some(Level::Warn)));
}

#[tokio::test]
async fn an_equal_config_writes_neither_file() {
    let place = Place::with("{}");
    refresh(&place, Ok(Changed(CONFIG.to_owned()))).await;
    let files = [place.config.clone(), place.state.join(CACHE)];
    let times = || files.clone().map(|file| fs::metadata(file).unwrap().modified().unwrap());
    let before = times();
    for answer in [Ok(Changed(CONFIG.to_owned())), Ok(Unchanged), Err("no network")] {
        assert!(!refresh(&place, answer).await.written);
        assert_eq!(times(), before);
    }
}

#[tokio::test]
async fn a_file_that_must_not_be_touched_is_an_error_and_the_update_is_remembered() {
    let place = Place::with("{ agents: 'mine' }");
    let manager = place.manager(Script::sends(model("1")));
    assert_eq!(manager.refresh().await.unwrap_err().code(), "PARALL_CONFIG_SHAPE");
    assert_eq!(cache(&place)["version"], "1");
    fs::write(&place.config, "{}").unwrap();
    assert_eq!(
        summary(&refresh(&place, Err("no network")).await),
        (Status::Cached, Some("1"), true)
    );
}

#[tokio::test]
async fn a_preview_writes_nothing() {
    let place = Place::with("{}");
    let outcome = place.manager(Script::sends(CONFIG)).preview().await.unwrap();
    let paths: Vec<_> = outcome.changes.iter().map(|change| change.path.as_str()).collect();
    let provider =
        ["baseUrl", "models", "apiKey"].map(|key| format!("models.providers.parall.{key}"));
    assert_eq!(paths, [&provider[0], &provider[1], &provider[2], "agents.defaults.model"]);
    assert!(!outcome.written && !format!("{outcome:?}").contains(KEY));
    assert_eq!(place.text(), "{}");
    assert_eq!(fs::read_dir(&place.state).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_is_written_while_a_turn_runs() {
    let place = Place::with("{}");
    let turn = place.gate.turn().await;
    let source = Script::sends(model("1"));
    let manager = Arc::new(place.manager(Arc::clone(&source) as Arc<dyn PlatformSource>));
    let waiting = tokio::spawn({
        let manager = Arc::clone(&manager);
        async move { manager.refresh().await }
    });
    while source.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    // Others, which wait for no turn, do the same work from the start, several times over.
    for _ in 0..5 {
        assert!(refresh(&Place::with("{}"), Ok(Changed(model("1")))).await.written);
    }
    assert!(!waiting.is_finished());
    assert_eq!(place.text(), "{}");
    drop(turn);
    assert!(waiting.await.unwrap().unwrap().written);
    assert!(place.text().contains("parall/1"));
}

#[tokio::test]
async fn a_change_that_another_program_makes_meanwhile_is_kept() {
    let place = Place::with("{ theirs: 1 }");
    let writes = Arc::new(AtomicUsize::new(0));
    let (path, count) = (place.config.clone(), Arc::clone(&writes));
    let interfere = move |step| {
        // Just before the rename, twice.
        if step == Step::Synced && count.fetch_add(1, Ordering::SeqCst) < 2 {
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("theirs: ", "theirs: 1")).unwrap();
        }
    };
    let options = ManagerOptions { observer: Some(Arc::new(interfere)), ..place.options() };
    let manager = Manager::new(Script::sends(model("1")), options);
    assert!(manager.refresh().await.unwrap().written);
    assert!(place.text().starts_with("{ theirs: 111, \"agents\": "), "{}", place.text());
    assert_eq!(writes.load(Ordering::SeqCst), 3);
    assert_eq!(place.names(), ["openclaw.json"]);
}

#[tokio::test]
async fn a_file_that_changes_all_the_time_is_left_to_the_others() {
    let place = Place::with("{ theirs: 1 }");
    let path = place.config.clone();
    let interfere = move |step| {
        if step == Step::Synced {
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace("theirs: ", "theirs: 1")).unwrap();
        }
    };
    let options = ManagerOptions { observer: Some(Arc::new(interfere)), ..place.options() };
    let error = Manager::new(Script::sends(model("1")), options).refresh().await.unwrap_err();
    assert_eq!(error.code(), "PARALL_FILE_CHANGED");
    assert_eq!(place.text(), "{ theirs: 111111 }");
}

/// A platform that holds its answers back until the test lets them go.
struct Slow {
    calls: AtomicUsize,
    entered: mpsc::UnboundedSender<usize>,
    release: Semaphore,
}

impl PlatformSource for Slow {
    fn fetch<'a>(
        &'a self,
        _version: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move {
            self.entered.send(call).unwrap();
            self.release.acquire().await.unwrap().forget();
            Ok(Changed(model(&call.to_string())))
        })
    }
}

#[tokio::test]
async fn a_burst_of_updates_is_one_write_of_the_newest() {
    let place = Place::with("{}");
    let (entered, mut calls) = mpsc::unbounded_channel();
    let source = Arc::new(Slow { calls: AtomicUsize::new(0), entered, release: Semaphore::new(0) });
    let manager = Arc::new(place.manager(Arc::clone(&source) as Arc<dyn PlatformSource>));
    let run = |manager: &Arc<Manager>| {
        let manager = Arc::clone(manager);
        tokio::spawn(async move { manager.refresh().await })
    };
    let mut all = vec![run(&manager)];
    assert_eq!(calls.recv().await, Some(1));
    all.extend((0..20).map(|_| run(&manager)));
    tokio::task::yield_now().await;
    source.release.add_permits(1);
    assert_eq!(calls.recv().await, Some(2));
    assert_eq!(place.text(), "{}");
    source.release.add_permits(1);
    let mut outcomes = Vec::new();
    for task in all {
        outcomes.push(task.await.unwrap().unwrap());
    }
    assert!(outcomes.iter().all(|outcome| outcome == &outcomes[0]));
    assert_eq!(summary(&outcomes[0]), (Status::Updated, Some("2"), true));
    assert_eq!(source.calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_platform_that_never_rests_does_not_keep_a_refresh_from_ending() {
    let place = Place::with("{}");
    let (entered, mut calls) = mpsc::unbounded_channel();
    let source = Arc::new(Slow { calls: AtomicUsize::new(0), entered, release: Semaphore::new(0) });
    let manager = Arc::new(place.manager(Arc::clone(&source) as Arc<dyn PlatformSource>));
    let ask = || {
        let manager = Arc::clone(&manager);
        tokio::spawn(async move { manager.refresh().await })
    };
    let first = ask();
    let restless = async {
        while let Some(_call) = calls.recv().await {
            drop(ask());
            tokio::task::yield_now().await;
            source.release.add_permits(1);
        }
    };
    tokio::select! {
        outcome = first => assert!(outcome.unwrap().unwrap().written),
        () = restless => unreachable!("the source is still there"),
    }
}
