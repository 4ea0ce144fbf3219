//! One open socket, from the handshake to its end.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use reqwest::Upgraded;
use serde::Deserialize;
use tokio::sync::mpsc::{self, Permit};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_util::sync::CancellationToken;

use super::super::client::Client;
use super::super::dialer::{LARGEST_FRAME, Open};
use super::super::error::Error;
use super::super::secret::Secret;
use super::super::wire::PingFrame;
use super::event::SocketEvent;
use super::vitals::Vitals;
use crate::api::wire::lenient::number;
use crate::api::wire::types::Frame;
use crate::text::one_line;

/// How often the clocks are compared.
const CLOCK_CHECK: Duration = Duration::from_secs(1);
/// How long the network may take to accept a heartbeat.
const LONGEST_SEND: Duration = Duration::from_secs(10);
/// How long a goodbye may take.
const LONGEST_GOODBYE: Duration = Duration::from_millis(50);
/// Longest text of a server's goodbye or of a parser that is shown.
const LONGEST_REASON: usize = 200;

/// How a connection ended.
pub(super) enum End {
    /// The account stops, or nobody listens any more.
    Stopped,
    /// By the server, the network or a fault.
    Lost(Error),
}

#[derive(Default, Deserialize)]
struct Hello {
    #[serde(default, deserialize_with = "number")]
    heartbeat_interval: Option<f64>,
}

struct Connection<'a> {
    socket: WebSocketStream<Upgraded>,
    vitals: Vitals,
    heartbeat: Interval,
    ignored: u64,
    cursor: &'a mut Option<u64>,
    client: &'a Client,
    ticket: Secret,
}

/// Reads until the end. A place in the queue is taken before a frame is read, so a slow listener slows the server down and
/// loses nothing.
pub(super) async fn run(
    open: Open,
    client: &Client,
    cursor: &mut Option<u64>,
    events: &mpsc::Sender<SocketEvent>,
    shutdown: &CancellationToken,
) -> End {
    let vitals = Vitals::new(*client.limits(), Instant::now());
    let heartbeat = timer(vitals.heartbeat());
    let mut connection = Connection {
        socket: open.socket,
        vitals,
        heartbeat,
        ignored: 0,
        cursor,
        client,
        ticket: open.ticket,
    };
    let end = tokio::select! {
        biased;
        () = shutdown.cancelled() => End::Stopped,
        end = connection.serve(events) => end,
    };
    let code = if matches!(end, End::Stopped) { CloseCode::Normal } else { CloseCode::Away };
    let goodbye = CloseFrame { code, reason: "".into() };
    // A courtesy: the server also notices without it.
    let _ = tokio::time::timeout(LONGEST_GOODBYE, connection.socket.close(Some(goodbye))).await;
    end
}

impl Connection<'_> {
    async fn serve(&mut self, events: &mpsc::Sender<SocketEvent>) -> End {
        let mut clock = timer(CLOCK_CHECK);
        let mut place = None;
        loop {
            let result = tokio::select! {
                biased;
                () = events.closed() => return End::Stopped,
                _ = self.heartbeat.tick() => self.beat().await,
                _ = clock.tick() => if self.vitals.woke(Instant::now()) { self.beat().await } else { Ok(()) },
                reserved = events.reserve(), if place.is_none() => match reserved {
                    Ok(reserved) => {
                        // While nothing was read, nothing could be heard.
                        self.vitals.heard(Instant::now());
                        place = Some(reserved);
                        Ok(())
                    }
                    Err(_) => return End::Stopped,
                },
                message = self.socket.next(), if place.is_some() => self.hear(message, &mut place),
                () = tokio::time::sleep_until(self.vitals.deadline()), if place.is_some() => Err(self.vitals.missed()),
            };
            if let Err(reason) = result {
                let reason = self.client.http().redact(&reason, &[&self.ticket]);
                return End::Lost(Error::SocketClosed {
                    reason: one_line(&reason, LONGEST_REASON),
                });
            }
        }
    }

    /// Sends both heartbeats: Parall's own, and the WebSocket's for servers that do not answer the former.
    async fn beat(&mut self) -> Result<(), String> {
        let since_epoch =
            (self.client.limits().wall_clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ping = PingFrame::at(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
        let text = serde_json::to_string(&ping).map_err(|error| error.to_string())?;
        let socket = &mut self.socket;
        let sending = async move {
            socket.feed(Message::text(text)).await?;
            socket.send(Message::Ping(Bytes::new())).await
        };
        match tokio::time::timeout(LONGEST_SEND, sending).await {
            Ok(sent) => sent.map_err(|error| explain(&error)),
            Err(_) => {
                Err("a heartbeat could not be sent; the network takes nothing more".to_owned())
            }
        }
    }

    /// Takes one message; the place is used up when there is something to tell.
    fn hear(
        &mut self,
        message: Option<Result<Message, SocketError>>,
        place: &mut Option<Permit<'_, SocketEvent>>,
    ) -> Result<(), String> {
        let event = match message {
            None => return Err("the connection broke without a goodbye".to_owned()),
            Some(Err(error)) => return Err(explain(&error)),
            Some(Ok(Message::Close(frame))) => return Err(goodbye(frame.as_ref())),
            Some(Ok(Message::Text(text))) => self.read(&text),
            Some(Ok(Message::Binary(_))) => self.ignore("it is binary"),
            Some(Ok(Message::Pong(_))) => Some(SocketEvent::Heartbeat),
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => None,
        };
        self.vitals.heard(Instant::now());
        if let Some(event) = event
            && let Some(place) = place.take()
        {
            place.send(event);
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> Option<SocketEvent> {
        let frame: Frame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return self.ignore(&error.to_string()),
        };
        *self.cursor = (*self.cursor).max(frame.seq);
        match frame.kind.as_str() {
            "hello" => self.greet(&frame),
            "pong" => Some(SocketEvent::Heartbeat),
            _ => Some(SocketEvent::Frame(frame)),
        }
    }

    fn greet(&mut self, frame: &Frame) -> Option<SocketEvent> {
        let hello: Hello = frame
            .data
            .as_ref()
            .and_then(|data| serde_json::from_str(data.get()).ok())
            .unwrap_or_default();
        let first = self.vitals.greeted(hello.heartbeat_interval, Instant::now());
        self.heartbeat = timer(self.vitals.heartbeat());
        first.then_some(SocketEvent::Connected)
    }

    fn ignore(&mut self, reason: &str) -> Option<SocketEvent> {
        self.ignored += 1;
        let count = self.ignored;
        count.is_power_of_two().then(|| {
            let reason = self.client.http().redact(reason, &[&self.ticket]);
            SocketEvent::Ignored { reason: one_line(&reason, LONGEST_REASON), count }
        })
    }
}

fn timer(period: Duration) -> Interval {
    let mut timer = interval_at(Instant::now() + period, period);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

fn goodbye(frame: Option<&CloseFrame>) -> String {
    match frame {
        Some(frame) if frame.reason.is_empty() => {
            format!("the server closed it with code {}", u16::from(frame.code))
        }
        Some(frame) => {
            format!("the server closed it with code {}: {}", u16::from(frame.code), frame.reason)
        }
        None => "the server closed it without a code".to_owned(),
    }
}

fn explain(error: &SocketError) -> String {
    match error {
        SocketError::Capacity(_) => {
            format!("the server sent a frame of more than {LARGEST_FRAME} bytes")
        }
        SocketError::Utf8(_) => "the server sent a text frame that is not UTF-8".to_owned(),
        error => error.to_string(),
    }
}
