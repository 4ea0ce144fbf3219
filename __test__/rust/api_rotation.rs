//! A server that sends its clients away again and again, as at a deployment, and an account that answers all the while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parall::orchestrator::{
    Access, AccountOptions, DEFAULT_COLLECT_CHARACTERS, DEFAULT_MAX_WAITING, DEFAULT_SENDER_TURNS,
    DEFAULT_SENDER_WAITING, Gateway, Host, Level, MediaOptions, Replies, ReplyPart, Turn,
    TurnOutcome,
};
use serde_json::json;
use tokio::sync::watch;

use crate::support::{LocalParall, soon};

const ROTATIONS: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Answers every message with its text.
struct Echo {
    gateway: OnceLock<Weak<Gateway>>,
    /// How often there was a connection.
    connections: watch::Sender<usize>,
}

impl Host for Echo {
    fn run_turn(&self, turn: Turn) -> BoxFuture<'static, TurnOutcome> {
        let gateway = self.gateway.get().and_then(Weak::upgrade);
        async move {
            let part = ReplyPart {
                kind: "final".into(),
                text: Some(turn.raw_text),
                ..ReplyPart::default()
            };
            let delivered = gateway.unwrap().deliver(&turn.id, part).await;
            TurnOutcome {
                started: true,
                error: delivered.err().map(|error| error.to_string()),
                is_called_off: false,
            }
        }
        .boxed()
    }

    fn status(&self, _: String) {}

    fn log(&self, _: Level, message: String) {
        // The status does not show what is over within moments.
        if message == "connected" {
            self.connections.send_modify(|connections| *connections += 1);
        }
    }
}

fn serve(parall: &LocalParall) -> (Arc<Gateway>, Arc<Echo>) {
    let options = AccountOptions {
        account_id: "default".into(),
        agent_id: "main".into(),
        access: Access::default(),
        replies: Replies::Auto,
        state_folder: None,
        max_forks: 0,
        agent_turns: 8,
        max_text_bytes: 64 * 1024,
        sender_turns: DEFAULT_SENDER_TURNS,
        sender_waiting: DEFAULT_SENDER_WAITING,
        collect_events: 1,
        collect_characters: DEFAULT_COLLECT_CHARACTERS,
        max_waiting: DEFAULT_MAX_WAITING,
        turn_minutes: 0,
        media: MediaOptions::default(),
    };
    let echo = Arc::new(Echo { gateway: OnceLock::new(), connections: watch::Sender::default() });
    let gateway = Gateway::serve(Arc::new(parall.client()), options, Arc::<Echo>::clone(&echo));
    let gateway = Arc::new(gateway);
    echo.gateway.set(Arc::downgrade(&gateway)).unwrap();
    (gateway, echo)
}

/// What the agent said in Ada's chat, in order.
async fn answers(parall: &LocalParall) -> Vec<String> {
    let snapshot = parall.control("snapshot", json!({})).await;
    let messages = snapshot["messages"].as_array().unwrap().iter();
    messages
        .filter(|message| message["chat_id"] == "cht_Ada" && message["sender_id"] == "usr_agent")
        .map(|message| message["content"]["text"].as_str().unwrap().to_owned())
        .collect()
}

async fn rotate(generation: &str) {
    let parall = LocalParall::start_with(&["--generation", generation]).await;
    let (gateway, echo) = serve(&parall);
    let mut connections = echo.connections.subscribe();
    soon(connections.wait_for(|connections| *connections > 0)).await.unwrap();

    let done = AtomicBool::new(false);
    let speaking = async {
        let mut said = Vec::new();
        while !done.load(Ordering::Relaxed) {
            said.push(format!("message {}", said.len()));
            parall.ada_says(&said[said.len() - 1]).await;
            tokio::time::sleep(PAUSE).await;
        }
        said
    };
    let rotating = async {
        for number in 1..=ROTATIONS {
            let goodbye = json!({ "user": "usr_agent", "code": 1012, "reason": "restart" });
            parall.control("drop_sockets", goodbye).await;
            soon(connections.wait_for(|connections| *connections > number)).await.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    let (said, ()) = tokio::join!(speaking, rotating);

    let all = async {
        while answers(&parall).await.len() < said.len() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    soon(all).await;
    // Time for what comes twice.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(answers(&parall).await, said);
    gateway.close().await;
}

#[tokio::test]
async fn a_hundred_goodbyes_while_people_write_lose_and_double_nothing_at_a_server_with_inbox() {
    rotate("inbox").await;
}

#[tokio::test]
async fn a_hundred_goodbyes_while_people_write_lose_and_double_nothing_at_a_server_without() {
    rotate("events").await;
}
