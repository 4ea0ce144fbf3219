//! Answers that are late, broken, endless or not Parall's at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parall::api::{Class, Client, Error, Limits, Network};
use parall::error::{Coded, chain};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::{
    CANARY_KEY, LocalParall, RawServer, client, json_answer, options, quick, read_head, soon,
};

#[tokio::test]
async fn a_success_with_a_bad_body_is_an_error_and_the_next_request_works() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    let cases = [
        ("http.truncated_body", json!({}), "PARALL_INTERRUPTED"),
        ("http.oversized_body", json!({}), "PARALL_TOO_LARGE"),
        ("http.invalid_json", json!({}), "PARALL_MALFORMED"),
        ("http.invalid_utf8", json!({}), "PARALL_MALFORMED"),
        ("http.empty_body", json!({}), "PARALL_MALFORMED"),
        ("http.missing_fields", json!({ "fields": ["id"] }), "PARALL_MALFORMED"),
        ("http.null_fields", json!({ "fields": ["id"] }), "PARALL_MALFORMED"),
        ("http.body", json!({ "body": [] }), "PARALL_MALFORMED"),
        ("http.body", json!({ "body": "text" }), "PARALL_MALFORMED"),
        ("http.close", json!({}), "PARALL_INTERRUPTED"),
        ("http.response_lost", json!({}), "PARALL_INTERRUPTED"),
    ];
    for (fault, mut parameters, code) in cases {
        parameters["times"] = json!(1);
        parall.fault(fault, parameters).await;
        let error = client.chat("cht_Ada").await.unwrap_err();
        assert_eq!(error.code(), code, "{fault}: {}", chain(&error));
        client.chat("cht_Ada").await.unwrap();
    }
}

#[tokio::test]
async fn deep_nesting_where_nobody_looks_does_no_harm() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    parall.fault("http.deep_body", json!({ "times": 1 })).await;
    assert_eq!(client.chat("cht_Ada").await.unwrap().id, "cht_Ada");
    let deep = "[".repeat(1_000_000);
    for body in [format!(r#"{{"id":{deep}"#), format!(r#"{{"content":{deep}"#), deep] {
        let server = RawServer::answering(json_answer("200 OK", "", &body)).await;
        let error = crate::support::client(&server.url()).message("msg_1").await.unwrap_err();
        assert_eq!(error.code(), "PARALL_MALFORMED");
        assert!(error.to_string().len() < 500);
    }
}

#[tokio::test]
async fn a_list_without_end_stops_after_a_bounded_number_of_bytes_and_pages() {
    let filler = "x".repeat(4_000_000 / 2);
    let pages = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&pages);
    let server = RawServer::start(move |mut stream| {
        let (counter, filler) = (Arc::clone(&counter), filler.clone());
        async move {
            read_head(&mut stream).await;
            let page = counter.fetch_add(1, Ordering::SeqCst);
            let body = format!(
                r#"{{"data":[{{"id":"dsp_{page}","noise":"{filler}"}}],"has_more":true,"next_cursor":"{page}"}}"#
            );
            let _ = stream.write_all(json_answer("200 OK", "Connection: close\r\n", &body).as_bytes()).await;
        }
    })
    .await;
    let dispatches = client(&server.url()).pending_dispatches().await.unwrap();
    assert_eq!(dispatches.len(), pages.load(Ordering::SeqCst), "what was read counts");
    assert!((32..=40).contains(&dispatches.len()), "{}", dispatches.len());

    let cursor = "c".repeat(3_000_000);
    let body = format!(r#"{{"data":[{{"id":"dsp_1"}}],"has_more":true,"next_cursor":"{cursor}"}}"#);
    let server = RawServer::answering(json_answer("200 OK", "", &body)).await;
    assert_eq!(client(&server.url()).pending_dispatches().await.unwrap().len(), 1);
    assert_eq!(server.visits(), 1, "a cursor of megabytes is not sent back");
}

#[tokio::test]
async fn an_item_with_an_id_that_cannot_be_used_is_left_out_of_its_list() {
    let long = "d".repeat(300);
    let body = format!(
        r#"{{"data":[{{"id":"{long}"}},{{"id":"dsp_1"}},{{"id":"dsp_2","source_id":"{long}"}},{{"id":"a\nb"}}]}}"#
    );
    let server = RawServer::answering(json_answer("200 OK", "", &body)).await;
    let dispatches = client(&server.url()).pending_dispatches().await.unwrap();
    assert_eq!(dispatches.iter().map(|dispatch| &*dispatch.id).collect::<Vec<_>>(), ["dsp_1"]);
}

#[tokio::test]
async fn null_means_absent_and_unknown_fields_do_not_matter() {
    let body = r#"{"id":"msg_1","chat_id":"cht_1","sender_id":null,"sender":null,"content":null,"hints":null,
        "attachments":null,"thread_root_id":null,"created_at":null,"version":1e400,"x":{"y":[18446744073709551616]}}"#;
    let server = RawServer::answering(json_answer("200 OK", "", body)).await;
    let message = client(&server.url()).message("msg_1").await.unwrap();
    assert_eq!((message.content.text.as_str(), message.attachments.len()), ("", 0));

    let body = r#"{"id":"msg_1","chat_id":"cht_1","content":{"text":"half \ud83d"},
        "attachments":[{"id":"att_1","name":"a","file_name":"b","size":5,"file_size":1e99}]}"#;
    let server = RawServer::answering(json_answer("200 OK", "", body)).await;
    let message = client(&server.url()).message("msg_1").await.unwrap();
    assert!(message.content.text.starts_with("half \u{fffd}"));
    let attachment = &message.attachments[0];
    assert_eq!((attachment.file_name.as_deref(), attachment.file_size), (Some("b"), Some(5)));
}

#[tokio::test]
async fn one_unreadable_item_does_not_hide_the_others() {
    let body = r#"{"data":[{"id":7},{"id":"dsp_1","source_id":"msg_1"},{"id":"dsp_2","status":"acked"}],"has_more":false}"#;
    let server = RawServer::answering(json_answer("200 OK", "", body)).await;
    let pending = client(&server.url()).pending_dispatches().await.unwrap();
    assert_eq!(pending.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["dsp_1"]);

    for body in ["{}", r#"{"data":null}"#, r#"{"data":[{}]}"#, "[]"] {
        let server = RawServer::answering(json_answer("200 OK", "", body)).await;
        let error = client(&server.url()).pending_dispatches().await.unwrap_err();
        assert_eq!(error.code(), "PARALL_MALFORMED", "{body}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_at_the_limit() {
    let (gone, mut hung_up) = tokio::sync::mpsc::channel(1);
    let server = RawServer::start(move |mut stream| {
        let gone = gone.clone();
        async move {
            read_head(&mut stream).await;
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            gone.send(()).await.unwrap();
        }
    })
    .await;
    let error = client(&server.url()).agent().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 4_194_304, .. }), "{error}");
    soon(hung_up.recv()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_never_answers_runs_into_the_time_limit() {
    let server = RawServer::start(|stream| async move {
        let _open = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let limits = Limits { request: Duration::from_millis(100), ..quick() };
    let client = Client::with(options(&server.url()), &Network::default(), limits).unwrap();
    let error = client.agent().await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("PARALL_TIMEOUT", Class::UnknownOutcome));
}

#[tokio::test]
async fn a_server_that_stops_in_the_body_runs_into_the_time_limit() {
    let server = RawServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let limits = Limits { request: Duration::from_millis(100), ..quick() };
    let client = Client::with(options(&server.url()), &Network::default(), limits).unwrap();
    assert_eq!(client.agent().await.unwrap_err().code(), "PARALL_TIMEOUT");
}

#[tokio::test]
async fn something_that_does_not_speak_http_is_an_error() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.9\r\n"[..],
        b"\x16\x03\x01\x00\xff",
        b"HTTP/1.1 999999 x\r\n\r\n",
        b"",
    ] {
        let server = RawServer::answering(bytes).await;
        let error = client(&server.url()).agent().await.unwrap_err();
        assert_eq!(error.code(), "PARALL_INTERRUPTED", "{bytes:?}: {}", chain(&error));
    }
}

#[tokio::test]
async fn a_redirect_is_an_error_and_the_other_host_sees_nothing() {
    let other = RawServer::answering("").await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: {}/x?key=secret\r\n", other.url());
        let server = RawServer::answering(json_answer(status, &location, "")).await;
        let error = client(&server.url()).agent().await.unwrap_err();
        assert!(matches!(error, Error::Redirect { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert_eq!(server.visits(), 1);
    }
    assert_eq!(other.visits(), 0);
}

#[tokio::test]
async fn a_server_that_repeats_the_key_gets_it_into_no_text() {
    let encoded: String = url::form_urlencoded::byte_serialize(CANARY_KEY.as_bytes()).collect();
    let bodies = [
        json!({ "error": { "code": CANARY_KEY, "message": format!("{CANARY_KEY} and {encoded}") } }).to_string(),
        json!({ "error": CANARY_KEY }).to_string(),
        format!("<html><title>{CANARY_KEY}</title>"),
        format!("{CANARY_KEY:?}"),
        format!("{{\"id\":7,\"display_name\":{{\"{CANARY_KEY}\":1}}}}"),
        format!("{} {CANARY_KEY}", "x".repeat(290)),
    ];
    for body in bodies {
        for status in ["401 Unauthorized", "500 Oops", "200 OK", "302 Found"] {
            let location = format!("Location: http://{encoded}.example/{CANARY_KEY}\r\n");
            let server = RawServer::answering(json_answer(status, &location, &body)).await;
            let client = client(&server.url());
            for text in [format!("{client:?}"), describe(&client).await] {
                for secret in [CANARY_KEY, &encoded, "canary"] {
                    assert!(!text.contains(secret), "{text}");
                }
            }
        }
    }
}

async fn describe(client: &Client) -> String {
    let error = client.agent().await.unwrap_err();
    format!("{error} {error:?} {}", chain(&error))
}
