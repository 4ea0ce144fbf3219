//! Sockets to servers that do not keep to the protocol.

use std::fmt::Write;

use parall::api::socket::SocketEvent;
use serde_json::json;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{
    CANARY_KEY, LocalParall, RawServer, Running, SocketServer, client, json_answer,
};

#[tokio::test]
async fn frames_that_cannot_be_read_are_skipped_and_reported_now_and_then() {
    let parall = LocalParall::start().await;
    let mut running = Running::start(parall.client(), None);
    running.connected().await;
    let skipped =
        ["not_json", "truncated_json", "not_object", "no_type", "wrong_types", "empty", "binary"];
    for kind in skipped {
        parall.control("bad_frame", json!({ "user": "usr_agent", "kind": kind })).await;
    }
    for kind in ["unknown_type", "missing_fields", "null_data", "odd_ids", "huge_seq", "deep"] {
        parall.control("bad_frame", json!({ "user": "usr_agent", "kind": kind })).await;
    }
    parall.control("bad_frame", json!({ "user": "usr_agent", "kind": "binary" })).await;
    parall.ada_says("good").await;
    let mut counts = Vec::new();
    let mut frames = 0;
    loop {
        match running.next().await.unwrap() {
            SocketEvent::Ignored { count, reason } => {
                assert!(!reason.is_empty() && reason.len() < 300, "{reason}");
                counts.push(count);
            }
            SocketEvent::Frame(frame) if frame.kind == "message.new" => break,
            SocketEvent::Frame(_) => frames += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(counts, [1, 2, 4, 8]);
    assert_eq!(frames, 6 + 1);
    assert_eq!(parall.requests("ws.connect").await.len(), 1);
}

#[tokio::test]
async fn a_frame_that_breaks_the_protocol_ends_the_connection_and_the_next_one_works() {
    let parall = LocalParall::start().await;
    let mut running = Running::start(parall.client(), None);
    running.connected().await;
    for (kind, reason) in [("invalid_utf8", "not UTF-8"), ("huge", "more than 4194304 bytes")] {
        parall.control("bad_frame", json!({ "user": "usr_agent", "kind": kind })).await;
        let error = running.disconnected().await;
        assert!(error.contains(reason), "{kind}: {error}");
        running.connected().await;
    }
    parall.ada_says("good").await;
    running.frame("message.new").await;
}

#[tokio::test]
async fn an_answer_that_is_no_handshake_is_told_and_tried_again() {
    let accept = "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n";
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";
    let cases = [
        (format!("{upgrade}Upgrade: websocket\r\n{accept}\r\n"), "Sec-WebSocket-Accept"),
        (format!("{upgrade}Upgrade: websocket\r\n\r\n"), "Sec-WebSocket-Accept"),
        (format!("{upgrade}Upgrade: h2c\r\n{accept}\r\n"), "another protocol"),
        (json_answer("200 OK", "", "{}"), "200 OK instead of"),
        (
            json_answer("302 Found", "Location: http://evil.example/\r\n", ""),
            "redirect to evil.example",
        ),
        (json_answer("503 Busy", "", r#"{"error":"full"}"#), "answered 503 to GET /ws: full"),
        ("SSH-2.0-x\r\n".to_owned(), "broke during GET /ws"),
        (String::new(), "broke during GET /ws"),
    ];
    for (answer, reason) in cases {
        let socket = RawServer::answering(answer).await;
        let ticket = format!(r#"{{"ticket":"t","ws_url":"ws://{}/ws"}}"#, socket.address);
        let desk = RawServer::answering(json_answer("200 OK", "", &ticket)).await;
        let mut running = Running::start(client(&desk.url()), None);
        for _ in 0..2 {
            let error = running.disconnected().await;
            assert!(error.contains(reason), "{reason}: {error}");
        }
    }
}

#[tokio::test]
async fn a_ticket_desk_that_talks_nonsense_is_tried_again() {
    for body in ["", "{}", r#"{"ticket":null}"#, r#"{"ticket":""}"#, "<html>", "[]"] {
        let desk = RawServer::answering(json_answer("200 OK", "", body)).await;
        let mut running = Running::start(client(&desk.url()), None);
        for _ in 0..2 {
            let error = running.disconnected().await;
            assert!(error.contains("POST /api/v1/ws/ticket cannot be read"), "{body}: {error}");
        }
    }
}

#[tokio::test]
async fn neither_key_nor_ticket_is_in_anything_that_is_told() {
    let mut server = SocketServer::start().await;
    let mut running = Running::start(client(&server.url), None);
    let mut visitor = server.visitor().await;
    let ticket = SocketServer::TICKET;
    visitor.say(&format!(r#"{{"type":{{"{ticket}":"{CANARY_KEY}"}}}}"#)).await;
    visitor.say(&format!("{ticket} {CANARY_KEY}")).await;
    let reason = format!("{ticket} {CANARY_KEY}").into();
    visitor.socket.close(Some(CloseFrame { code: 4000.into(), reason })).await.unwrap();
    let mut told = String::new();
    while !told.contains("Disconnected") {
        writeln!(told, "{:?}", running.next().await.unwrap()).unwrap();
    }

    let refusal =
        json_answer("500 Oops", "", &format!(r#"{{"error":"{ticket} ticket_canary%2B1%2F%3D"}}"#));
    for socket_answer in [refusal, String::new(), "nonsense\r\n\r\n".to_owned()] {
        let socket = RawServer::answering(socket_answer).await;
        let body =
            json!({ "ticket": ticket, "ws_url": format!("ws://{}/{CANARY_KEY}", socket.address) });
        let desk = RawServer::answering(json_answer("200 OK", "", &body.to_string())).await;
        told.push_str(&Running::start(client(&desk.url()), None).disconnected().await);
    }
    let body = format!("{ticket:?}");
    let desk = RawServer::answering(json_answer("200 OK", "", &body)).await;
    told.push_str(&Running::start(client(&desk.url()), None).disconnected().await);
    assert!(told.contains("4000") && told.contains("500"), "{told}");
    assert!(!told.contains("canary"), "{told}");
}
