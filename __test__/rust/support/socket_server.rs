//! A server that hands out tickets and leaves each socket to the test.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use futures_util::{SinkExt, StreamExt};

use super::{RawServer, json_answer, read_head, soon};

/// The ticket it hands out; looked for wherever it must not be.
const TICKET: &str = "ticket_canary+1/=";

/// A ticket desk and a socket on one port.
pub(crate) struct SocketServer {
    _desk: RawServer,
    pub(crate) url: String,
    visitors: mpsc::UnboundedReceiver<Visitor>,
}

/// One open socket, and the request line that opened it.
pub(crate) struct Visitor {
    pub(crate) request_line: String,
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl SocketServer {
    pub(crate) const TICKET: &'static str = TICKET;

    pub(crate) async fn start() -> Self {
        let (sender, visitors) = mpsc::unbounded_channel();
        let desk = RawServer::start(move |mut stream| {
            let sender = sender.clone();
            async move {
                let request_line = peek_line(&stream).await;
                if request_line.starts_with("POST") {
                    read_head(&mut stream).await;
                    let body = format!(r#"{{"ticket":"{TICKET}"}}"#);
                    let _ = stream.write_all(json_answer("200 OK", "", &body).as_bytes()).await;
                } else if let Ok(socket) = accept_async(stream).await {
                    // A test that has seen enough does not listen any more.
                    let _ = sender.send(Visitor { request_line, socket });
                }
            }
        })
        .await;
        Self { url: desk.url(), _desk: desk, visitors }
    }

    /// The next socket, greeted.
    pub(crate) async fn visitor(&mut self) -> Visitor {
        let mut visitor = soon(self.visitors.recv()).await.unwrap();
        visitor.say(r#"{"type":"hello","data":{}}"#).await;
        visitor
    }
}

impl Visitor {
    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message, whatever it is; `None` at the end.
    pub(crate) async fn hear(&mut self) -> Option<Message> {
        soon(self.socket.next()).await.and_then(Result::ok)
    }
}

async fn peek_line(stream: &TcpStream) -> String {
    let mut bytes = [0; 1024];
    loop {
        let length = stream.peek(&mut bytes).await.unwrap_or(0);
        let text = String::from_utf8_lossy(&bytes[..length]);
        if let Some((line, _)) = text.split_once("\r\n") {
            return line.to_owned();
        }
        if length == 0 {
            return String::new();
        }
        tokio::task::yield_now().await;
    }
}
