//! Chats.

use super::Organisation;
use super::error::Error;
use super::list::{List, PagedList, Paging};
use super::object::{text, user_id};
use crate::api::{Class, Object};

impl Organisation {
    /// The caller's chats. `scope` is `active`, `archived` or `all`.
    pub async fn chats(&self, paging: &Paging, scope: Option<&str>) -> Result<List, Error> {
        let filters: Vec<_> = scope.map(|scope| ("scope", scope)).into_iter().collect();
        self.list(PagedList::Chats, paging, &filters).await
    }

    /// One chat.
    pub async fn chat(&self, chat: &str) -> Result<Object, Error> {
        Ok(self.read(|| self.client().chat_object(chat)).await?)
    }

    /// Who is in a chat.
    pub async fn chat_members(&self, chat: &str) -> Result<List, Error> {
        Ok(self.read(|| self.client().chat_members(chat)).await?.into())
    }

    /// The id of the direct chat with a user, made if there is none. Only the making needs a route that nobody has published.
    pub async fn direct_chat(&self, user: &str) -> Result<String, Error> {
        let me = self.my_id().await?;
        if user == me {
            let reason = "it is your own, and nobody has a direct chat with itself".to_owned();
            return Err(Error::Invalid { what: "the user id", reason });
        }
        if let Some(chat) = self.existing_direct_chat(user, &me).await? {
            return Ok(chat);
        }
        let chat = self.read(|| self.client().open_direct_chat(user)).await?;
        text(&chat, "id").map(str::to_owned).ok_or_else(|| Error::Invalid {
            what: "the server's answer",
            reason: "it does not name the new chat".to_owned(),
        })
    }

    async fn existing_direct_chat(&self, user: &str, me: &str) -> Result<Option<String>, Error> {
        let shared = match self.list(PagedList::MemberChats(user), &Paging::all(), &[]).await {
            // Chats of others may be hidden; the own ones are not.
            Err(Error::Api(error)) if error.class() == Class::Forbidden => {
                self.list(PagedList::MemberChats(me), &Paging::all(), &[]).await?
            }
            shared => shared?,
        };
        let direct = shared.items.iter().filter(|chat| text(chat, "type") == Some("direct"));
        for chat in direct.filter_map(|chat| text(chat, "id")) {
            let members = self.chat_members(chat).await?.items;
            let ids: Vec<_> = members.iter().filter_map(user_id).collect();
            if ids.len() == 2 && ids.contains(&user) && ids.contains(&me) {
                return Ok(Some(chat.to_owned()));
            }
        }
        Ok(None)
    }
}
