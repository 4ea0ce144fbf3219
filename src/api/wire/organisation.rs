//! Routes of people, chats, messages, tasks and projects, beyond those of the event loop.

use http::Method;
use serde::Serialize;

use super::Route;

const fn get(path: &'static str) -> Route {
    Route { method: Method::GET, path }
}

const fn post(path: &'static str) -> Route {
    Route { method: Method::POST, path }
}

/// The person that the key belongs to; an agent's key is not known to answer here.
pub(in crate::api) static ME: Route = get("/api/v1/users/me");
/// People and agents of the organisation, a list without pages.
pub(in crate::api) static MEMBERS: Route = get("/api/v1/orgs/{org}/members");
/// What a member says about itself.
pub(in crate::api) static PROFILE: Route = get("/api/v1/orgs/{org}/members/{user}/profile");
/// One user. **Choice**: only `users/me` is known.
pub(in crate::api) static USER: Route = get("/api/v1/users/{user}");
/// Agents with their presence, a list without pages.
pub(in crate::api) static AGENTS: Route = get("/api/v1/orgs/{org}/agents");
/// Chats of the caller, a paged list.
pub(in crate::api) static CHATS: Route = get("/api/v1/orgs/{org}/chats");
/// Makes a chat. **Choice**: path and body; a direct chat that exists already is answered with 200.
pub(in crate::api) static NEW_CHAT: Route = post("/api/v1/orgs/{org}/chats");
/// Members of a chat, a list without pages.
pub(in crate::api) static CHAT_MEMBERS: Route = get("/api/v1/orgs/{org}/chats/{chat}/members");
/// Answers in a thread. Pages by `before` and `after`; the answer names no cursor.
pub(in crate::api) static REPLIES: Route = get("/api/v1/messages/{message}/replies");
/// Tasks of the organisation, a paged list.
pub(in crate::api) static TASKS: Route = get("/api/v1/orgs/{org}/tasks");
/// Makes a task. There is no key against doubles.
pub(in crate::api) static NEW_TASK: Route = post("/api/v1/orgs/{org}/tasks");
/// Changes a task. There is no version to compare.
pub(in crate::api) static CHANGE_TASK: Route =
    Route { method: Method::PATCH, path: "/api/v1/orgs/{org}/tasks/{task}" };
/// Projects of the organisation, a list without pages.
pub(in crate::api) static PROJECTS: Route = get("/api/v1/orgs/{org}/projects");
/// One project.
pub(in crate::api) static PROJECT: Route = get("/api/v1/orgs/{org}/projects/{project}");
/// Announces a file; the answer says where its bytes go.
pub(in crate::api) static PRESIGN: Route = post("/api/v1/orgs/{org}/upload/presign");
/// Says that a file's bytes are there.
pub(in crate::api) static UPLOAD_COMPLETE: Route = post("/api/v1/orgs/{org}/upload/complete");
/// Puts a file's bytes. Only the name that errors use: the address comes from [`PRESIGN`].
pub(in crate::api) static UPLOAD: Route = Route { method: Method::PUT, path: "(upload address)" };

/// `type` of a chat of two.
pub(in crate::api) const DIRECT: &str = "direct";

/// Body of [`NEW_CHAT`]. **Choice**.
#[derive(Serialize)]
pub(in crate::api) struct NewChatBody<'a> {
    #[serde(rename = "type")]
    pub(in crate::api) kind: &'static str,
    pub(in crate::api) member_ids: [&'a str; 1],
}

/// Body of [`PRESIGN`].
#[derive(Serialize)]
pub(in crate::api) struct PresignBody<'a> {
    pub(in crate::api) file_name: &'a str,
    pub(in crate::api) file_size: usize,
    pub(in crate::api) mime_type: &'a str,
}

/// Body of [`UPLOAD_COMPLETE`].
#[derive(Serialize)]
pub(in crate::api) struct CompleteBody<'a> {
    pub(in crate::api) attachment_id: &'a str,
}
