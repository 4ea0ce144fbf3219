//! What a server without dispatch inbox is asked after an absence.

use serde_json::json;

use crate::support::{LocalParall, RawServer, client, json_answer};

/// All messages of Ada's chat as pages bring them, newest first, and how many pages it took.
async fn walk(parall: &LocalParall, most: usize) -> (Vec<String>, usize) {
    let (client, mut texts, mut before, mut pages) = (parall.client(), Vec::new(), None, 0);
    loop {
        let page = client.messages("cht_Ada", before.as_deref(), most).await.unwrap();
        texts.extend(page.messages.into_iter().map(|message| message.content.text));
        pages += 1;
        before = page.next;
        if before.is_none() {
            return (texts, pages);
        }
    }
}

#[tokio::test]
async fn a_chat_is_read_from_its_newest_message_to_its_beginning() {
    let parall = LocalParall::start_with(&["--generation", "events"]).await;
    for number in 0..7 {
        parall.ada_says(&number.to_string()).await;
    }
    let newest_first: Vec<String> = (0..7).rev().map(|number| number.to_string()).collect();
    assert_eq!(walk(&parall, 3).await, (newest_first.clone(), 3));
    assert_eq!(walk(&parall, 7).await, (newest_first, 1));
}

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_ones() {
    let parall = LocalParall::start_with(&["--generation", "events"]).await;
    let text = "large ".repeat(120_000);
    for number in 0..12 {
        parall.ada_says(&format!("{number} {text}")).await;
    }
    let (texts, pages) = walk(&parall, 50).await;
    assert_eq!(texts.len(), 12);
    assert!(pages > 1, "{pages}");
    assert!(texts[0].starts_with("11 ") && texts[11].starts_with("0 "));
}

#[tokio::test]
async fn chats_and_waiting_tasks_are_the_agents_own() {
    let parall = LocalParall::start_with(&["--generation", "events"]).await;
    for (to, title) in [("usr_agent", "mine"), ("usr_ben", "not mine")] {
        parall.control("assign_task", json!({ "from": "usr_ada", "to": to, "title": title })).await;
    }
    let client = parall.client();
    let chats = client.chats("usr_agent").await.unwrap();
    let ids: Vec<&str> = chats.iter().map(|chat| chat.id.as_str()).collect();
    assert_eq!(ids, ["cht_Ada", "cht_Ben", "cht_Launch"]);
    let tasks = client.pending_tasks("usr_agent").await.unwrap();
    let titles: Vec<&str> = tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["mine"]);
}

#[tokio::test]
async fn a_page_that_names_no_cursor_goes_on_before_its_oldest_message() {
    let body = r#"{"data":[
        {"id":"msg_1","chat_id":"cht_1","created_at":"2026-11-22T08:00:00Z"},
        {"id":"msg_2","chat_id":"cht_1","created_at":"2026-11-22T08:00:01Z"}],"has_more":true}"#;
    let server = RawServer::answering(json_answer("200 OK", "", body)).await;
    let page = client(&server.url()).messages("cht_1", None, 2).await.unwrap();
    let ids: Vec<&str> = page.messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!((ids, page.next.as_deref()), (vec!["msg_2", "msg_1"], Some("msg_1")));
}
