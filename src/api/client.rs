//! Every call this plugin makes to Parall.

use std::sync::Arc;

use http::StatusCode;
use serde::de::IgnoredAny;
use url::{Host, Url};

use super::dialer::SocketDialer;
use super::error::{Class, Error};
use super::files::Foreign;
use super::http::network::{Limits, Network};
use super::http::request::{Call, Http};
use super::http::tls::{self, ExtraRoots};
use super::secret::Secret;
use super::wire;
use super::wire::types::{Agent, AgentAnswer, Chat, Comment, Dispatch, Message, Sent, Task};

/// Who talks to which server.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Address of the server, `https://api.parall.com` for example; a path is kept.
    pub parall_url: String,
    /// The agent's API key.
    pub api_key: Secret,
    /// `org_...`
    pub org_id: String,
    /// Address of the socket, where it is not what the server says.
    pub ws_url: Option<String>,
}

/// A text message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The text.
    pub text: String,
    /// Root of the thread it belongs to.
    pub thread_root_id: Option<String>,
    /// The server makes one message of all sends with the same key. Must not begin with a reserved prefix.
    pub idempotency_key: String,
    /// Asks the agents in the chat not to answer.
    pub no_reply: bool,
    /// Files that were uploaded before, in order. With any, the text may be empty.
    pub attachment_ids: Vec<String>,
}

impl NewMessage {
    /// The message on the wire.
    pub(super) fn body(&self) -> Result<wire::MessageBody<'_>, Error> {
        wire::check_idempotency_key(&self.idempotency_key)?;
        Ok(wire::MessageBody {
            message_type: "text",
            content: wire::ContentBody { text: &self.text },
            idempotency_key: &self.idempotency_key,
            attachment_ids: &self.attachment_ids,
            hints: self.no_reply.then_some(wire::HintsBody { no_reply: true }),
            thread_root_id: self.thread_root_id.as_deref().map(wire::bare_id),
        })
    }
}

/// What the server says about the platform configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformConfigAnswer {
    /// The version at hand is the newest.
    Unchanged,
    /// The server has none.
    Absent,
    /// A configuration, as JSON text exactly as it came.
    Changed(String),
}

/// A client of one account. Cloning is cheap and shares the connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Http,
    dialer: SocketDialer,
    foreign: Foreign,
    org_id: String,
    warnings: Vec<String>,
    roots: Arc<ExtraRoots>,
    limits: Limits,
}

impl Client {
    /// Makes a client with the proxies and certificates of the process. Opens no connection.
    ///
    /// # Errors
    /// An option that cannot be used, named.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        Self::with(options, &Network::from_environment(), Limits::default())
    }

    /// The same with a network and limits of the caller's choice.
    pub fn with(options: ClientOptions, network: &Network, limits: Limits) -> Result<Self, Error> {
        let base = parse_base(&options.parall_url)?;
        let option = |field, reason: &str| Error::Option { field, reason: reason.to_owned() };
        if options.api_key.is_empty() {
            return Err(option("api_key", "it is empty"));
        }
        let org_id = wire::bare_id(options.org_id.trim()).to_owned();
        wire::AGENT.url(&base, &[&org_id]).map_err(|_| option("org_id", "it is not an id"))?;
        let unencrypted = warn_unencrypted(&base);
        let is_encrypted = base.scheme() == "https";
        let tls = tls::configure(network)?;
        let roots = tls.roots;
        let dialer = SocketDialer::new(
            &base,
            options.ws_url.as_deref(),
            network,
            tls.config.clone(),
            &limits,
        )?;
        let foreign = Foreign::new(network.clone(), tls.config.clone(), limits);
        let http = Http::new(base, options.api_key, network, tls.config, &limits)?;
        let mut warnings: Vec<_> = unencrypted.into_iter().collect();
        if is_encrypted && dialer.is_unencrypted() {
            warnings.push(
                "ws_url begins with ws:// while parall_url is encrypted, so everything the server announces travels unencrypted"
                    .to_owned(),
            );
        }
        Ok(Self(Arc::new(Inner { http, dialer, foreign, org_id, warnings, roots, limits })))
    }

    /// What is odd about the set-up without being wrong, such as an unreadable certificate file. For the log. Reads these
    /// files, so it blocks for some milliseconds.
    pub fn warnings(&self) -> Vec<String> {
        self.0.warnings.iter().chain(self.0.roots.warnings()).cloned().collect()
    }

    /// The agent that the key belongs to.
    pub async fn agent(&self) -> Result<Agent, Error> {
        let answer = self.0.http.send(Call::to(&wire::AGENT, &[&self.0.org_id])).await?;
        let agent: AgentAnswer = answer.json()?;
        agent.into_agent().ok_or_else(|| answer.malformed("it holds no id"))
    }

    /// Every dispatch that is not done with, over all pages, oldest page first as the server sorts them.
    ///
    /// An item that cannot be read is left out, so that it does not hide the others; when none can be read, that is an error.
    pub async fn pending_dispatches(&self) -> Result<Vec<Dispatch>, Error> {
        let ids = [self.0.org_id.as_str()];
        let items: Vec<Dispatch> =
            self.list(&wire::DISPATCHES, &ids, &[("limit", wire::DISPATCH_PAGE)]).await?;
        Ok(items.into_iter().filter(|item| wire::is_open(item.status.as_deref())).collect())
    }

    /// Tells the people in the chat that work on a source has begun.
    pub async fn mark_received(&self, source_type: &str, source_id: &str) -> Result<(), Error> {
        let body = wire::ReceivedBody { source_type, source_id: wire::bare_id(source_id) };
        self.0.http.send(Call::to(&wire::RECEIVED, &[&self.0.org_id]).body(body)).await?;
        Ok(())
    }

    /// Says that a dispatch is done with. One that is gone already is done with, too.
    pub async fn acknowledge(&self, dispatch_id: &str) -> Result<(), Error> {
        match self.0.http.send(Call::to(&wire::ACKNOWLEDGE, &[&self.0.org_id, dispatch_id])).await {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND.as_u16()) => Ok(()),
            result => result.map(drop),
        }
    }

    /// One message.
    pub async fn message(&self, id: &str) -> Result<Message, Error> {
        self.0.http.send(Call::to(&wire::MESSAGE, &[id])).await?.json()
    }

    /// One chat.
    pub async fn chat(&self, id: &str) -> Result<Chat, Error> {
        self.0.http.send(Call::to(&wire::CHAT, &[&self.0.org_id, id])).await?.json()
    }

    /// One task.
    pub async fn task(&self, id: &str) -> Result<Task, Error> {
        self.0.http.send(Call::to(&wire::TASK, &[&self.0.org_id, id])).await?.json()
    }

    /// Sends a message. Safe to repeat with the same key: the server keeps one.
    pub async fn send_message(&self, chat_id: &str, message: &NewMessage) -> Result<Sent, Error> {
        let body = message.body()?;
        let ids = [self.org_id(), chat_id];
        self.0.http.send(Call::to(&wire::SEND_MESSAGE, &ids).body(body)).await?.json()
    }

    /// Adds a comment to a task. The server has no key against doubles: after an error of which
    /// the outcome is unknown, read [`Client::comments`] before trying again.
    pub async fn add_comment(&self, task_id: &str, body: &str) -> Result<Comment, Error> {
        wire::check_id("the task id", wire::bare_id(task_id))?;
        let body = wire::CommentBody { target_uri: &wire::reference(task_id), body };
        self.0.http.send(Call::to(&wire::ADD_COMMENT, &[&self.0.org_id]).body(body)).await?.json()
    }

    /// The comments on a task.
    pub async fn comments(&self, task_id: &str) -> Result<Vec<Comment>, Error> {
        let target = wire::reference(task_id);
        let query = [("limit", wire::COMMENT_PAGE), (wire::TARGET_PARAMETER, target.as_str())];
        self.list(&wire::COMMENTS, &[&self.0.org_id], &query).await
    }

    /// The platform configuration, unless `cached_version` is the newest.
    pub async fn platform_config(
        &self,
        cached_version: Option<&str>,
    ) -> Result<PlatformConfigAnswer, Error> {
        let query: Vec<_> =
            cached_version.map(|version| (wire::VERSION_PARAMETER, version)).into_iter().collect();
        let call =
            Call::to(&wire::PLATFORM_CONFIG, &[]).query(&query).cached_version(cached_version);
        let answer = match self.0.http.send(call).await {
            Err(error) if error.class() == Class::Missing => {
                return Ok(PlatformConfigAnswer::Absent);
            }
            answer => answer?,
        };
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(PlatformConfigAnswer::Unchanged);
        }
        answer.json::<IgnoredAny>()?;
        Ok(PlatformConfigAnswer::Changed(answer.text()?.to_owned()))
    }

    pub(super) fn org_id(&self) -> &str {
        &self.0.org_id
    }

    pub(super) fn http(&self) -> &Http {
        &self.0.http
    }

    pub(super) fn foreign(&self) -> &Foreign {
        &self.0.foreign
    }

    pub(super) fn dialer(&self) -> &SocketDialer {
        &self.0.dialer
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.0.limits
    }
}

/// Checks the server's address. The texts never repeat it, because it may hold a password.
fn parse_base(text: &str) -> Result<Url, Error> {
    let refuse = |reason: &str| Error::Option { field: "parall_url", reason: reason.to_owned() };
    let url = Url::parse(text.trim()).map_err(|error| refuse(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("it begins with neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it holds a query or fragment"));
    }
    Ok(url)
}

/// A key that crosses a network in clear can be read by anybody on the way.
fn warn_unencrypted(base: &Url) -> Option<String> {
    let local = match base.host()? {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let unencrypted = base.scheme() == "http" && !local;
    unencrypted
        .then(|| "parall_url begins with http://, so the API key travels unencrypted".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(parall_url: &str, api_key: &str, org_id: &str) -> Result<Client, Error> {
        let options = ClientOptions {
            parall_url: parall_url.into(),
            api_key: Secret::new(api_key),
            org_id: org_id.into(),
            ws_url: None,
        };
        Client::with(options, &Network::default(), Limits::default())
    }

    #[test]
    fn options_that_cannot_work_are_refused_by_name() {
        let table = [
            ("", "k", "org_1", "parall_url"),
            ("api.parall.com", "k", "org_1", "parall_url"),
            ("ftp://h", "k", "org_1", "parall_url"),
            ("https://user:pass@h", "k", "org_1", "parall_url"),
            ("https://h?x=1", "k", "org_1", "parall_url"),
            ("https://h", " ", "org_1", "api_key"),
            ("https://h", "k\u{7}k", "org_1", "api_key"),
            ("https://h", "k", "", "org_id"),
            ("https://h", "k", "..", "org_id"),
        ];
        for (url, key, org, name) in table {
            let error = client(url, key, org).unwrap_err();
            assert!(
                matches!(error, Error::Option { field, .. } if field == name),
                "{url} {org}: {error}"
            );
            assert!(!error.to_string().contains("pass@"), "{error}");
        }
    }

    #[test]
    fn a_key_in_clear_is_warned_of_unless_it_stays_on_this_machine() {
        let table = [
            ("http://parall.example", 1),
            ("http://10.0.0.1:8080", 1),
            ("https://parall.example", 0),
            ("http://localhost:1", 0),
            ("http://127.0.0.1:1", 0),
            ("http://[::1]:1", 0),
        ];
        for (url, count) in table {
            assert_eq!(client(url, "k", "org_1").unwrap().warnings().len(), count, "{url}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let client = client("https://h.example", "prll_canary", "org_1").unwrap();
        assert!(!format!("{client:?}").contains("canary"));
    }
}
