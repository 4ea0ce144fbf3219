//! What the organisation holds: people, chats, messages, tasks, projects, wikis.
//!
//! One module a noun; the command, the agent's tools and the host's directory are thin faces of it. Objects are passed on as the
//! server sends them, so that nothing is lost that only others understand.
//!
//! ```text
//! people  chats  messages  tasks  projects  wikis   one noun each
//!   attachments  files on their way to a message
//!   names/   names -> ids, and one spelling of ids
//!   list     one page or all       object  readers for objects as they came
//! ```

mod attachments;
mod chats;
mod error;
mod list;
mod messages;
mod names;
mod object;
mod people;
mod projects;
mod tasks;
mod wikis;

use std::future::Future;
use std::sync::Arc;

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub use attachments::{MOST_FILES, Progress, allowed_file, mime_type_of, read_files, unfit};
pub use error::{Candidate, Error, shown};
pub use list::{LARGEST_PAGE, List, Paging};
pub use messages::{Draft, LONGEST_TEXT, MessageFilter};
pub use names::{Id, Kind, Place, bare, message_id};
pub use object::{inner_text, object_id, text, user_id, user_name};

use crate::api::retry::{Policy, retry};
use crate::api::{self, Client};

/// The organisation that an account belongs to. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Organisation {
    client: Client,
    my_id: Arc<OnceCell<String>>,
}

impl Organisation {
    /// Asks nothing yet.
    pub fn new(client: Client) -> Self {
        Self { client, my_id: Arc::default() }
    }

    /// The client that is asked.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Reads, or repeats what is safe to repeat, as long as the error may pass.
    pub(crate) async fn read<T, R>(&self, call: impl FnMut() -> R) -> Result<T, api::Error>
    where
        R: Future<Output = Result<T, api::Error>>,
    {
        retry(Policy::INTERACTIVE, &CancellationToken::new(), call).await
    }
}
