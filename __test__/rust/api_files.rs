//! Files from wherever the server says they are: whom the key goes to, what is followed, what is taken.

use std::sync::Arc;
use std::time::Duration;

use parall::api::{Client, FileError, Limits, Network, RemoteFile};
use parall::error::chain;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::support::{CANARY_KEY, LocalParall, RawServer, client, options, quick, read_head, soon};

const LIMIT: u64 = 1_000_000;

fn at(address: &str, size: Option<u64>) -> RemoteFile<'_> {
    RemoteFile { address, size, limit: LIMIT, hosts: &[] }
}

async fn fetch(client: &Client, file: RemoteFile<'_>) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    let length = soon(client.fetch_file(&file, &mut bytes)).await?;
    assert_eq!(length, bytes.len() as u64);
    Ok(bytes)
}

/// Why a file is not fetched.
async fn refusal(client: &Client, file: RemoteFile<'_>) -> String {
    chain(&fetch(client, file).await.unwrap_err())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

fn redirect(to: &str) -> String {
    answer("302 Found", &format!("Location: {to}\r\n"), "")
}

/// A proxy before a network that is not there, so that foreign hosts can be played: `route` answers, and requests are noted.
async fn proxy(
    route: impl Fn(&str) -> String + Send + Sync + 'static,
) -> (RawServer, mpsc::UnboundedReceiver<String>) {
    let (sender, notes) = mpsc::unbounded_channel();
    let route = Arc::new(route);
    let server = RawServer::start(move |mut stream| {
        let (sender, route) = (sender.clone(), Arc::clone(&route));
        async move {
            let head = read_head(&mut stream).await;
            let address = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let _ = sender.send(head);
            let _ = stream.write_all(route(&address).as_bytes()).await;
        }
    })
    .await;
    (server, notes)
}

fn behind(proxy: &RawServer, parall_url: &str) -> Client {
    let address = proxy.url();
    let network = Network::from_lookup(|name| (name == "http_proxy").then(|| address.clone()));
    Client::with(options(parall_url), &network, quick()).unwrap()
}

#[tokio::test]
async fn a_file_of_the_own_server_is_asked_for_with_the_key() {
    let parall = LocalParall::start().await;
    let file = json!({ "file_name": "a.txt", "content": "The text." });
    let message = json!({ "from": "usr_ada", "chat": "cht_Ada", "attachments": [file] });
    let said = parall.control("say", message).await;
    let address = said["attachments"][0]["url"].as_str().unwrap();
    let client = parall.client();
    assert_eq!(fetch(&client, at(address, Some(9))).await.unwrap(), b"The text.");
    let relative = address.strip_prefix(&parall.url).unwrap();
    assert_eq!(fetch(&client, at(relative, None)).await.unwrap(), b"The text.");
    assert!(refusal(&client, at(address, Some(10))).await.contains("9 bytes came where Parall"));
    let missing = refusal(&client, at("/api/v1/attachments/att_none", None)).await;
    assert!(missing.contains("127.0.0.1 answered 404"), "{missing}");
}

#[tokio::test]
async fn the_key_goes_to_no_other_host_and_not_along_with_a_redirect() {
    let (proxy, mut notes) = proxy(|address| match address {
        "http://parall.example/a" => redirect("http://files.example/a?signature=1"),
        "http://files.example/a?signature=1" => answer("200 OK", "", "bytes"),
        _ => answer("404 Not Found", "", ""),
    })
    .await;
    let client = behind(&proxy, "http://parall.example");
    assert_eq!(fetch(&client, at("/a", Some(5))).await.unwrap(), b"bytes");
    assert!(notes.recv().await.unwrap().contains(CANARY_KEY));
    let second = notes.recv().await.unwrap().to_lowercase();
    assert!(second.starts_with("get http://files.example/a?signature=1 "), "{second}");
    assert!(!second.contains("authorization") && !second.contains("canary"), "{second}");
    let direct = fetch(&client, at("http://files.example/a?signature=1", None)).await.unwrap();
    assert_eq!(direct, b"bytes");
    assert!(!notes.recv().await.unwrap().contains(CANARY_KEY));
}

#[tokio::test]
async fn another_host_leads_on_to_named_hosts_alone_and_never_back() {
    let (proxy, _notes) = proxy(|address| match address {
        "http://files.example/on" => redirect("http://cdn.example/x"),
        "http://files.example/back" => redirect("http://parall.example/api/v1/users/me"),
        "http://files.example/inside" => redirect("http://10.0.0.1/x"),
        "http://files.example/round" => redirect("http://files.example/round"),
        _ => answer("200 OK", "", "bytes"),
    })
    .await;
    let client = behind(&proxy, "http://parall.example");
    let named = ["cdn.example".to_owned()];
    let on = at("http://files.example/on", None);
    assert!(refusal(&client, on).await.contains("cdn.example, which is not in media_hosts"));
    assert_eq!(fetch(&client, RemoteFile { hosts: &named, ..on }).await.unwrap(), b"bytes");
    for (path, words) in [
        ("back", "leads back to Parall"),
        ("inside", "10.0.0.1 is at an address of a private network"),
        ("round", "redirected more than 5 times"),
    ] {
        let address = format!("http://files.example/{path}");
        let reason = refusal(&client, at(&address, None)).await;
        assert!(reason.contains(words), "{path}: {reason}");
    }
}

#[tokio::test]
async fn this_machine_and_its_network_are_asked_for_nothing() {
    let other = RawServer::answering(answer("200 OK", "", "secret")).await;
    let port = other.address.rsplit(':').next().unwrap();
    let parall = LocalParall::start().await;
    let client = parall.client();
    for host in ["127.0.0.1", "localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433"] {
        let address = format!("http://{host}:{port}/x");
        let reason = refusal(&client, at(&address, None)).await;
        assert!(reason.contains("private network"), "{host}: {reason}");
        parall.fault("http.redirect", json!({ "times": 1, "location": address })).await;
        let reason = refusal(&client, at("/api/v1/attachments/att_1", None)).await;
        assert!(reason.contains("private network"), "{host} by a redirect: {reason}");
    }
    assert_eq!(other.visits(), 0);
}

#[tokio::test]
async fn too_much_is_not_taken_whatever_was_said_about_it() {
    let parall = LocalParall::start().await;
    let client = parall.client();
    let words = "larger than 1000000 bytes";
    parall.fault("http.endless_body", json!({ "times": 1 })).await;
    assert!(refusal(&client, at("/api/v1/attachments/att_1", None)).await.contains(words));
    assert!(refusal(&client, at("/x", Some(LIMIT + 1))).await.contains(words));
    let honest = RawServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n").await;
    assert!(refusal(&self::client(&honest.url()), at("/x", None)).await.contains(words));
}

#[tokio::test]
async fn what_is_cut_off_or_comes_too_slowly_is_an_error() {
    let cut = RawServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    let reason = refusal(&client(&cut.url()), at("/x", Some(10))).await;
    assert!(reason.contains("the connection to 127.0.0.1 broke"), "{reason}");
    let hasty = Limits { request: Duration::from_millis(200), ..quick() };
    let silent = RawServer::start(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
        std::future::pending::<()>().await;
    })
    .await;
    let impatient = Client::with(options(&silent.url()), &Network::default(), hasty).unwrap();
    let reason = refusal(&impatient, at("/x", Some(64 * 1024 * 5))).await;
    assert!(reason.contains("sent nothing for"), "{reason}");
    let parall = LocalParall::start().await;
    let file = json!({ "file_name": "a.txt", "content": "x".repeat(1000) });
    let message = json!({ "from": "usr_ada", "chat": "cht_Ada", "attachments": [file] });
    let said = parall.control("say", message).await;
    parall.fault("http.slow_body", json!({ "times": 1, "ms": 100 })).await;
    let address = said["attachments"][0]["url"].as_str().unwrap();
    let reason = refusal(&parall.client_with(hasty), at(address, Some(1000))).await;
    assert!(reason.contains("did not come within"), "{reason}");
}

#[tokio::test]
async fn addresses_that_are_none_are_refused_without_their_text() {
    let client = client("http://127.0.0.1:9");
    for address in ["file:///etc/passwd", "ftp://h/x", "http://user:word@h.example/x", "http://["] {
        let reason = refusal(&client, at(address, None)).await;
        assert!(reason.starts_with("its address ") && !reason.contains("word@"), "{reason}");
    }
}
