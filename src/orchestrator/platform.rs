//! Keeps the host's configuration in line with the platform's: at the start, and whenever the server says it changed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::api::{Client, Secret};
use crate::config::{Gate, Manager, ManagerOptions, Trust};
use crate::error::chain;
use crate::orchestrator::context::Context;
use crate::orchestrator::host::Level;

/// Where the host keeps its files.
#[derive(Debug, Clone)]
pub struct HostFiles {
    /// The host's state directory; it keeps the last known good platform configuration.
    pub state_dir: PathBuf,
    /// The user's `openclaw.json`.
    pub config_path: PathBuf,
    /// What the platform may decide.
    pub trust: Trust,
}

/// Least time between two looks at the configuration, however often the server says that it changed.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);

/// The platform configuration of an account.
pub(crate) struct Platform {
    manager: Manager,
    /// The server said that the configuration changed.
    changed: Notify,
}

impl Platform {
    /// Keeps `files` in line; writes wait at `gate` for turns to end.
    pub(crate) fn new(client: Client, api_key: Secret, files: HostFiles, gate: Gate) -> Self {
        let HostFiles { state_dir, config_path, trust } = files;
        let options = ManagerOptions::new(api_key, state_dir, config_path, trust);
        let manager = Manager::new(Arc::new(client), ManagerOptions { gate, ..options });
        Self { manager, changed: Notify::new() }
    }

    /// The configuration changed: it is looked at soon. However often this is called meanwhile, that is once.
    pub(crate) fn request_refresh(&self) {
        self.changed.notify_one();
    }
}

/// Refreshes whenever that is requested, until the account stops.
pub(crate) async fn keep_fresh(context: Arc<Context>, platform: Arc<Platform>) {
    let work = async {
        loop {
            platform.changed.notified().await;
            refresh(&context, Some(&platform)).await;
            tokio::time::sleep(REFRESH_PAUSE).await;
        }
    };
    // Only the end of the account ends this.
    let _: Option<()> = context.work.run_until_cancelled(work).await;
}

/// Brings the host's configuration in line; log and status say what came of it.
pub(crate) async fn refresh(context: &Context, platform: Option<&Platform>) {
    let Some(Platform { manager, .. }) = platform else { return };
    let refreshed = tokio::select! {
        refreshed = manager.refresh() => refreshed,
        () = context.work.cancelled() => return,
    };
    let said = match refreshed {
        Ok(outcome) => {
            for note in &outcome.notes {
                context.log(note.level, format!("platform config: {}", note.message));
            }
            outcome.summary()
        }
        Err(error) => {
            let text = chain(&*error);
            context.log(Level::Error, format!("platform config: {text}"));
            format!("refused: {text}")
        }
    };
    context.status.update(|status| status.platform_config = Some(said));
}
