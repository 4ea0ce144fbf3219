//! The agent's tools: a few verbs that a model uses well, on the same core as the command.
//!
//! ```text
//! read  send  task  wiki   one tool each: what it takes, what it answers
//!   outgoing  through the account's outbox where it runs, else straight to the server
//!   query     what parall_read takes    pages  what a wiki holds, for parall_read
//!   answer    texts of bounded length, with names beside ids
//! ```
//!
//! What a tool takes comes as JSON from the model. The host has checked it against the schema in the shim; here it is read
//! strictly once more, because not every host does.

mod answer;
mod error;
mod origin;
mod outgoing;
mod pages;
mod query;
mod read;
mod send;
mod task;
mod wiki;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

pub use error::Error;
pub use origin::Origin;

use answer::Names;
use outgoing::Outgoing;

use crate::api::Client;
use crate::orchestrator::Gateway;
use crate::organisation::Organisation;

/// How long the names of members are taken for current.
const NAMES_LIFETIME: Duration = Duration::from_secs(60);

/// The tools of one account.
pub struct Tools {
    organisation: Organisation,
    outgoing: Outgoing,
    names: Mutex<Option<(Instant, Arc<Names>)>>,
}

impl Tools {
    /// Tools that send through a running account, or straight to the server where none runs in this process.
    pub fn new(client: Client, gateway: Option<Arc<Gateway>>) -> Self {
        let organisation = Organisation::new(client);
        Self { outgoing: Outgoing::new(gateway), organisation, names: Mutex::default() }
    }

    /// Runs a tool on JSON text and returns the text for the model, at most 24,000 characters.
    ///
    /// # Errors
    /// A sentence that says what to do.
    pub async fn call(
        &self,
        name: &str,
        parameters: &str,
        origin: &Origin,
    ) -> Result<String, Error> {
        match name {
            read::NAME => read::run(self, parsed(parameters)?).await,
            send::NAME => send::run(self, parsed(parameters)?, origin).await,
            task::NAME => task::run(self, parsed(parameters)?, origin).await,
            wiki::NAME => wiki::run(self, parsed(parameters)?).await,
            _ => Err(Error::UnknownTool { name: name.to_owned() }),
        }
    }

    /// Names of the members. An answer without names is better than none.
    async fn names(&self) -> Arc<Names> {
        let known = self.names.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((asked, names)) if asked.elapsed() < NAMES_LIFETIME => names,
            _ => match self.organisation.members().await {
                Ok(members) => {
                    let names = Arc::new(Names::of(&members.items));
                    let mut known = self.names.lock().unwrap_or_else(PoisonError::into_inner);
                    *known = Some((Instant::now(), Arc::clone(&names)));
                    names
                }
                Err(_) => known.map(|(_, names)| names).unwrap_or_default(),
            },
        }
    }
}

fn parsed<T: DeserializeOwned>(parameters: &str) -> Result<T, Error> {
    serde_json::from_str(parameters)
        .map_err(|error| Error::Parameters { reason: error.to_string() })
}
