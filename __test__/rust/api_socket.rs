//! The connection that never gives up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parall::api::socket::SocketEvent;
use parall::api::{Class, Client, Limits, Network};
use parall::api::{ClientOptions, Dispatch};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{
    LocalParall, RawServer, Running, SocketServer, client, json_answer, options, quick, read_head,
    soon,
};

fn with_limits(url: &str, limits: Limits) -> Client {
    Client::with(options(url), &Network::default(), limits).unwrap()
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[tokio::test]
async fn a_message_arrives_as_a_frame_and_again_after_a_drop_only_what_is_new() {
    let parall = LocalParall::start().await;
    let mut running = Running::start(parall.client(), None);
    assert!(matches!(running.next().await, Some(SocketEvent::Connecting { attempt: 1 })));
    assert!(matches!(running.next().await, Some(SocketEvent::Connected)));

    let said = parall.ada_says("one").await;
    let frame = running.frame("dispatch.new").await;
    let dispatch: Dispatch = serde_json::from_str(frame.data.unwrap().get()).unwrap();
    assert_eq!(dispatch.source_id, said["id"]);
    let last = running.frame("message.new").await.seq.unwrap();

    parall.control("drop_sockets", json!({})).await;
    running.disconnected().await;
    running.connected().await;
    let connects = parall.requests("ws.connect").await;
    assert_eq!(connects[0]["last_seq"], json!(null));
    assert_eq!(connects[1]["last_seq"], json!(last.max(frame.seq.unwrap()).to_string()));

    parall.ada_says("two").await;
    assert!(running.frame("dispatch.new").await.seq.unwrap() > last);
}

#[tokio::test]
async fn frames_missed_while_away_come_after_the_reconnect() {
    let parall = LocalParall::start().await;
    let mut running = Running::start(parall.client(), None);
    running.connected().await;
    parall.ada_says("first").await;
    running.frame("message.new").await;
    parall.fault("http.error", json!({ "route": "ws.ticket", "status": 503 })).await;
    parall.control("drop_sockets", json!({})).await;
    running.disconnected().await;
    let missed = parall.ada_says("missed").await;
    parall.control("clear_faults", json!({})).await;
    let frame = running.frame("message.new").await;
    assert!(frame.data.unwrap().get().contains(missed["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_saved_position_is_used_and_never_goes_back() {
    let mut server = SocketServer::start().await;
    let mut running = Running::start(client(&server.url), Some(7));
    let mut visitor = server.visitor().await;
    assert!(visitor.request_line.contains("&last_seq=7 "), "{}", visitor.request_line);
    visitor.say(r#"{"type":"news","seq":9}"#).await;
    visitor.say(r#"{"type":"news","seq":3}"#).await;
    visitor.say(r#"{"type":"news"}"#).await;
    for expected in [Some(9), Some(3), None] {
        assert_eq!(running.frame("news").await.seq, expected);
    }
    drop(visitor);
    let visitor = server.visitor().await;
    assert!(visitor.request_line.contains("&last_seq=9 "), "{}", visitor.request_line);
}

#[tokio::test]
async fn a_refused_key_is_tried_again_slowly_and_connects_when_it_is_good() {
    let parall = LocalParall::start().await;
    let refused = json!({ "times": 4, "route": "ws.ticket", "status": 401 });
    parall.fault("http.error", refused).await;
    let pause = Duration::from_millis(300);
    let limits = Limits { refused: pause, ..quick() };
    let mut running = Running::start(parall.client_with(limits), None);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let refused = running.find(|event| match event {
            SocketEvent::Refused { error, retry_in, .. } => Some((error, retry_in)),
            _ => None,
        });
        let (error, retry_in) = refused.await;
        assert_eq!((error.class(), error.status()), (Class::Unauthorized, Some(401)));
        pauses.push(retry_in);
    }
    assert!(pauses[0] < pause && pauses[1] < pause, "one refusal proves nothing: {pauses:?}");
    assert!(pauses[2] >= pause && pauses[3] >= pause, "{pauses:?}");
    running.connected().await;
}

#[tokio::test]
async fn a_forbidden_ticket_and_a_refused_socket_are_tried_again() {
    let parall = LocalParall::start().await;
    parall.fault("socket.upgrade_refused", json!({ "times": 1, "status": 401 })).await;
    parall.fault("ticket.expired", json!({ "times": 1 })).await;
    let mut running = Running::start(parall.client(), None);
    assert!(running.disconnected().await.contains("401"));
    running.connected().await;
    drop(running);

    parall.fault("http.error", json!({ "times": 1, "route": "ws.ticket", "status": 403 })).await;
    let mut other = Running::start(parall.client(), None);
    assert!(other.disconnected().await.contains("403"));
    other.connected().await;
}

#[tokio::test]
async fn a_rate_limited_ticket_waits_as_long_as_the_server_asks() {
    let parall = LocalParall::start().await;
    parall
        .fault(
            "http.rate_limit",
            json!({ "times": 1, "route": "ws.ticket", "retry_after": "0.25" }),
        )
        .await;
    let mut running = Running::start(parall.client(), None);
    let pause = running
        .find(|event| match event {
            SocketEvent::Disconnected { retry_in, .. } => Some(retry_in),
            _ => None,
        })
        .await;
    assert_eq!(pause, Duration::from_millis(250));
    running.connected().await;
}

#[tokio::test]
async fn attempts_are_counted_while_nothing_lasts() {
    let parall = LocalParall::start().await;
    parall.fault("http.error", json!({ "times": 3, "route": "ws.ticket", "form": "html" })).await;
    let mut running = Running::start(parall.client(), None);
    for expected in 1..=4 {
        let attempt = running
            .find(|event| match event {
                SocketEvent::Connecting { attempt } => Some(attempt),
                _ => None,
            })
            .await;
        assert_eq!(attempt, expected);
    }
    running.connected().await;
    parall.control("drop_sockets", json!({})).await;
    let attempt = running
        .find(|event| match event {
            SocketEvent::Connecting { attempt } => Some(attempt),
            _ => None,
        })
        .await;
    assert_eq!(attempt, 5);
}

#[tokio::test]
async fn a_connection_that_lasted_starts_the_count_afresh() {
    let parall = LocalParall::start().await;
    parall.fault("http.error", json!({ "times": 3, "route": "ws.ticket" })).await;
    let mut running =
        Running::start(parall.client_with(Limits { stable: Duration::ZERO, ..quick() }), None);
    running.connected().await;
    parall.fault("http.error", json!({ "times": 1, "route": "ws.ticket" })).await;
    parall.control("drop_sockets", json!({})).await;
    for expected in [1, 2] {
        let attempt = running
            .find(|event| match event {
                SocketEvent::Disconnected { attempt, .. } => Some(attempt),
                _ => None,
            })
            .await;
        assert_eq!(attempt, expected);
    }
}

#[tokio::test]
async fn a_socket_that_says_nothing_is_left_for_a_new_one() {
    let parall = LocalParall::start().await;
    let limits = Limits { hello: Duration::from_millis(100), ..quick() };
    parall.fault("socket.no_hello", json!({ "times": 1 })).await;
    let mut running = Running::start(parall.client_with(limits), None);
    let error = running.disconnected().await;
    assert!(error.contains("hello within 0.1 s"), "{error}");
    running.connected().await;
}

#[tokio::test]
async fn an_upgrade_that_never_comes_runs_into_the_time_limit() {
    let parall = LocalParall::start().await;
    let limits = Limits { request: Duration::from_millis(200), ..quick() };
    parall.fault("socket.upgrade_never_answered", json!({ "times": 1 })).await;
    let mut running = Running::start(parall.client_with(limits), None);
    let error = running.disconnected().await;
    assert!(error.contains("did not answer GET /ws within 0.2 s"), "{error}");
    running.connected().await;
}

/// One heartbeat every 300 ms, whatever the server asks for; a connection counts as dead after 450 ms of silence.
fn nervous() -> Limits {
    let heartbeat = Duration::from_millis(300);
    Limits { shortest_heartbeat: heartbeat, longest_heartbeat: heartbeat, ..quick() }
}

#[tokio::test]
async fn a_half_open_connection_is_found_and_replaced() {
    let parall = LocalParall::start().await;
    parall.fault("socket.half_open", json!({ "times": 1 })).await;
    let mut running = Running::start(parall.client_with(nervous()), None);
    let error = running.disconnected().await;
    assert!(error.contains("nothing was heard"), "{error}");
    running.connected().await;
    parall.ada_says("good").await;
    running.frame("message.new").await;
}

#[tokio::test]
async fn a_server_that_answers_only_pings_of_the_websocket_counts_as_alive() {
    let parall = LocalParall::start().await;
    parall.fault("socket.no_pong", json!({})).await;
    let mut running = Running::start(parall.client_with(nervous()), None);
    running.connected().await;
    for _ in 0..4 {
        let event = running.next().await;
        assert!(matches!(event, Some(SocketEvent::Heartbeat)), "{event:?}");
    }
    parall.control("wait", json!({ "kind": "event", "event": "ping", "count": 4 })).await;
}

#[tokio::test]
async fn the_heartbeat_is_the_known_frame() {
    let mut server = SocketServer::start().await;
    let _running = Running::start(with_limits(&server.url, nervous()), None);
    let mut visitor = server.visitor().await;
    let Some(Message::Text(text)) = visitor.hear().await else {
        panic!("a text frame comes first")
    };
    let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(frame["type"], "ping");
    assert!(frame["data"]["ts"].as_u64().unwrap() > 1_500_000_000_000);
    assert!(matches!(visitor.hear().await, Some(Message::Ping(_))));
}

static SLEPT: AtomicU64 = AtomicU64::new(0);

fn clock_of_a_sleeper() -> SystemTime {
    SystemTime::now() + seconds(SLEPT.load(Ordering::SeqCst))
}

#[tokio::test]
async fn after_sleep_the_connection_has_to_prove_itself_at_once() {
    let parall = LocalParall::start().await;
    let limits =
        Limits { wall_clock: clock_of_a_sleeper, wake_answer: Duration::from_secs(1), ..quick() };
    let mut running = Running::start(parall.client_with(limits), None);
    running.connected().await;
    SLEPT.store(3600, Ordering::SeqCst);
    assert!(matches!(running.next().await, Some(SocketEvent::Heartbeat)));
    parall.control("freeze_sockets", json!({ "user": "usr_agent" })).await;
    SLEPT.store(7200, Ordering::SeqCst);
    let error = running.disconnected().await;
    assert!(error.contains("nothing was heard"), "{error}");
    running.connected().await;
}

#[tokio::test]
async fn the_servers_goodbye_is_told_and_the_socket_comes_back() {
    let parall = LocalParall::start().await;
    let mut running = Running::start(parall.client(), None);
    running.connected().await;
    parall.control("drop_sockets", json!({ "code": 1012, "reason": "restart" })).await;
    let error = running.disconnected().await;
    assert!(error.contains("code 1012: restart"), "{error}");
    running.connected().await;
}

#[tokio::test]
async fn the_ticket_decides_where_the_socket_is_unless_the_options_do() {
    let parall = LocalParall::start().await;
    for fault in ["ticket.no_ws_url", "ticket.ws_url_query"] {
        parall.fault(fault, json!({ "times": 1 })).await;
        Running::start(parall.client(), None).connected().await;
    }
    let connects = parall.requests("ws.connect").await;
    assert_eq!(connects[1]["query"], json!(["region", "ticket"]));

    parall.fault("ticket.ws_url", json!({ "times": 1, "ws_url": "ftp://127.0.0.1/ws" })).await;
    let error = Running::start(parall.client(), None).disconnected().await;
    assert!(error.contains("ws_url of the server's ticket"), "{error}");
    parall.fault("ticket.ws_url", json!({ "ws_url": "ws://127.0.0.9:1/ws" })).await;
    let error = Running::start(parall.client(), None).disconnected().await;
    assert!(error.contains("127.0.0.9 is not the host of parall_url"), "{error}");
    let ws_url = format!("{}/ws", parall.url.replace("http", "ws"));
    let options =
        ClientOptions { ws_url: Some(ws_url), api_key: "key_agent".into(), ..options(&parall.url) };
    let client = Client::with(options, &Network::default(), quick()).unwrap();
    Running::start(client, None).connected().await;
}

#[tokio::test]
async fn a_slow_listener_slows_the_server_and_loses_nothing() {
    let mut server = SocketServer::start().await;
    let mut running = Running::start_with(with_limits(&server.url, nervous()), None, 1);
    let mut visitor = server.visitor().await;
    for number in 1..=500 {
        visitor.say(&format!(r#"{{"type":"news","seq":{number}}}"#)).await;
    }
    // The queue is full and nobody reads it, yet heartbeats go on beyond the longest silence.
    for _ in 0..4 {
        while !matches!(visitor.hear().await, Some(Message::Text(_))) {}
    }
    for number in 1..=500 {
        assert_eq!(running.frame("news").await.seq, Some(number));
    }
}

#[tokio::test]
async fn a_stop_ends_it_wherever_it_is() {
    let silent = || {
        RawServer::start(|mut stream| async move {
            read_head(&mut stream).await;
            std::future::pending::<()>().await;
        })
    };
    let desk = silent().await;
    let mut waiting_for_ticket = Running::start(client(&desk.url()), None);
    waiting_for_ticket.next().await;

    let socket = silent().await;
    let ticket = json_answer(
        "200 OK",
        "",
        &format!(r#"{{"ticket":"t","ws_url":"ws://{}"}}"#, socket.address),
    );
    let tickets = RawServer::answering(ticket).await;
    let waiting_for_socket = Running::start(client(&tickets.url()), None);
    soon(async {
        while socket.visits() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let refusing = RawServer::answering(json_answer("429 Slow", "Retry-After: 3000\r\n", "")).await;
    let mut pausing = Running::start(client(&refusing.url()), None);
    pausing.disconnected().await;

    let parall = LocalParall::start().await;
    parall.fault("socket.no_hello", json!({ "times": 1 })).await;
    let waiting_for_hello = Running::start(parall.client(), None);
    parall.control("wait", json!({ "kind": "socket", "user": "usr_agent" })).await;

    let mut server = SocketServer::start().await;
    let mut queue_full = Running::start_with(client(&server.url), None, 1);
    let mut visitor = server.visitor().await;
    for _ in 0..3 {
        visitor.say(r#"{"type":"news"}"#).await;
    }
    queue_full.connected().await;

    for running in [waiting_for_ticket, waiting_for_socket, pausing, waiting_for_hello, queue_full]
    {
        running.cancel();
        running.ended().await;
    }
}

#[tokio::test]
async fn a_stop_and_a_lost_listener_say_goodbye_to_the_server() {
    let mut server = SocketServer::start().await;
    for stop in [Running::cancel as fn(&Running), |_: &Running| ()] {
        let mut running = Running::start(client(&server.url), None);
        let mut visitor = server.visitor().await;
        running.connected().await;
        stop(&running);
        running.stop_listening();
        let Some(Message::Close(Some(CloseFrame { code, .. }))) = visitor.hear().await else {
            panic!("a goodbye comes");
        };
        assert_eq!(u16::from(code), 1000);
        running.ended().await;
    }
}
