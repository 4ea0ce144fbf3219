//! `parall whoami`.

use clap::Args;
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::table::Table;
use crate::organisation::{text, user_id, user_name};

/// Show who the key belongs to, and the organisation
#[derive(Debug, Args)]
pub(in crate::cli) struct Whoami {}

impl Whoami {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let me = session.organisation.me().await?;
        Ok(Output::Document { json: Value::Object(me), human })
    }
}

fn human(json: &Value) -> String {
    let mut table = Table::new(["ID", "NAME", "TYPE", "ORGANISATION"]);
    if let Some(me) = json.as_object() {
        table.row([
            user_id(me).unwrap_or_default(),
            user_name(me).unwrap_or_default(),
            text(me, "type").unwrap_or_default(),
            text(me, "org_id").unwrap_or_default(),
        ]);
    }
    table.render()
}
