//! Runs that an earlier start of the account began in this process and that still continue.

use tokio::sync::watch;

use super::watchdog::Watched;

/// Such a run, which this start follows to its end.
#[derive(Debug, Clone)]
pub(crate) struct EarlierRun {
    /// Id of the turn.
    pub id: String,
    /// The session it runs in.
    pub session_key: String,
    /// Whether that is a fork.
    pub is_fork: bool,
    outcome: watch::Receiver<Option<Watched>>,
}

impl EarlierRun {
    /// The run of a turn. Its outcome will come through the receiver.
    pub(crate) fn new(
        id: String,
        session_key: String,
        is_fork: bool,
        outcome: watch::Receiver<Option<Watched>>,
    ) -> Self {
        Self { id, session_key, is_fork, outcome }
    }

    /// Waits for the end of the run; nothing when nobody will note it any more.
    pub(crate) async fn outcome(&self) -> Option<Watched> {
        self.outcome.clone().wait_for(Option::is_some).await.ok()?.clone()
    }
}
