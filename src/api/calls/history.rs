//! What a server without dispatch inbox offers to somebody who was away: chats, their messages, tasks. And who a member is.

use super::list::{Page, read_items};
use crate::api::client::Client;
use crate::api::error::Error;
use crate::api::http::request::Call;
use crate::api::wire;
use crate::api::wire::moment::moment;
use crate::api::wire::types::{Chat, Message, Sender, Task};

/// Part of a chat's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePage {
    /// Newest first.
    pub messages: Vec<Message>,
    /// What [`Client::messages`] takes to read on; nothing at the beginning of the chat.
    pub next: Option<String>,
    /// How many messages were asked for in the end.
    pub asked: usize,
}

impl Client {
    /// A member of the organisation, a person or an agent.
    pub async fn member(&self, id: &str) -> Result<Sender, Error> {
        let ids = [self.org_id(), id];
        let profile: Sender =
            self.http().send(Call::to(&wire::MEMBER_PROFILE, &ids)).await?.json()?;
        Ok(Sender { id: wire::bare_id(id).to_owned(), ..profile })
    }

    /// The chats that an agent is in.
    pub async fn chats(&self, agent_id: &str) -> Result<Vec<Chat>, Error> {
        let ids = [self.org_id(), agent_id];
        self.list(&wire::MEMBER_CHATS, &ids, &[("limit", wire::HISTORY_PAGE)]).await
    }

    /// The tasks that wait for an agent.
    pub async fn pending_tasks(&self, agent_id: &str) -> Result<Vec<Task>, Error> {
        let ids = [self.org_id(), agent_id];
        self.list(&wire::AGENT_TASKS, &ids, &[("limit", wire::HISTORY_PAGE)]).await
    }

    /// At most `most` messages of a chat, the newest ones or those before a place. An answer that is too large to be read is
    /// asked for in smaller pieces.
    pub async fn messages(
        &self,
        chat_id: &str,
        before: Option<&str>,
        most: usize,
    ) -> Result<MessagePage, Error> {
        let mut limit = most.max(1);
        loop {
            match self.message_page(chat_id, before, limit).await {
                Err(Error::TooLarge { .. }) if limit > 1 => limit /= 4,
                page => return page,
            }
            limit = limit.max(1);
        }
    }

    async fn message_page(
        &self,
        chat_id: &str,
        before: Option<&str>,
        asked: usize,
    ) -> Result<MessagePage, Error> {
        let limit = asked.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(before.map(|place| (wire::BEFORE_PARAMETER, place)));
        let ids = [self.org_id(), chat_id];
        let call = Call::to(&wire::CHAT_MESSAGES, &ids).query(&query);
        let answer = self.http().send(call).await?;
        let page: Page = answer.json()?;
        let messages = newest_first(read_items(&answer, &page.data)?);
        let oldest = || messages.last().map(|message| message.id.clone());
        let next = page.next_cursor().map(str::to_owned).or_else(oldest);
        Ok(MessagePage { next: next.filter(|_| page.has_more), messages, asked })
    }
}

/// Turns a page round that begins with its oldest message. **Choice**: one that does not tell begins with the newest.
fn newest_first(mut messages: Vec<Message>) -> Vec<Message> {
    let time = |message: Option<&Message>| moment(message?.created_at.as_deref()?);
    if let (Some(first), Some(last)) = (time(messages.first()), time(messages.last()))
        && first < last
    {
        messages.reverse();
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, time: &str) -> Message {
        let text = format!(r#"{{"id":"{id}","chat_id":"cht_1","created_at":"{time}"}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_page_is_read_newest_first_however_the_server_sorts() {
        let [old, new] =
            [message("a", "2026-11-22T08:00:00Z"), message("b", "2026-11-22T08:00:00.5Z")];
        let expected = vec![new.clone(), old.clone()];
        assert_eq!(newest_first(vec![old.clone(), new.clone()]), expected);
        assert_eq!(newest_first(vec![new, old]), expected);
        let same = vec![message("a", "soon"), message("b", "later")];
        assert_eq!(newest_first(same.clone()), same);
    }
}
