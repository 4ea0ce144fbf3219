//! The project's local Parall server, as a process of its own.

use std::process::Stdio;

use parall::api::{Client, ClientOptions, Limits, Network};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::{options, quick};

/// A running server with its default organisation; ends when dropped.
pub(crate) struct LocalParall {
    pub(crate) url: String,
    _process: Child,
}

impl LocalParall {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let mut process = Command::new("node")
            .args([
                concat!(env!("CARGO_MANIFEST_DIR"), "/__test__/server/main.js"),
                "--port",
                "0",
                "--seed",
            ])
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs the local server");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).await.unwrap();
        let greeting: Value = serde_json::from_str(&line).expect("the server prints its address");
        Self { url: greeting["url"].as_str().unwrap().to_owned(), _process: process }
    }

    /// A client of the agent in the default organisation.
    pub(crate) fn client(&self) -> Client {
        self.client_with(quick())
    }

    pub(crate) fn client_with(&self, limits: Limits) -> Client {
        let options = ClientOptions { api_key: "key_agent".into(), ..options(&self.url) };
        Client::with(options, &Network::default(), limits).unwrap()
    }

    /// Calls a control; the answer has to be a success.
    pub(crate) async fn control(&self, name: &str, body: Value) -> Value {
        self.try_control(name, body).await.unwrap_or_else(|answer| panic!("{name}: {answer}"))
    }

    /// The same where the answer may be a refusal.
    pub(crate) async fn try_control(&self, name: &str, body: Value) -> Result<Value, String> {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let body = body.to_string();
        let length = body.len();
        let request = format!(
            "POST /_control/{name} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if !head.starts_with("HTTP/1.1 200") {
            return Err(answer);
        }
        Ok(serde_json::from_str(body).unwrap())
    }

    /// Switches a fault on.
    pub(crate) async fn fault(&self, name: &str, parameters: Value) {
        let mut body = json!({ "name": name });
        body.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        self.control("fault", body).await;
    }

    /// Ada writes to the agent; the message as the server keeps it.
    pub(crate) async fn ada_says(&self, text: &str) -> Value {
        self.control("say", json!({ "from": "usr_ada", "chat": "cht_Ada", "text": text })).await
    }

    /// Requests of a route so far.
    pub(crate) async fn requests(&self, route: &str) -> Vec<Value> {
        let snapshot = self.control("snapshot", json!({})).await;
        snapshot["requests"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|request| request["route"] == route)
            .cloned()
            .collect()
    }
}
