//! Keeps the host's configuration in line with the platform's: at the start, and whenever the server says it changed.

use std::path::PathBuf;
use std::sync::Arc;

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

/// The platform configuration of an account.
pub(crate) struct Platform(Manager);

impl Platform {
    /// Keeps `files` in line; writes wait at `gate` for turns to end.
    pub(crate) fn new(client: Client, api_key: Secret, files: HostFiles, gate: Gate) -> Self {
        let HostFiles { state_dir, config_path, trust } = files;
        let options = ManagerOptions::new(api_key, state_dir, config_path, trust);
        Self(Manager::new(Arc::new(client), ManagerOptions { gate, ..options }))
    }
}

/// Brings the host's configuration in line; log and status say what came of it.
pub(crate) async fn refresh(context: &Context, platform: Option<&Platform>) {
    let Some(Platform(manager)) = platform else { return };
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
