//! Parall's objects as the server sends them, for callers that pass them on: the command and the agent's tools.

use serde::Serialize;
use serde_json::{Map, Value};

use super::list::{Page, read_items};
use crate::api::client::{Client, NewMessage};
use crate::api::error::Error;
use crate::api::http::request::{Answer, Call};
use crate::api::wire::organisation as wire;
use crate::api::wire::{self as routes, Route};

/// An object with every field that came, in the order of the server.
pub type Object = Map<String, Value>;
/// Names and values of a query.
pub type Query<'a> = [(&'a str, &'a str)];

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectPage {
    /// The items, as the server sorts them.
    pub items: Vec<Object>,
    /// Whether there are more.
    pub has_more: bool,
    /// What the server takes as `cursor` to continue, where it says so.
    pub next_cursor: Option<String>,
}

impl Client {
    /// The organisation all calls are about, `org_...`.
    pub fn organisation_id(&self) -> &str {
        self.org_id()
    }

    /// The agent that the key belongs to.
    pub async fn agent_object(&self) -> Result<Object, Error> {
        self.get(&routes::AGENT, &[self.org_id()]).await
    }

    /// The person that the key belongs to.
    pub async fn person_object(&self) -> Result<Object, Error> {
        self.get(&wire::ME, &[]).await
    }

    /// People and agents of the organisation.
    pub async fn members(&self) -> Result<ObjectPage, Error> {
        self.page(&wire::MEMBERS, &[self.org_id()], &[]).await
    }

    /// What a member says about itself.
    pub async fn profile(&self, user: &str) -> Result<Object, Error> {
        self.get(&wire::PROFILE, &[self.org_id(), user]).await
    }

    /// A user of any organisation that the caller shares.
    pub async fn user(&self, user: &str) -> Result<Object, Error> {
        self.get(&wire::USER, &[user]).await
    }

    /// Agents with their presence.
    pub async fn agents(&self) -> Result<ObjectPage, Error> {
        self.page(&wire::AGENTS, &[self.org_id()], &[]).await
    }

    /// A page of the caller's chats.
    pub async fn chat_page(&self, query: &Query<'_>) -> Result<ObjectPage, Error> {
        self.page(&wire::CHATS, &[self.org_id()], query).await
    }

    /// A page of the chats that a member is in, as far as the caller may see them.
    pub async fn member_chat_page(
        &self,
        user: &str,
        query: &Query<'_>,
    ) -> Result<ObjectPage, Error> {
        self.page(&routes::MEMBER_CHATS, &[self.org_id(), user], query).await
    }

    /// One chat.
    pub async fn chat_object(&self, chat: &str) -> Result<Object, Error> {
        self.get(&routes::CHAT, &[self.org_id(), chat]).await
    }

    /// Members of a chat.
    pub async fn chat_members(&self, chat: &str) -> Result<ObjectPage, Error> {
        self.page(&wire::CHAT_MEMBERS, &[self.org_id(), chat], &[]).await
    }

    /// The direct chat with a user, made if there is none.
    pub async fn open_direct_chat(&self, user: &str) -> Result<Object, Error> {
        routes::check_id("the user id", routes::bare_id(user))?;
        let member_ids = [routes::bare_id(user)];
        let body = wire::NewChatBody { kind: wire::DIRECT, member_ids };
        self.write(&wire::NEW_CHAT, &[self.org_id()], body).await
    }

    /// A page of a chat's messages.
    pub async fn message_objects(
        &self,
        chat: &str,
        query: &Query<'_>,
    ) -> Result<ObjectPage, Error> {
        self.page(&routes::CHAT_MESSAGES, &[self.org_id(), chat], query).await
    }

    /// Sends a message. Safe to repeat with the same key: the server keeps one.
    pub async fn create_message(&self, chat: &str, message: &NewMessage) -> Result<Object, Error> {
        self.write(&routes::SEND_MESSAGE, &[self.org_id(), chat], message.body()?).await
    }

    /// One message.
    pub async fn message_object(&self, message: &str) -> Result<Object, Error> {
        self.get(&routes::MESSAGE, &[message]).await
    }

    /// A page of a thread. It may hold the root.
    pub async fn replies(&self, message: &str, query: &Query<'_>) -> Result<ObjectPage, Error> {
        self.page(&wire::REPLIES, &[message], query).await
    }

    /// A page of the organisation's tasks.
    pub async fn tasks(&self, query: &Query<'_>) -> Result<ObjectPage, Error> {
        self.page(&wire::TASKS, &[self.org_id()], query).await
    }

    /// One task.
    pub async fn task_object(&self, task: &str) -> Result<Object, Error> {
        self.get(&routes::TASK, &[self.org_id(), task]).await
    }

    /// Makes a task. A repeated call makes another one.
    pub async fn create_task(&self, fields: &Object) -> Result<Object, Error> {
        self.write(&wire::NEW_TASK, &[self.org_id()], fields).await
    }

    /// Changes fields of a task.
    pub async fn change_task(&self, task: &str, fields: &Object) -> Result<Object, Error> {
        self.write(&wire::CHANGE_TASK, &[self.org_id(), task], fields).await
    }

    /// A page of the comments on a task.
    pub async fn comment_page(&self, task: &str, query: &Query<'_>) -> Result<ObjectPage, Error> {
        routes::check_id("the task id", routes::bare_id(task))?;
        let target = routes::reference(task);
        let mut with_target = vec![(routes::TARGET_PARAMETER, target.as_str())];
        with_target.extend_from_slice(query);
        self.page(&routes::COMMENTS, &[self.org_id()], &with_target).await
    }

    /// Adds a comment to a task. A repeated call adds another one.
    pub async fn create_comment(&self, task: &str, body: &str) -> Result<Object, Error> {
        routes::check_id("the task id", routes::bare_id(task))?;
        let body = routes::CommentBody { target_uri: &routes::reference(task), body };
        self.write(&routes::ADD_COMMENT, &[self.org_id()], body).await
    }

    /// Projects of the organisation.
    pub async fn projects(&self) -> Result<ObjectPage, Error> {
        self.page(&wire::PROJECTS, &[self.org_id()], &[]).await
    }

    /// One project.
    pub async fn project(&self, project: &str) -> Result<Object, Error> {
        self.get(&wire::PROJECT, &[self.org_id(), project]).await
    }

    /// Reads one object. One that names nothing is no answer.
    pub(in crate::api) async fn get(
        &self,
        route: &'static Route,
        ids: &[&str],
    ) -> Result<Object, Error> {
        named(&self.http().send(Call::to(route, ids)).await?)
    }

    /// Reads a page of a list.
    pub(in crate::api) async fn page(
        &self,
        route: &'static Route,
        ids: &[&str],
        query: &Query<'_>,
    ) -> Result<ObjectPage, Error> {
        let answer = self.http().send(Call::to(route, ids).query(query)).await?;
        let page: Page = answer.json()?;
        let items = read_items(&answer, &page.data)?;
        let next_cursor = page.next_cursor().map(str::to_owned);
        Ok(ObjectPage { items, has_more: page.has_more, next_cursor })
    }

    /// Writes one object and reads what became of it.
    pub(in crate::api) async fn write<B: Serialize>(
        &self,
        route: &'static Route,
        ids: &[&str],
        body: B,
    ) -> Result<Object, Error> {
        named(&self.http().send(Call::to(route, ids).body(body)).await?)
    }
}

/// An object that says which one it is. Users are named in several ways.
fn named(answer: &Answer<'_>) -> Result<Object, Error> {
    let object: Object = answer.json()?;
    let is_named = |object: &Object| {
        let ids = ["id", "user_id", "agent_id"].map(|key| object.get(key).and_then(Value::as_str));
        ids.into_iter().flatten().any(|id| !id.is_empty())
    };
    if is_named(&object) || object.get("user").and_then(Value::as_object).is_some_and(is_named) {
        Ok(object)
    } else {
        Err(answer.malformed("it holds no id"))
    }
}
