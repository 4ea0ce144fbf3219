//! Requests and answers, good and bad.

use std::time::Duration;

use parall::api::{Class, Error, NewMessage, PlatformConfigAnswer, retry};
use parall::error::{Coded, chain};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::support::{CANARY_KEY, LocalParall, RawServer, client, json_answer, read_head, soon};

fn message(text: &str, key: &str) -> NewMessage {
    NewMessage {
        text: text.into(),
        thread_root_id: None,
        idempotency_key: key.into(),
        no_reply: false,
        attachment_ids: Vec::new(),
    }
}

#[tokio::test]
async fn a_message_is_read_answered_and_acknowledged() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    let said = parall.ada_says("Hello").await;

    let agent = client.agent().await.unwrap();
    assert_eq!((agent.id.as_str(), agent.display_name.as_deref()), ("usr_agent", Some("Robin")));

    let pending = client.pending_dispatches().await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].source_id, said["id"]);

    let question = client.message(&pending[0].source_id).await.unwrap();
    assert_eq!((question.content.text.as_str(), question.sender_id.as_str()), ("Hello", "usr_ada"));
    assert_eq!(question.sender.unwrap().display_name.as_deref(), Some("Ada Weber"));
    assert_eq!(
        client.chat(&format!("prll://{}", question.chat_id)).await.unwrap().kind.as_deref(),
        Some("direct")
    );

    client.mark_received("message", &question.id).await.unwrap();
    assert_eq!(client.pending_dispatches().await.unwrap()[0].status.as_deref(), Some("received"));

    let answer = NewMessage {
        thread_root_id: Some(format!("prll://{}", question.id)),
        no_reply: true,
        attachment_ids: Vec::new(),
        ..message("Hi", "test:1")
    };
    let first = client.send_message("cht_Ada", &answer).await.unwrap();
    let again = client.send_message("cht_Ada", &answer).await.unwrap();
    assert_eq!(first, again);
    let sent = client.message(&first.id).await.unwrap();
    assert_eq!((sent.thread_root_id.as_ref(), sent.hints.no_reply), (Some(&question.id), true));

    client.acknowledge(&pending[0].id).await.unwrap();
    client.acknowledge(&pending[0].id).await.unwrap();
    client.acknowledge("dsp_gone").await.unwrap();
    assert!(client.pending_dispatches().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_task_is_read_and_commented_on() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    let assigned = parall
        .control(
            "assign_task",
            json!({ "from": "usr_ada", "to": "usr_agent", "title": "Write notes" }),
        )
        .await;
    let pending = client.pending_dispatches().await.unwrap();
    assert_eq!(pending[0].source_id, assigned["id"]);
    let task = client.task(&pending[0].source_id).await.unwrap();
    assert_eq!(
        (task.title.as_str(), task.assignee_id.as_deref()),
        ("Write notes", Some("usr_agent"))
    );
    let comment = client.add_comment(&task.id, "On it").await.unwrap();
    assert_eq!(client.comments(&format!("prll://{}", task.id)).await.unwrap(), [comment]);
}

#[tokio::test]
async fn the_platform_configuration_comes_only_when_it_is_new() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    assert_eq!(client.platform_config(None).await.unwrap(), PlatformConfigAnswer::Absent);
    let config = json!({ "version": "v 1", "config": { "models": {} } });
    parall.control("platform_config", config).await;
    let PlatformConfigAnswer::Changed(text) = client.platform_config(None).await.unwrap() else {
        panic!("a first answer is new");
    };
    assert!(text.contains(r#""version":"v 1""#), "{text}");
    assert_eq!(client.platform_config(Some("v 1")).await.unwrap(), PlatformConfigAnswer::Unchanged);
    assert!(matches!(
        client.platform_config(Some("v 0")).await.unwrap(),
        PlatformConfigAnswer::Changed(_)
    ));
}

#[tokio::test]
async fn every_page_of_the_inbox_is_read_and_a_stuck_cursor_ends_it() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    for number in 0..120 {
        parall.ada_says(&format!("number {number}")).await;
    }
    assert_eq!(client.pending_dispatches().await.unwrap().len(), 120);

    parall.fault("list.no_cursor", json!({})).await;
    assert_eq!(client.pending_dispatches().await.unwrap().len(), 50);
    parall.control("clear_faults", json!({})).await;

    parall.fault("list.repeated_cursor", json!({ "route": "dispatch.list" })).await;
    let before = parall.requests("dispatch.list").await.len();
    client.pending_dispatches().await.unwrap();
    assert_eq!(parall.requests("dispatch.list").await.len(), before + 2);
}

#[tokio::test]
async fn a_request_carries_key_and_types_and_the_known_body() {
    let (heads, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let server = RawServer::start(move |mut stream| {
        let heads = heads.clone();
        async move {
            heads.send(read_head(&mut stream).await).unwrap();
            let answer = json_answer("201 Created", "", r#"{"id":"msg_1"}"#);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    client(&server.url()).send_message("cht/1", &message("Hi", "k")).await.unwrap();
    let sent = soon(seen.recv()).await.unwrap();
    let head = sent.to_ascii_lowercase();
    assert!(
        head.starts_with("post /api/v1/orgs/org_demo/chats/cht%2f1/messages http/1.1\r\n"),
        "{head}"
    );
    for line in ["accept: application/json", "content-type: application/json"] {
        assert_eq!(head.matches(line).count(), 1, "{line} in {head}");
    }
    assert!(sent.contains(&format!("Bearer {CANARY_KEY}")), "{head}");
}

#[tokio::test]
async fn every_form_of_a_refusal_becomes_one_typed_error() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    let cases = [
        ("nested", 403, Class::Forbidden, Some("FORBIDDEN"), "not yours"),
        ("flat", 422, Class::Rejected, Some("UNPROCESSABLE"), "not yours"),
        ("string", 401, Class::Unauthorized, None, "not yours"),
        ("html", 502, Class::Transient, None, "an HTML page, \"502\""),
        ("text", 500, Class::Transient, None, "not yours"),
        ("empty", 404, Class::Missing, None, ""),
    ];
    for (form, status, class, code, text) in cases {
        parall
            .fault(
                "http.error",
                json!({ "times": 1, "form": form, "status": status, "message": "not yours" }),
            )
            .await;
        let error = client.chat("cht_Ada").await.unwrap_err();
        assert_eq!((error.status(), error.class()), (Some(status), class), "{form}");
        let Error::Status { error_code, message, path, .. } = error else { panic!("{error}") };
        assert_eq!((message.as_str(), path), (text, "/api/v1/orgs/{org}/chats/{chat}"), "{form}");
        assert!(error_code.as_deref() == code || form == "html", "{form}: {error_code:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_tells_the_fraction_to_wait_and_retry_obeys_it() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    parall.fault("http.rate_limit", json!({ "times": 2, "retry_after": "0.05" })).await;
    let error = client.agent().await.unwrap_err();
    assert_eq!(
        (error.class(), error.retry_after()),
        (Class::RateLimited, Some(Duration::from_millis(50)))
    );
    let policy = retry::Policy { shortest: Duration::from_millis(1), ..retry::Policy::default() };
    let agent = retry::retry(policy, &CancellationToken::new(), || client.agent()).await.unwrap();
    assert_eq!(agent.id, "usr_agent");
}

#[tokio::test]
async fn the_agent_is_found_in_each_shape_of_the_answer() {
    for body in [
        r#"{"id":"usr_1","display_name":"R"}"#,
        r#"{"agent_id":"usr_1","id":null,"display_name":"R"}"#,
        r#"{"user":{"id":"usr_1","display_name":"R"}}"#,
    ] {
        let server = RawServer::answering(json_answer("200 OK", "", body)).await;
        let agent = client(&server.url()).agent().await.unwrap();
        assert_eq!(
            (agent.id.as_str(), agent.display_name.as_deref()),
            ("usr_1", Some("R")),
            "{body}"
        );
    }
    let server = RawServer::answering(json_answer("200 OK", "", "{}")).await;
    assert_eq!(client(&server.url()).agent().await.unwrap_err().class(), Class::Malformed);
}

#[tokio::test]
async fn ids_of_any_shape_reach_the_server_as_one_segment_or_not_at_all() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    parall.fault("write.odd_message_id", json!({ "times": 1 })).await;
    parall.fault("write.odd_dispatch_id", json!({ "times": 1 })).await;
    parall.ada_says("odd").await;
    let dispatch = client.pending_dispatches().await.unwrap().remove(0);
    assert_eq!(dispatch.id, "dsp_a/../b.c?d=e#f");
    assert_eq!(client.message(&dispatch.source_id).await.unwrap().content.text, "odd");
    client.acknowledge(&dispatch.id).await.unwrap();
    assert!(client.pending_dispatches().await.unwrap().is_empty());

    let nobody = RawServer::answering("").await;
    let client = crate::support::client(&nobody.url());
    for id in ["", "..", ".", "a b"] {
        assert_eq!(client.message(id).await.unwrap_err().code(), "PARALL_ARGUMENT");
        assert_eq!(client.acknowledge(id).await.unwrap_err().code(), "PARALL_ARGUMENT");
        assert_eq!(client.add_comment(id, "x").await.unwrap_err().code(), "PARALL_ARGUMENT");
        assert_eq!(
            client.send_message(id, &message("x", "k")).await.unwrap_err().code(),
            "PARALL_ARGUMENT"
        );
    }
    assert_eq!(
        client.send_message("cht_1", &message("x", "reply:1")).await.unwrap_err().code(),
        "PARALL_ARGUMENT"
    );
    assert_eq!(nobody.visits(), 0);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_a_transient_error() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(&format!("http://{address}")).add_comment("tsk_1", "x").await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("PARALL_CONNECT", Class::Transient));
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
}

#[tokio::test]
async fn a_comment_is_sent_once_even_when_its_answer_is_lost() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    let task = parall
        .control("assign_task", json!({ "from": "usr_ada", "to": "usr_agent", "title": "T" }))
        .await;
    let id = task["id"].as_str().unwrap();
    parall.fault("http.response_lost", json!({ "times": 1, "route": "comments.create" })).await;
    let lost = client.add_comment(id, "done").await.unwrap_err();
    assert_eq!(lost.class(), Class::UnknownOutcome);
    assert_eq!(client.comments(id).await.unwrap().len(), 1);
    assert_eq!(parall.requests("comments.create").await.len(), 1);
}
