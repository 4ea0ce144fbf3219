//! `parall chats`.

use clap::{Subcommand, ValueEnum};
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::{cell, details, list};
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;

/// Chats you are in
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Chats {
    /// List the chats
    List {
        /// Which chats.
        #[arg(long)]
        scope: Option<Scope>,
        #[command(flatten)]
        paging: PagingFlags,
    },
    /// Show a chat
    Get {
        /// cht_... or a name.
        chat: String,
    },
    /// List who is in a chat
    Members {
        /// cht_... or a name.
        chat: String,
    },
}

/// Whether archived things count.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Scope {
    Active,
    Archived,
    All,
}

impl Scope {
    /// As the server spells it.
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::All => "all",
        }
    }
}

impl Chats {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let organisation = &session.organisation;
        Ok(match self {
            Self::List { scope, paging } => {
                let chats = organisation.chats(&paging.into(), scope.map(Scope::name)).await?;
                Output::Document { json: chats.into_json(), human: human_chats }
            }
            Self::Get { chat } => {
                let chat = organisation.chat_id(&chat).await?;
                let json = Value::Object(organisation.chat(&chat).await?);
                Output::Document { json, human: details }
            }
            Self::Members { chat } => {
                let chat = organisation.chat_id(&chat).await?;
                let json = organisation.chat_members(&chat).await?.into_json();
                Output::Document { json, human: human_members }
            }
        })
    }
}

fn human_chats(json: &Value) -> String {
    list(json, ["ID", "TYPE", "LAST MESSAGE", "NAME"], |chat| {
        ["id", "type", "last_message_at", "name"].map(|key| cell(chat, key))
    })
}

fn human_members(json: &Value) -> String {
    list(json, ["USER", "ROLE", "NOTIFICATIONS"], |member| {
        ["user_id", "role", "notification_level"].map(|key| cell(member, key))
    })
}
