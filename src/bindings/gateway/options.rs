//! What an account needs to run, as JavaScript says it.

use std::path::Path;

use napi_derive::napi;
use serde_json::Value;

use crate::api::{ClientOptions, Secret};
use crate::config::Trust;
use crate::orchestrator::{Access, AccessError, HostFiles, MediaOptions, Replies};

/// What an account needs to run.
#[napi(object, object_to_js = false)]
pub struct GatewayOptions {
    /// Account id of the host.
    pub account_id: String,
    /// Origin of the Parall server, such as `https://api.parall.com`.
    pub parall_url: String,
    /// The agent's key.
    pub api_key: String,
    /// `org_...`
    pub org_id: String,
    /// Address of the socket, when it is not the one the server names.
    pub ws_url: Option<String>,
    /// The host's agent that answers.
    pub agent_id: String,
    /// Folder in which the journal is kept, `parall/<account>.sqlite` below it; without one it is kept in memory.
    pub state_dir: Option<String>,
    /// The user's `openclaw.json`. With it and `stateDir` the platform's configuration is kept in line.
    pub config_path: Option<String>,
    /// What the platform's configuration may set: `models` (default), `all` or `off`.
    pub platform_config: Option<String>,
    /// Hosts besides the server's own at which the platform's models may be.
    pub model_hosts: Option<Vec<String>>,
    /// Most forks at once, 4 when left out; none with 0.
    pub max_forks: Option<u32>,
    /// How many turns agents may cause each other in an hour, 8 when left out.
    pub agent_turns: Option<u32>,
    /// Most bytes of a text that the agent gets, 65,536 when left out. The rest is left out, and the event says how much that was.
    pub max_text_bytes: Option<u32>,
    /// How many turns one sender may cause in an hour, 1,000 when left out; the rest of its events wait.
    pub sender_turns: Option<u32>,
    /// How many events of one sender may wait, 2,000 when left out; more are closed without an answer.
    pub sender_waiting: Option<u32>,
    /// How many waiting messages of a chat and thread one turn answers, 20 when left out; each has its own with 1.
    pub collect_events: Option<u32>,
    /// How many characters these have together at most, 16,000 when left out.
    pub collect_characters: Option<u32>,
    /// How many events may wait here before the rest waits at the server, 10,000 when left out.
    pub max_waiting: Option<u32>,
    /// How many minutes a turn may run before it is called off, 60 when left out; for ever with 0.
    pub turn_minutes: Option<u32>,
    /// Who may cause turns: `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom`, `groups` and `access` as they are in the
    /// section; every member of the organisation when left out.
    #[napi(ts_type = "object")]
    pub access_settings: Option<Value>,
    /// Most MiB of a file that comes with a message, 25 when left out.
    pub media_max_mb: Option<u32>,
    /// How many files of a message are fetched, 8 when left out; none with 0.
    pub media_max_files: Option<u32>,
    /// Hosts to which other hosts may lead on when a file is fetched.
    pub media_hosts: Option<Vec<String>>,
    /// `auto` (default): a turn's answer is sent; `explicit`: only what the agent sends by itself.
    pub replies: Option<String>,
}

impl GatewayOptions {
    /// # Errors
    /// The settings do not say clearly who may write to the agent.
    pub(in crate::bindings) fn access(&self) -> Result<Access, AccessError> {
        Access::parse(self.access_settings.as_ref().unwrap_or(&Value::Null))
    }

    pub(super) fn replies(&self) -> Replies {
        if self.replies.as_deref() == Some("explicit") { Replies::Explicit } else { Replies::Auto }
    }

    /// Files go into the folder from which hosts take inbound media.
    pub(super) fn media(&self) -> MediaOptions {
        let folder = self.state_dir.as_ref().map(|folder| Path::new(folder).join("media/inbound"));
        let hosts = self.media_hosts.as_deref().unwrap_or_default();
        MediaOptions::new(folder, self.media_max_mb, self.media_max_files, hosts)
    }

    pub(super) fn host_files(&self) -> Option<HostFiles> {
        let (state_dir, config_path) = (self.state_dir.as_ref()?, self.config_path.as_ref()?);
        let hosts = self.model_hosts.as_deref().unwrap_or_default();
        let trust = Trust::new(&self.parall_url, self.platform_config.as_deref(), hosts);
        Some(HostFiles { state_dir: state_dir.into(), config_path: config_path.into(), trust })
    }
}

impl From<GatewayOptions> for ClientOptions {
    fn from(options: GatewayOptions) -> Self {
        Self {
            parall_url: options.parall_url,
            api_key: Secret::new(options.api_key),
            org_id: options.org_id,
            ws_url: options.ws_url,
        }
    }
}
