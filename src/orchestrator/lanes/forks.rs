//! The life of a fork, journaled so that a crash leaves none behind.

use std::fmt;
use std::sync::Arc;

use crate::journal::{ForkRecord, NewFork};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::host::{Fork, Level};

/// Why there is no fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoFork {
    /// The session has no completed turn yet.
    NothingToFork,
    /// The host cannot make one, and why.
    Refused(String),
    /// The account stops.
    Stopped,
}

impl fmt::Display for NoFork {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NothingToFork => "the session has no completed turn yet",
            Self::Refused(reason) => reason,
            Self::Stopped => "the account stops",
        })
    }
}

impl From<Stopped> for NoFork {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<ForkRecord> for Fork {
    fn from(record: ForkRecord) -> Self {
        Self {
            session_key: record.fork.session_key,
            session_id: record.fork.session_id.unwrap_or_default(),
            session_file: record.fork.transcript,
        }
    }
}

/// Makes and removes forks.
pub(crate) struct Forks(pub Arc<Context>);

impl Forks {
    /// Makes a fork of `parent` for a chat or task.
    pub(crate) async fn create(&self, parent: &str, target: &str) -> Result<Fork, NoFork> {
        let context = &self.0;
        let fork = context.host.create_fork(parent.to_owned()).await.map_err(NoFork::Refused)?;
        let fork = fork.ok_or(NoFork::NothingToFork)?;
        let record = NewFork {
            session_key: fork.session_key.clone(),
            session_id: Some(fork.session_id.clone()),
            transcript: fork.session_file.clone(),
            target: target.to_owned(),
        };
        let journal = context.journal()?;
        // A crash before this line leaves a fork that only the host knows; the next start asks it for such.
        context.record("noting a fork", || journal.fork_creating(record.clone())).await?;
        context.record("noting a fork", || journal.fork_running(&fork.session_key)).await?;
        context.status.update(|status| status.forks_unavailable = None);
        Ok(fork)
    }

    /// Removes a fork that has nothing left to do.
    pub(crate) async fn remove(&self, fork: Fork) {
        let context = &self.0;
        let Ok(journal) = context.journal() else { return };
        let key = fork.session_key.clone();
        if context.record("noting the end of a fork", || journal.fork_answered(&key)).await.is_err()
        {
            return;
        }
        self.take_away(fork).await;
    }

    /// Removes what an earlier run left of its forks, but for those in which a turn still runs.
    pub(crate) async fn sweep(&self, parent: &str, running: &[String]) {
        let context = &self.0;
        let Ok(journal) = context.journal() else { return };
        let Ok(known) = context.record("reading forks", || journal.forks()).await else { return };
        let found = context.host.leftover_forks(parent.to_owned()).await.unwrap_or_else(|error| {
            context.log(
                Level::Warn,
                format!("forks left by the last run cannot be looked for: {error}"),
            );
            Vec::new()
        });
        let mut forks: Vec<Fork> = known.into_iter().map(Fork::from).collect();
        forks.extend(found);
        forks.retain(|fork| !running.contains(&fork.session_key));
        forks.sort_by(|left, right| left.session_key.cmp(&right.session_key));
        forks.dedup_by(|left, right| left.session_key == right.session_key);
        for fork in forks {
            context.log(
                Level::Info,
                format!("removing fork {}, left by the last run", fork.session_key),
            );
            self.take_away(fork).await;
        }
    }

    async fn take_away(&self, fork: Fork) {
        let context = &self.0;
        let Ok(journal) = context.journal() else { return };
        let key = fork.session_key.clone();
        match context.host.remove_fork(fork).await {
            // When the journal cannot take it, the next start removes the fork again, which does no harm.
            Ok(()) => {
                let _ =
                    context.record("noting the end of a fork", || journal.fork_removed(&key)).await;
            }
            Err(error) => {
                context.log(
                    Level::Warn,
                    format!("fork {key} could not be removed; the next start tries again: {error}"),
                );
            }
        }
    }
}
