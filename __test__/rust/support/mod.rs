//! Servers and short cuts for tests.

mod certificates;
mod events;
mod local_parall;
mod raw_server;
mod socket_server;

use std::time::Duration;

use parall::api::{Client, ClientOptions, Limits, Network, Secret};

pub(crate) use self::certificates::Authority;
pub(crate) use self::events::Running;
pub(crate) use self::local_parall::LocalParall;
pub(crate) use self::raw_server::{RawServer, json_answer, read_head};
pub(crate) use self::socket_server::SocketServer;

/// A key that is looked for wherever it must not be.
pub(crate) const CANARY_KEY: &str = "prll_canary+key/1=";

/// How long a test waits for what has to come; only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Limits that let a test end soon.
pub(crate) fn quick() -> Limits {
    Limits { backoff: (Duration::from_millis(10), Duration::from_millis(40)), ..Limits::default() }
}

/// Options for a server with the canary as key.
pub(crate) fn options(url: &str) -> ClientOptions {
    ClientOptions {
        parall_url: url.to_owned(),
        api_key: Secret::new(CANARY_KEY),
        org_id: "org_demo".to_owned(),
        ws_url: None,
    }
}

/// A client without proxies.
pub(crate) fn client(url: &str) -> Client {
    Client::with(options(url), &Network::default(), quick()).unwrap()
}

/// Waits for something that has to come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it did not come")
}
