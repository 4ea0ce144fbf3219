//! The process dies in the middle of a refresh: the user's file is the old one or the new one, whole.
//!
//! `PARALL_CRASH_ROUNDS` says how often; the suite runs a few rounds, `npm run test:config:long` a thousand.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use parall::config::{Gate, Manager, ManagerOptions, Trust};
use parall::fs::Step;
use serde_json::json;

use crate::platform::{KEY, Place, Script};

const ROUNDS: &str = "PARALL_CRASH_ROUNDS";
/// Tell a copy of this program where to work, which version to apply and after which step to die.
const FOLDER: &str = "PARALL_CRASH_FOLDER";
const VERSION: &str = "PARALL_CRASH_VERSION";
const DEADLY: &str = "PARALL_CRASH_STEP";
const STEPS: [Step; 6] = [
    Step::Created,
    Step::Written,
    Step::Attributed,
    Step::Synced,
    Step::Renamed,
    Step::FolderSynced,
];
/// Long enough that a write is more than one block.
const FOREIGN_LINES: usize = 2_000;

fn config(version: &str) -> String {
    let provider = json!({ "baseUrl": format!("https://p/{version}"), "models": [] });
    json!({ "version": version, "config": { "models": { "providers": { "parall": provider } } } })
        .to_string()
}

/// What the file holds once a version is applied.
fn expected(foreign: &str, version: &str) -> String {
    format!(
        "{{{foreign}\n  models: {{ providers: {{ parall: {{ baseUrl: \"https://p/{version}\", models: [], apiKey: '{KEY}' }} }} }} }}"
    )
}

fn die() {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .unwrap();
}

/// Not a test of its own: what the copies of this program do.
#[tokio::test]
async fn child_refreshes_the_configuration() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let deadly = env::var(DEADLY).unwrap();
    let observer = move |step: Step| {
        if format!("{step:?}") == deadly {
            die();
        }
    };
    let options = ManagerOptions {
        api_key: KEY.into(),
        state_dir: folder.join("state"),
        config_path: folder.join("openclaw.json"),
        trust: Trust::new("https://p", None, &[]),
        gate: Gate::default(),
        observer: Some(Arc::new(observer)),
    };
    let outcome =
        Manager::new(Script::sends(config(&env::var(VERSION).unwrap())), options).refresh().await;
    assert!(outcome.unwrap().written);
}

/// Starts a refresh that dies after `step`, or whenever the test kills it.
fn crash(folder: &Path, version: &str, step: Option<Step>) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "config_crash::child_refreshes_the_configuration", "--test-threads", "1"])
        .env(FOLDER, folder)
        .env(VERSION, version)
        .env(DEADLY, step.map_or_else(String::new, |step| format!("{step:?}")))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if step.is_none() {
        sleep(Duration::from_micros(fastrand::u64(..12_000)));
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    assert!(step.is_none() || !status.success(), "the process was to die");
}

#[test]
fn a_process_that_dies_at_any_moment_leaves_the_old_or_the_new_file() {
    let rounds: usize = env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(28);
    let lines = (0..FOREIGN_LINES).map(|line| format!("\n  f{line}: {line}, // {line}"));
    let foreign = lines.collect::<Vec<_>>().concat();
    let place = Place::with(expected(&foreign, "v0"));
    fs::set_permissions(&place.config, fs::Permissions::from_mode(0o600)).unwrap();
    let mut current = "v0".to_owned();
    let mut written = 0;
    for round in 1..=rounds {
        let next = format!("v{round}");
        // Every step in turn, and every seventh time a moment of its own.
        let step = STEPS.get(round % (STEPS.len() + 1)).copied();
        crash(place.folder.path(), &next, step);
        let text = place.text();
        let is_new = text == expected(&foreign, &next);
        assert!(
            is_new || text == expected(&foreign, &current),
            "round {round}, {step:?}: {} bytes",
            text.len()
        );
        if let Some(step) = step {
            assert_eq!(
                is_new,
                matches!(step, Step::Renamed | Step::FolderSynced),
                "round {round}, {step:?}"
            );
        }
        if is_new {
            current = next;
            written += 1;
        }
        let cache = fs::read_to_string(place.state.join("parall-platform-config.json"))
            .unwrap_or(config("none"));
        serde_json::from_str::<serde_json::Value>(&cache).expect("the cache is whole");
    }
    assert!(written * 7 >= rounds, "{written} of {rounds}");
    for name in place.names().into_iter().filter(|name| name != "openclaw.json") {
        assert!(name.starts_with(".openclaw.json.parall-"), "{name}");
        let mode = fs::metadata(place.folder.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7177, 0, "{name} may hold a key");
    }
}
