//! `parall tasks comments`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::{answers, details};
use crate::cli::input;
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;

/// Comments on a task
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Comments {
    /// Comment on a task
    Add {
        /// tsk_..., its short name or its title.
        task: String,
        /// The text; `-` reads standard input.
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        body: Option<String>,
        /// File that holds the text.
        #[arg(long, value_name = "FILE", conflicts_with = "body")]
        body_file: Option<PathBuf>,
    },
    /// List the comments on a task, oldest first
    List {
        /// tsk_..., its short name or its title.
        task: String,
        #[command(flatten)]
        paging: PagingFlags,
    },
}

impl Comments {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let organisation = &session.organisation;
        Ok(match self {
            Self::Add { task, body, body_file } => {
                let body = input::read(body, body_file.as_deref())?.unwrap_or_default();
                let task = organisation.task_id(&task).await?;
                let json = Value::Object(organisation.add_comment(&task, &body).await?);
                Output::Document { json, human: details }
            }
            Self::List { task, paging } => {
                let task = organisation.task_id(&task).await?;
                let json = organisation.comments(&task, &paging.into()).await?.into_json();
                Output::Document { json, human: answers }
            }
        })
    }
}
