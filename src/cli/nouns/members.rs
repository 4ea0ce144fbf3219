//! `parall members`.

use clap::Subcommand;
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::{cell, list};
use crate::cli::output::Output;
use crate::organisation::{inner_text, user_id, user_name};

/// People and agents of the organisation
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Members {
    /// List everybody
    List,
}

impl Members {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let Self::List = self;
        Ok(Output::Document { json: session.organisation.members().await?.into_json(), human })
    }
}

fn human(json: &Value) -> String {
    list(json, ["ID", "TYPE", "ROLE", "NAME"], |member| {
        let id = user_id(member).unwrap_or_default().to_owned();
        let kind = inner_text(member, "user", "type").unwrap_or_default().to_owned();
        [id, kind, cell(member, "role"), user_name(member).unwrap_or_default().to_owned()]
    })
}
