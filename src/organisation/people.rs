//! People and agents.

use serde_json::Value;
use tokio::sync::OnceCell;

use super::Organisation;
use super::error::Error;
use super::list::List;
use super::object::user_id;
use crate::api::{self, Class, Object};

impl Organisation {
    /// Who the key belongs to, with the organisation's id.
    pub async fn me(&self) -> Result<Object, Error> {
        let client = self.client();
        let mut me = match self.read(|| client.agent_object()).await {
            // Only agents are known there.
            Err(error) if is_hidden(&error) => self.read(|| client.person_object()).await?,
            answer => answer?,
        };
        me.entry("org_id").or_insert_with(|| Value::String(client.organisation_id().to_owned()));
        Ok(me)
    }

    /// The id of whoever the key belongs to, asked for once.
    pub async fn my_id(&self) -> Result<String, Error> {
        let cell: &OnceCell<String> = &self.my_id;
        let id = cell.get_or_try_init(|| async {
            let me = self.me().await?;
            user_id(&me).map(str::to_owned).ok_or_else(|| Error::Invalid {
                what: "the server's answer",
                reason: "it does not say who the key belongs to".to_owned(),
            })
        });
        id.await.cloned()
    }

    /// Everybody in the organisation.
    pub async fn members(&self) -> Result<List, Error> {
        Ok(self.read(|| self.client().members()).await?.into())
    }

    /// The agents, with their presence.
    pub async fn agents(&self) -> Result<List, Error> {
        Ok(self.read(|| self.client().agents()).await?.into())
    }

    /// A member's profile.
    pub async fn person(&self, user: &str) -> Result<Object, Error> {
        let client = self.client();
        match self.read(|| client.profile(user)).await {
            Err(error) if is_hidden(&error) => Ok(self.read(|| client.user(user)).await?),
            answer => Ok(answer?),
        }
    }
}

fn is_hidden(error: &api::Error) -> bool {
    matches!(error.class(), Class::Forbidden | Class::Missing)
}
