//! `parall agents`.

use clap::Subcommand;
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::list;
use crate::cli::output::Output;
use crate::organisation::{inner_text, user_id, user_name};

/// Agents of the organisation
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Agents {
    /// List the agents, and whether they are online
    List,
}

impl Agents {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let Self::List = self;
        Ok(Output::Document { json: session.organisation.agents().await?.into_json(), human })
    }
}

fn human(json: &Value) -> String {
    list(json, ["ID", "PRESENCE", "NAME"], |agent| {
        let presence = inner_text(agent, "presence", "status").unwrap_or_default().to_owned();
        let name = user_name(agent).unwrap_or_default().to_owned();
        [user_id(agent).unwrap_or_default().to_owned(), presence, name]
    })
}
