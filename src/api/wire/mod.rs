//! Every path, field and value of Parall's interface that this client sends or depends on, in one place.
//!
//! There is no public specification. What published clients of the real server rely on is taken as known; everything
//! marked **choice** is ours, made because nothing is known, and one capture from a real server corrects it here.

use http::Method;
use serde::Serialize;
use url::Url;

use super::error::Error;
use crate::api::wire::lenient::LONGEST_ID;

pub mod announced;
pub(super) mod lenient;
pub(super) mod moment;
pub(super) mod organisation;
pub(super) mod types;
pub(super) mod wiki;

/// A request's method and path. `{name}` stands for an id.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
}

/// The agent that the key belongs to.
pub(super) const AGENT: Route = Route { method: Method::GET, path: "/api/v1/orgs/{org}/agents/me" };
/// The agent's inbox, a paged list.
pub(super) const DISPATCHES: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/dispatch" };
/// "Work on this source has begun."
pub(super) const RECEIVED: Route =
    Route { method: Method::POST, path: "/api/v1/orgs/{org}/dispatch/received" };
/// "This dispatch is done with."
pub(super) const ACKNOWLEDGE: Route =
    Route { method: Method::POST, path: "/api/v1/orgs/{org}/dispatch/{dispatch}/ack" };
/// One message; the only object route without an organisation.
pub(super) const MESSAGE: Route = Route { method: Method::GET, path: "/api/v1/messages/{message}" };
/// One chat.
pub(super) const CHAT: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/chats/{chat}" };
/// The chats that a member is in, a paged list.
pub(super) const MEMBER_CHATS: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/members/{member}/chats" };
/// What the other members see of one: id, name and whether it is a person or an agent.
pub(super) const MEMBER_PROFILE: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/members/{member}/profile" };
/// Messages of a chat. **Choice**: without [`BEFORE_PARAMETER`] the newest ones, answers in threads among them.
pub(super) const CHAT_MESSAGES: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/chats/{chat}/messages" };
/// The tasks that wait for an agent, a paged list.
pub(super) const AGENT_TASKS: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/agents/{agent}/tasks" };
/// Sends a message.
pub(super) const SEND_MESSAGE: Route =
    Route { method: Method::POST, path: "/api/v1/orgs/{org}/chats/{chat}/messages" };
/// One task.
pub(super) const TASK: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/tasks/{task}" };
/// Adds a comment; the target travels in the body.
pub(super) const ADD_COMMENT: Route =
    Route { method: Method::POST, path: "/api/v1/orgs/{org}/comments" };
/// Lists the comments on a target. **Choice**: the path of the known POST, with `target_uri` in the query.
pub(super) const COMMENTS: Route =
    Route { method: Method::GET, path: "/api/v1/orgs/{org}/comments" };
/// The platform's configuration for this agent. **Choice**: the path. Not below an organisation, because version 1.12.0
/// asked for it with nothing but key and address.
pub(super) const PLATFORM_CONFIG: Route =
    Route { method: Method::GET, path: "/api/v1/platform-config" };
/// A ticket for one socket.
pub(super) const SOCKET_TICKET: Route = Route { method: Method::POST, path: "/api/v1/ws/ticket" };
/// Opens the socket. Only the name that errors use: the real address comes from the ticket.
pub(super) const SOCKET: Route = Route { method: Method::GET, path: "/ws" };

/// Where the socket is when nobody says otherwise.
pub(super) const SOCKET_PATH: &str = "/ws";
/// Query parameter of the socket that carries the ticket.
pub(super) const TICKET_PARAMETER: &str = "ticket";
/// Query parameter of the socket: the last position this client has seen.
pub(super) const LAST_SEQ_PARAMETER: &str = "last_seq";

/// Query parameter that carries the version of the platform configuration at hand. **Choice**; the same version also
/// travels as `If-None-Match`.
pub(super) const VERSION_PARAMETER: &str = "version";
/// Query parameter of a comment list. **Choice**.
pub(super) const TARGET_PARAMETER: &str = "target_uri";

/// Query parameter of a list of messages: only those before this one. **Choice**: that it takes a message id where the answer
/// before named no cursor, and leaves that message out.
pub(super) const BEFORE_PARAMETER: &str = "before";

/// Items a page of the inbox, as the known client asks.
pub(super) const DISPATCH_PAGE: &str = "50";
/// Items a page of comments. **Choice**, at the limit of the other lists.
pub(super) const COMMENT_PAGE: &str = "200";
/// Items a page of chats and tasks, at the limit of those lists.
pub(super) const HISTORY_PAGE: &str = "200";
/// Pages that are read at most. **Choice**: the known client stops after 40, which is 2,000 dispatches; when more wait, younger
/// ones would overtake the rest.
pub(super) const MOST_PAGES: usize = 400;

/// States in which a dispatch needs nothing any more. **Choice**: only `pending` and `received` are known. A state that
/// is not listed counts as open, because answering late is better than never.
const CLOSED_STATES: [&str; 8] =
    ["acked", "acknowledged", "done", "completed", "canceled", "cancelled", "dismissed", "expired"];

/// Prefixes of idempotency keys that the server keeps for itself.
const RESERVED_KEY_PREFIXES: [&str; 2] = ["reply:", "task_update:"];

/// The scheme of references to Parall's objects.
const REFERENCE_SCHEME: &str = "prll://";

/// Whether a dispatch in this state still waits for the agent.
pub(super) fn is_open(status: Option<&str>) -> bool {
    status.is_none_or(|status| !CLOSED_STATES.contains(&status))
}

/// An id without the `prll://` of a reference.
pub(super) fn bare_id(id: &str) -> &str {
    id.strip_prefix(REFERENCE_SCHEME).unwrap_or(id)
}

/// The reference form of an id.
pub(super) fn reference(id: &str) -> String {
    format!("{REFERENCE_SCHEME}{}", bare_id(id))
}

/// Checks an idempotency key before it is sent.
pub(super) fn check_idempotency_key(key: &str) -> Result<(), Error> {
    let refuse = |reason: &str| {
        Err(Error::Argument { what: "the idempotency key", reason: reason.to_owned() })
    };
    if key.is_empty() {
        return refuse("it is empty");
    }
    if RESERVED_KEY_PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
        return refuse("it begins with a prefix that the server keeps for itself");
    }
    Ok(())
}

impl Route {
    /// The address of this route below `base`, each id as exactly one percent-encoded segment.
    pub(super) fn url(&self, base: &Url, ids: &[&str]) -> Result<Url, Error> {
        let mut url = base.clone();
        let mut ids = ids.iter();
        let Ok(mut segments) = url.path_segments_mut() else {
            return Err(Error::Option {
                field: "parall_url",
                reason: "it cannot carry a path".into(),
            });
        };
        segments.pop_if_empty();
        for part in self.path.split('/').skip(1) {
            if part.starts_with('{') {
                let id = bare_id(ids.next().copied().unwrap_or_default());
                check_id(id_name(part), id)?;
                segments.push(id);
            } else {
                segments.push(part);
            }
        }
        drop(segments);
        Ok(url)
    }
}

/// Checks a bare id. Dots are refused because no encoding keeps `..` from climbing in a path; everything else is encoded
/// where it has to be.
pub(super) fn check_id(what: &'static str, id: &str) -> Result<(), Error> {
    let reason = match id {
        "" => "it is empty",
        "." | ".." => "it is a path step, not an id",
        id if id.len() > LONGEST_ID => "it is too long",
        id if id.chars().any(|character| character.is_control() || character.is_whitespace()) => {
            "it holds white space or control characters"
        }
        _ => return Ok(()),
    };
    Err(Error::Argument { what, reason: reason.to_owned() })
}

fn id_name(place: &'static str) -> &'static str {
    match place {
        "{org}" => "the organisation id",
        "{chat}" => "the chat id",
        "{member}" | "{agent}" => "the agent's id",
        "{user}" => "the user id",
        "{project}" => "the project id",
        "{message}" => "the message id",
        "{task}" => "the task id",
        "{dispatch}" => "the dispatch id",
        "{wiki}" => "the wiki",
        "{changeset}" => "the changeset id",
        "{hash}" => "the hash",
        _ => "an id",
    }
}

/// Body of [`RECEIVED`].
#[derive(Serialize)]
pub(super) struct ReceivedBody<'a> {
    pub(super) source_type: &'a str,
    pub(super) source_id: &'a str,
}

/// Body of [`SEND_MESSAGE`].
#[derive(Serialize)]
pub(super) struct MessageBody<'a> {
    pub(super) message_type: &'static str,
    pub(super) content: ContentBody<'a>,
    pub(super) idempotency_key: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) attachment_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hints: Option<HintsBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread_root_id: Option<&'a str>,
}

/// `content` of a text message.
#[derive(Serialize)]
pub(super) struct ContentBody<'a> {
    pub(super) text: &'a str,
}

/// `hints` of a message.
#[derive(Serialize)]
pub(super) struct HintsBody {
    pub(super) no_reply: bool,
}

/// Body of [`ADD_COMMENT`].
#[derive(Serialize)]
pub(super) struct CommentBody<'a> {
    pub(super) target_uri: &'a str,
    pub(super) body: &'a str,
}

/// The client's heartbeat, sent as a text frame.
#[derive(Serialize)]
pub(super) struct PingFrame {
    #[serde(rename = "type")]
    kind: &'static str,
    data: PingData,
}

#[derive(Serialize)]
struct PingData {
    ts: u64,
}

impl PingFrame {
    /// A heartbeat that carries the wall clock in milliseconds.
    pub(super) fn at(ts: u64) -> Self {
        Self { kind: "ping", data: PingData { ts } }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(route: &Route, ids: &[&str]) -> String {
        route.url(&Url::parse("https://h.example/root/").unwrap(), ids).unwrap().to_string()
    }

    #[test]
    fn paths_are_put_below_the_base() {
        assert_eq!(
            url(&SEND_MESSAGE, &["org_1", "cht_1"]),
            "https://h.example/root/api/v1/orgs/org_1/chats/cht_1/messages"
        );
        let bare = Url::parse("https://h.example").unwrap();
        assert_eq!(
            SOCKET_TICKET.url(&bare, &[]).unwrap().as_str(),
            "https://h.example/api/v1/ws/ticket"
        );
    }

    #[test]
    fn an_id_is_one_segment_whatever_it_holds() {
        let table = [
            ("a/b", "a%2Fb"),
            ("../x", "..%2Fx"),
            ("%2e%2e", "%252e%252e"),
            ("a\\b", "a%5Cb"),
            ("a?b#c", "a%3Fb%23c"),
            ("prll://msg_1", "msg_1"),
            ("...", "..."),
            ("é", "%C3%A9"),
        ];
        for (id, segment) in table {
            assert_eq!(
                url(&MESSAGE, &[id]),
                format!("https://h.example/root/api/v1/messages/{segment}"),
                "{id}"
            );
        }
    }

    #[test]
    fn an_id_that_is_none_is_refused_by_name() {
        let base = Url::parse("https://h.example").unwrap();
        let long = "x".repeat(LONGEST_ID + 1);
        for id in ["", ".", "..", "prll://", "prll://..", "a b", "a\nb", "a\0", long.as_str()] {
            let error = MESSAGE.url(&base, &[id]).unwrap_err();
            assert!(
                matches!(error, Error::Argument { what: "the message id", .. }),
                "{id:?}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_comes_out_as_the_one_segment_it_was(id in any::<String>()) {
            let base = Url::parse("https://h.example").unwrap();
            if let Ok(url) = ACKNOWLEDGE.url(&base, &["org_1", &id]) {
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 7);
                let segment = format!("x={}", segments[5].replace('+', "%2B").replace('&', "%26"));
                let (_, decoded) = url::form_urlencoded::parse(segment.as_bytes()).next().unwrap();
                prop_assert_eq!(decoded, bare_id(&id));
                prop_assert_eq!(url.host_str(), Some("h.example"));
            }
        }
    }

    #[test]
    fn a_state_nobody_knows_counts_as_open() {
        assert!(is_open(None));
        assert!(
            is_open(Some("pending")) && is_open(Some("received")) && is_open(Some("brand_new"))
        );
        assert!(!is_open(Some("acked")) && !is_open(Some("done")));
    }

    #[test]
    fn reserved_idempotency_keys_are_refused() {
        assert!(check_idempotency_key("parall:dsp_1:0").is_ok());
        for key in ["", "reply:dsp_1", "task_update:tsk_1"] {
            assert!(check_idempotency_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn bodies_hold_exactly_the_known_fields() {
        let body = MessageBody {
            message_type: "text",
            content: ContentBody { text: "hi" },
            idempotency_key: "k",
            attachment_ids: &[],
            hints: None,
            thread_root_id: None,
        };
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"message_type":"text","content":{"text":"hi"},"idempotency_key":"k"}"#
        );
        assert_eq!(
            serde_json::to_string(&PingFrame::at(7)).unwrap(),
            r#"{"type":"ping","data":{"ts":7}}"#
        );
    }
}
