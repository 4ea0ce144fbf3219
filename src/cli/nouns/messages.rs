//! `parall messages`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::{answers, details, messages};
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;
use crate::cli::{input, progress};
use crate::organisation::{Draft, MessageFilter, Paging, message_id};

/// Messages of chats and threads
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Messages {
    /// List messages of a chat, newest first
    List {
        /// cht_... or a name.
        chat: String,
        #[command(flatten)]
        paging: PagingFlags,
        /// Only those before this message.
        #[arg(long, value_name = "MSG", conflicts_with_all = ["after", "cursor"])]
        before: Option<String>,
        /// Only those after this message, oldest first.
        #[arg(long, value_name = "MSG", conflicts_with_all = ["cursor", "all"])]
        after: Option<String>,
        /// Only those since this time (RFC 3339) or date.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only answers in the thread of this message.
        #[arg(long, value_name = "MSG")]
        thread_root_id: Option<String>,
        /// Only messages outside of threads.
        #[arg(long)]
        top_level: bool,
    },
    /// Show a message
    Get {
        /// msg_...
        message: String,
    },
    /// List the answers in the thread of a message
    Replies {
        /// msg_...
        message: String,
        #[command(flatten)]
        paging: PagingFlags,
        /// Only those before this message.
        #[arg(long, value_name = "MSG", conflicts_with_all = ["after", "cursor"])]
        before: Option<String>,
        /// Only those after this message.
        #[arg(long, value_name = "MSG", conflicts_with_all = ["cursor", "all"])]
        after: Option<String>,
    },
    /// Send a message to a chat
    Send {
        /// cht_... or a name.
        chat: String,
        #[command(flatten)]
        message: MessageFlags,
    },
}

/// What is sent.
#[derive(Debug, Args)]
pub(in crate::cli) struct MessageFlags {
    /// The text; `-` reads standard input.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
    /// File that holds the text.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    text_file: Option<PathBuf>,
    /// Answer in the thread of this message.
    #[arg(long, value_name = "MSG")]
    thread_root_id: Option<String>,
    /// Ask agents not to answer.
    #[arg(long)]
    no_reply: bool,
    /// File to send along; may be given up to eight times.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// The same key again cannot make a double. A new one when left out.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Messages {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let organisation = &session.organisation;
        Ok(match self {
            Self::List { chat, paging, before, after, since, thread_root_id, top_level } => {
                let filter = MessageFilter {
                    after: bare(after)?,
                    since,
                    thread_root_id: bare(thread_root_id)?,
                    top_level,
                };
                let chat = organisation.chat_id(&chat).await?;
                let paging = from(paging, before)?;
                let list = organisation.messages(&chat, &filter, &paging).await?;
                Output::Document { json: list.into_json(), human: messages }
            }
            Self::Get { message } => {
                let message = organisation.message(&message_id(&message)?).await?;
                Output::Document { json: Value::Object(message), human: details }
            }
            Self::Replies { message, paging, before, after } => {
                let (after, paging) = (bare(after)?, from(paging, before)?);
                let message = message_id(&message)?;
                let list = organisation.replies(&message, after.as_deref(), &paging).await?;
                Output::Document { json: list.into_json(), human: answers }
            }
            Self::Send { chat, message } => {
                let draft = message.draft()?;
                let chat = organisation.chat_id(&chat).await?;
                send(session, &chat, &draft).await?
            }
        })
    }
}

impl MessageFlags {
    /// The message that the flags describe.
    pub(in crate::cli) fn draft(self) -> Result<Draft, Failure> {
        Ok(Draft {
            text: input::read(self.text, self.text_file.as_deref())?.unwrap_or_default(),
            thread_root_id: bare(self.thread_root_id)?,
            no_reply: self.no_reply,
            attachments: self.attach,
            idempotency_key: self.idempotency_key,
        })
    }
}

/// Sends and prints what is in the chat then.
pub(in crate::cli) async fn send(
    session: &Session,
    chat: &str,
    draft: &Draft,
) -> Result<Output, Failure> {
    let progress = if draft.attachments.is_empty() { None } else { progress::of_uploads() };
    let message = session.organisation.send(chat, draft, progress.as_ref()).await?;
    Ok(Output::Document { json: Value::Object(message), human: details })
}

/// Lists of messages continue before the oldest one.
fn from(paging: PagingFlags, before: Option<String>) -> Result<Paging, Failure> {
    let paging: Paging = paging.into();
    let cursor = bare(before)?.or(paging.cursor);
    Ok(Paging { cursor, ..paging })
}

fn bare(message: Option<String>) -> Result<Option<String>, Failure> {
    Ok(message.map(|message| message_id(&message)).transpose()?)
}
