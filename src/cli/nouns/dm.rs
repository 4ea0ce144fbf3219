//! `parall dm`.

use clap::Args;

use super::messages::{MessageFlags, send};
use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::output::Output;

/// Send a direct message to a person or an agent
#[derive(Debug, Args)]
pub(in crate::cli) struct Dm {
    /// usr_... or a name.
    user: String,
    #[command(flatten)]
    message: MessageFlags,
}

impl Dm {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let draft = self.message.draft()?;
        draft.check()?;
        let user = session.organisation.user_id(&self.user).await?;
        let chat = session.organisation.direct_chat(&user).await?;
        send(session, &chat, &draft).await
    }
}
