//! The sessions that events run in.

use crate::orchestrator::turn::earlier::EarlierRun;

/// Where a turn runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// The orchestrator session.
    Main(String),
    /// A fork of it.
    Fork {
        /// Its session key.
        key: String,
        /// Since when main is busy, in milliseconds since 1970. With the first event of a fork, which is told what it is.
        introduced: Option<u64>,
    },
}

impl Session {
    /// The session key.
    pub(crate) fn key(&self) -> &str {
        let (Self::Main(key) | Self::Fork { key, .. }) = self;
        key
    }

    /// The session of a run that an earlier start began.
    pub(super) fn of(run: &EarlierRun) -> Self {
        let key = run.session_key.clone();
        if run.is_fork { Self::Fork { key, introduced: None } } else { Self::Main(key) }
    }
}
