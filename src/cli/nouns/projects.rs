//! `parall projects`.

use clap::Subcommand;
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::{cell, details, list};
use crate::cli::output::Output;

/// Projects, which tasks belong to
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Projects {
    /// List the projects
    List,
    /// Show a project
    Get {
        /// prj_..., its key or its name.
        project: String,
    },
}

impl Projects {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let organisation = &session.organisation;
        Ok(match self {
            Self::List => {
                Output::Document { json: organisation.projects().await?.into_json(), human }
            }
            Self::Get { project } => {
                let project = organisation.project_id(&project).await?;
                let json = Value::Object(organisation.project(&project).await?);
                Output::Document { json, human: details }
            }
        })
    }
}

fn human(json: &Value) -> String {
    list(json, ["ID", "KEY", "STATUS", "NAME"], |project| {
        ["id", "key", "status", "name"].map(|key| cell(project, key))
    })
}
