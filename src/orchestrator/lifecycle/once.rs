//! What a process does that runs no account: send one text, or see whether an account would work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::{Client, ClientOptions, socket, socket::SocketEvent};
use crate::error::{Coded, chain};
use crate::orchestrator::context::Context;
use crate::orchestrator::delivery::outbox::{Outbox, Replies};
use crate::orchestrator::error::Error;
use crate::orchestrator::host::{Host, Level, Outgoing, Turn, TurnOutcome};
use crate::orchestrator::loops::budget::DEFAULT_TURNS;
use crate::orchestrator::loops::guard::LoopGuard;

/// How long a single send is tried; somebody waits at a prompt.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many socket events a probe may leave unread.
const PROBE_EVENTS: usize = 16;

/// Sends a text with files, if any, and returns the id of the message or comment.
pub async fn send(
    options: ClientOptions,
    to: &str,
    outgoing: &Outgoing,
    thread: Option<&str>,
) -> Result<String, Error> {
    let target = to.parse()?;
    let client = Client::new(options).map_err(|error| Error::Setup(Box::new(error)))?;
    let context = Arc::new(Context::new(Arc::new(client), Arc::new(Nobody), PATIENCE));
    let outbox = Outbox::new(
        context,
        Arc::default(),
        Arc::new(LoopGuard::new(DEFAULT_TURNS)),
        Replies::Auto,
    );
    outbox.send(&target, outgoing, thread, None).await
}

/// What a probe found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Key, organisation and socket all work.
    pub ok: bool,
    /// `usr_...` of the agent that the key belongs to.
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// What does not work.
    pub error: Option<String>,
    /// Stable code of the error.
    pub code: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Goes the way a running account goes: who am I, ticket, socket, hello.
pub async fn probe(options: ClientOptions, limit: Duration) -> Probe {
    let started = Instant::now();
    let mut probe = Probe::default();
    let result = tokio::time::timeout(limit, go(options, &mut probe)).await;
    match result {
        Ok(Ok(())) => probe.ok = true,
        Ok(Err((code, error))) => (probe.code, probe.error) = (Some(code.to_owned()), Some(error)),
        Err(_) => {
            probe.code = Some("PARALL_TIMEOUT".to_owned());
            probe.error = Some(format!("no answer within {} s", limit.as_secs_f32()));
        }
    }
    probe.elapsed = started.elapsed();
    probe
}

async fn go(options: ClientOptions, probe: &mut Probe) -> Result<(), (&'static str, String)> {
    let client = Client::new(options).map_err(|error| (error.code(), chain(&error)))?;
    let agent = client.agent().await.map_err(|error| (error.code(), chain(&error)))?;
    probe.agent_id = Some(agent.id);
    probe.agent_name = agent.display_name;
    let (sender, mut events) = mpsc::channel(PROBE_EVENTS);
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone().drop_guard();
    let task = tokio::spawn(socket::run(client, None, sender, shutdown));
    let found = loop {
        match events.recv().await {
            Some(SocketEvent::Connected) => break Ok(()),
            Some(SocketEvent::Refused { error, .. }) => break Err((error.code(), chain(&error))),
            Some(SocketEvent::Disconnected { error, .. }) => break Err(("PARALL_SOCKET", error)),
            Some(_) => {}
            None => break Err(("PARALL_SOCKET", "the connection ended without a word".to_owned())),
        }
    };
    drop(stop);
    // The task only fails when it panicked; the probe's finding counts either way.
    let _ = task.await;
    found
}

/// A host for calls that run no turn.
struct Nobody;

impl Host for Nobody {
    fn run_turn(&self, _: Turn) -> BoxFuture<'static, TurnOutcome> {
        async { TurnOutcome::default() }.boxed()
    }

    fn status(&self, _: String) {}

    fn log(&self, _: Level, _: String) {}
}
