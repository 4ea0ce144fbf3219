//! How long the wiki's workspace takes with 10,000 small files, beside one request after another.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that prints"
)]

#[path = "../rust/support/local_parall.rs"]
#[expect(dead_code, reason = "shared with tests that use the rest of it")]
mod local_parall;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use local_parall::LocalParall;
use parall::api::{Client, ClientOptions, Limits, Secret};
use parall::wiki::Workspace;
use parall::wiki::workspace::{Options, sync};
use serde_json::{Value, json};

const FILES: usize = 10_000;
/// Round trips to the server, in milliseconds: loopback, and a near one over a network.
const DELAYS: [u64; 2] = [0, 10];
/// Files of the slow baseline; its time is scaled up.
const SAMPLE: usize = 500;

fn quick() -> Limits {
    Limits::default()
}

fn options(url: &str) -> ClientOptions {
    ClientOptions {
        parall_url: url.to_owned(),
        api_key: Secret::new("key_agent"),
        org_id: "org_demo".to_owned(),
        ws_url: None,
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let parall = LocalParall::start().await;
    let files: Value = (0..FILES)
        .map(|number| (format!("{}/{number}.md", number % 100), json!(format!("page {number}\n"))))
        .collect();
    parall.control("wiki", json!({ "slug": "kb", "files": files })).await;
    let client = parall.client();
    for delay in DELAYS {
        if delay > 0 {
            parall.fault("http.slow", json!({ "ms": delay })).await;
        }
        let root = tempfile::tempdir().unwrap();
        let one_by_one = one_by_one(&client, root.path()).await;
        let first = timed_sync(&client, root.path()).await;
        let ratio = one_by_one.as_secs_f64() / first.as_secs_f64();
        println!(
            "{delay} ms away: one by one {one_by_one:.2?} (from {SAMPLE}), sync {first:.2?}: {ratio:.1} times faster"
        );
        parall.control("clear_faults", json!({})).await;
        without_news(&client, root.path()).await;
    }
}

/// One request after another, each file written as it comes, without any of a sync's promises.
async fn one_by_one(client: &Client, root: &Path) -> Duration {
    let tree = client.wiki_tree_page("kb", "", true, None, None).await.unwrap();
    let folder = root.join("baseline");
    fs::create_dir(&folder).unwrap();
    let start = Instant::now();
    for number in 0..SAMPLE {
        let item = &tree.items[number % tree.items.len()];
        let bytes = client.wiki_blob("kb", item.hash.as_deref().unwrap(), 1 << 20).await.unwrap();
        fs::write(folder.join(number.to_string()), bytes).unwrap();
    }
    start.elapsed() * u32::try_from(FILES / SAMPLE).unwrap()
}

async fn timed_sync(client: &Client, root: &Path) -> Duration {
    let start = Instant::now();
    let wiki = client.wiki("kb").await.unwrap();
    let synced = sync(client, root, &wiki, &Options::default()).await.unwrap();
    assert_eq!(synced.files, FILES as u64);
    start.elapsed()
}

async fn without_news(client: &Client, root: &Path) {
    let open = || Workspace::open(root, "org_demo", "kb", Options::default()).unwrap();
    let timed = |work: &dyn Fn()| {
        work();
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let status = timed(&|| drop(open().status().unwrap()));
    fs::write(root.join("kb/7/7.md"), "edited\n").unwrap();
    let diff = timed(&|| drop(open().diff().unwrap()));
    let no_news = timed_sync(client, root).await;
    println!(
        "without news: sync {no_news:.1?} (200 ms), status {status:.1?} (300 ms), diff {diff:.1?} (300 ms)"
    );
}
