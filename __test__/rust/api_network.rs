//! Proxies and certificates, for requests and sockets alike.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use parall::api::{Client, Network};
use parall::error::{Coded, chain};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Authority, RawServer, Running, json_answer, options, quick, read_head, soon};

const AGENT: &str = r#"{"id":"usr_1"}"#;
/// A name that no resolver knows, so only a proxy reaches it.
const HIDDEN_HOST: &str = "parall.invalid";

fn client(url: &str, variables: &[(&str, &str)]) -> Client {
    let network = Network::from_lookup(|name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    });
    Client::with(options(url), &network, quick()).unwrap()
}

/// A proxy that notes each request: it tunnels for CONNECT and answers everything else as the agent.
async fn proxy() -> (RawServer, mpsc::UnboundedReceiver<String>) {
    let (sender, notes) = mpsc::unbounded_channel();
    let server = RawServer::start(move |mut stream| {
        let sender = sender.clone();
        async move {
            let head = read_head(&mut stream).await;
            // A test that has seen enough does not listen any more.
            let _ = sender.send(head.clone());
            let Some(target) =
                head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next())
            else {
                let _ = stream.write_all(json_answer("200 OK", "", AGENT).as_bytes()).await;
                return;
            };
            let mut target =
                TcpStream::connect(target.replace(HIDDEN_HOST, "127.0.0.1")).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // Either side may hang up at any time.
            let _ = copy_bidirectional(&mut stream, &mut target).await;
        }
    })
    .await;
    (server, notes)
}

/// An API behind TLS: a ticket that leads to `ws_url`, and the agent for everything else.
async fn encrypted_api(authority: &Authority, host: &str, ws_url: &str) -> RawServer {
    let acceptor = Arc::new(authority.acceptor(host, &["h2", "http/1.1"]));
    let ticket = format!(r#"{{"ticket":"t","ws_url":"{ws_url}"}}"#);
    RawServer::start(move |stream| {
        let (acceptor, ticket) = (Arc::clone(&acceptor), ticket.clone());
        async move {
            // A client that does not trust the certificate hangs up here.
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let head = read_head(&mut stream).await;
            let body = if head.contains("/ws/ticket") { &ticket } else { AGENT };
            let _ = stream.write_all(json_answer("200 OK", "", body).as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

/// A socket behind TLS that greets and says one thing.
async fn encrypted_socket(authority: &Authority, host: &str) -> RawServer {
    let acceptor = Arc::new(authority.acceptor(host, &["http/1.1"]));
    RawServer::start(move |stream| {
        let acceptor = Arc::clone(&acceptor);
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let mut socket = accept_async(stream).await.unwrap();
            socket.send(Message::text(r#"{"type":"hello"}"#)).await.unwrap();
            socket.send(Message::text(r#"{"type":"news"}"#)).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await
}

fn port(server: &RawServer) -> &str {
    server.address.rsplit(':').next().unwrap()
}

#[tokio::test]
async fn a_certificate_of_the_house_is_trusted_by_requests_and_sockets() {
    let authority = Authority::new();
    let socket = encrypted_socket(&authority, "localhost").await;
    let ws_url = format!("wss://localhost:{}/ws", port(&socket));
    let api = encrypted_api(&authority, "localhost", &ws_url).await;
    let url = format!("https://localhost:{}", port(&api));

    for variable in ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"] {
        let client = client(&url, &[(variable, authority.file().to_str().unwrap())]);
        assert_eq!(client.warnings(), [""; 0]);
        assert_eq!(client.agent().await.unwrap().id, "usr_1");
        let mut running = Running::start(client, None);
        running.connected().await;
        running.frame("news").await;
    }
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_by_name() {
    let authority = Authority::new();
    let api = encrypted_api(&authority, "localhost", "").await;
    let url = format!("https://localhost:{}", port(&api));
    let error = client(&url, &[]).agent().await.unwrap_err();
    assert_eq!(error.code(), "PARALL_CONNECT");
    assert!(chain(&error).contains("UnknownIssuer"), "{}", chain(&error));
    let mut running = Running::start(client(&url, &[]), None);
    assert!(running.disconnected().await.contains("UnknownIssuer"));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let api = encrypted_api(&authority, "other.example", "").await;
    let url = format!("https://localhost:{}", port(&api));
    let file = authority.file();
    let error =
        client(&url, &[("NODE_EXTRA_CA_CERTS", file.to_str().unwrap())]).agent().await.unwrap_err();
    assert!(chain(&error).contains("not valid for name"), "{}", chain(&error));
}

#[tokio::test]
async fn unusable_certificate_files_are_warnings_that_name_the_file() {
    let authority = Authority::new();
    let directory = tempfile::TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("empty.pem"), "").unwrap();
    std::fs::write(
        path("broken.pem"),
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(path("junk.pem"), junk).unwrap();
    let good = std::fs::read_to_string(authority.file()).unwrap();
    std::fs::write(path("half.pem"), format!("{good}{junk}{good}")).unwrap();

    let api = encrypted_api(&authority, "localhost", "").await;
    let url = format!("https://localhost:{}", port(&api));
    for (name, works) in [
        ("missing.pem", false),
        ("empty.pem", false),
        ("broken.pem", false),
        ("junk.pem", false),
        ("half.pem", true),
    ] {
        let client = client(&url, &[("NODE_EXTRA_CA_CERTS", &path(name))]);
        assert_eq!(client.warnings().len(), 1, "{name}: {:?}", client.warnings());
        assert!(client.warnings()[0].contains(name), "{:?}", client.warnings());
        assert_eq!(client.agent().await.is_ok(), works, "{name}");
    }
}

#[tokio::test]
async fn requests_go_through_the_proxy_unless_the_host_is_exempt() {
    let (proxy, mut notes) = proxy().await;
    let hidden = format!("http://{HIDDEN_HOST}:81");
    client(&hidden, &[("HTTP_PROXY", &proxy.url())]).agent().await.unwrap();
    let head = soon(notes.recv()).await.unwrap();
    assert!(
        head.starts_with("GET http://parall.invalid:81/api/v1/orgs/org_demo/agents/me HTTP/1.1"),
        "{head}"
    );

    let direct = RawServer::answering(json_answer("200 OK", "", AGENT)).await;
    let variables =
        [("HTTP_PROXY", proxy.url()), ("NO_PROXY", "other.example, 127.0.0.0/8".to_owned())];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    client(&direct.url(), &variables).agent().await.unwrap();
    assert_eq!((direct.visits(), proxy.visits()), (1, 1));
}

#[tokio::test]
async fn encrypted_requests_and_sockets_go_through_a_tunnel_that_sees_no_key() {
    let authority = Authority::new();
    let (proxy, mut notes) = proxy().await;
    let socket = encrypted_socket(&authority, HIDDEN_HOST).await;
    let ws_url = format!("wss://{HIDDEN_HOST}:{}/ws", port(&socket));
    let api = encrypted_api(&authority, HIDDEN_HOST, &ws_url).await;
    let url = format!("https://{HIDDEN_HOST}:{}", port(&api));
    let file = authority.file();
    let with_password = proxy.url().replace("http://", "http://user:word@");
    let variables =
        [("HTTPS_PROXY", with_password.as_str()), ("NODE_EXTRA_CA_CERTS", file.to_str().unwrap())];

    let mut running = Running::start(client(&url, &variables), None);
    running.frame("news").await;
    for server in [&api, &socket] {
        let head = soon(notes.recv()).await.unwrap();
        assert!(
            head.starts_with(&format!("CONNECT {HIDDEN_HOST}:{} HTTP/1.1", port(server))),
            "{head}"
        );
        assert!(
            head.to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjp3b3jk"),
            "{head}"
        );
        assert!(!head.contains("Bearer"), "{head}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_in_the_error_without_its_password() {
    let proxy = RawServer::answering(
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let address = proxy.url().replace("http://", "http://user:word@");
    let error = client(&format!("https://{HIDDEN_HOST}"), &[("HTTPS_PROXY", &address)])
        .agent()
        .await
        .unwrap_err();
    assert_eq!(error.code(), "PARALL_CONNECT");
    let text = format!("{error:?} {}", chain(&error));
    assert!(text.contains("proxy"), "{text}");
    assert!(!text.contains("word"), "{text}");
}

/// A SOCKS5 proxy (RFC 1928) that resolves names itself and notes them.
async fn socks() -> (RawServer, mpsc::UnboundedReceiver<String>) {
    let (sender, notes) = mpsc::unbounded_channel();
    let server = RawServer::start(move |mut stream| {
        let sender = sender.clone();
        async move {
            let mut greeting = vec![0; 2];
            stream.read_exact(&mut greeting).await.unwrap();
            let mut methods = vec![0; usize::from(greeting[1])];
            stream.read_exact(&mut methods).await.unwrap();
            stream.write_all(&[5, 0]).await.unwrap();
            let mut request = [0; 5];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!((request[0], request[1], request[3]), (5, 1, 3), "CONNECT to a name");
            let mut name = vec![0; usize::from(request[4])];
            stream.read_exact(&mut name).await.unwrap();
            let port = stream.read_u16().await.unwrap();
            // A test that has seen enough does not listen any more.
            let _ = sender.send(format!("{}:{port}", String::from_utf8(name).unwrap()));
            let mut target = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut target).await;
        }
    })
    .await;
    (server, notes)
}

#[tokio::test]
async fn requests_and_sockets_go_through_a_socks_proxy() {
    let authority = Authority::new();
    let (proxy, mut notes) = socks().await;
    let socket = encrypted_socket(&authority, HIDDEN_HOST).await;
    let ws_url = format!("wss://{HIDDEN_HOST}:{}/ws", port(&socket));
    let api = encrypted_api(&authority, HIDDEN_HOST, &ws_url).await;
    let file = authority.file();
    let address = format!("socks5h://{}", proxy.address);
    let variables = [("ALL_PROXY", &*address), ("NODE_EXTRA_CA_CERTS", file.to_str().unwrap())];
    let client = client(&format!("https://{HIDDEN_HOST}:{}", port(&api)), &variables);
    Running::start(client, None).frame("news").await;
    for server in [&api, &socket] {
        assert_eq!(soon(notes.recv()).await.unwrap(), format!("{HIDDEN_HOST}:{}", port(server)));
    }
}

#[test]
fn a_proxy_of_an_unknown_kind_is_named_instead_of_being_passed_by() {
    for address in ["gopher://proxy.example:70", "socks9://proxy.example"] {
        let network =
            Network::from_lookup(|name| (name == "ALL_PROXY").then(|| address.to_owned()));
        let error = Client::with(options("https://parall.example"), &network, quick()).unwrap_err();
        assert!(error.to_string().contains("ALL_PROXY cannot be used"), "{address}: {error}");
    }
}
