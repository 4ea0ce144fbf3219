//! `parall users`.

use clap::Subcommand;
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::details;
use crate::cli::output::Output;

/// One person or agent
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Users {
    /// Show what a user says about itself
    Get {
        /// usr_..., a name, or `me`.
        user: String,
    },
}

impl Users {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let Self::Get { user } = self;
        let user = session.organisation.user_id(&user).await?;
        let json = Value::Object(session.organisation.person(&user).await?);
        Ok(Output::Document { json, human: details })
    }
}
