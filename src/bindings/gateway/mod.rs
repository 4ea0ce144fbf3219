//! A running account for JavaScript.

mod host;
mod operator;
mod options;
mod values;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{AsyncBlock, within_runtime_if_available};
use napi_derive::napi;

use self::host::JavaScriptHost;
use super::promise::{promise, to_js};
use crate::orchestrator::{
    self as core, DEFAULT_COLLECT_CHARACTERS, DEFAULT_COLLECT_EVENTS, DEFAULT_MAX_FORKS,
    DEFAULT_MAX_TEXT_BYTES, DEFAULT_MAX_WAITING, DEFAULT_SENDER_TURNS, DEFAULT_SENDER_WAITING,
    DEFAULT_TURN_MINUTES, DEFAULT_TURNS,
};

pub use self::host::HostCallbacks;
pub use self::operator::metrics_text;
pub use self::options::GatewayOptions;
pub use self::values::{EarlierTurn, Fork, Media, Outgoing, Probe, ReplyPart, Turn, TurnOutcome};

/// How long a probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

/// A running account.
#[napi]
pub struct Gateway(Arc<core::Gateway>);

/// Starts an account and comes back at once; everything happens off the JavaScript thread.
#[napi(catch_unwind)]
pub fn start_gateway(
    env: Env,
    options: GatewayOptions,
    host: HostCallbacks,
) -> napi::Result<Gateway> {
    let options = core::GatewayOptions {
        account: core::AccountOptions {
            account_id: options.account_id.clone(),
            agent_id: options.agent_id.clone(),
            access: options.access().map_err(|error| to_js(env, &core::Error::from(error)))?,
            replies: options.replies(),
            state_folder: options.state_dir.as_ref().map(|folder| Path::new(folder).join("parall")),
            max_forks: options.max_forks.map_or(DEFAULT_MAX_FORKS, |forks| forks as usize),
            agent_turns: options.agent_turns.map_or(DEFAULT_TURNS, |turns| turns as usize),
            max_text_bytes: options
                .max_text_bytes
                .map_or(DEFAULT_MAX_TEXT_BYTES, |most| most as usize),
            sender_turns: options.sender_turns.map_or(DEFAULT_SENDER_TURNS, |turns| turns as usize),
            sender_waiting: options
                .sender_waiting
                .map_or(DEFAULT_SENDER_WAITING, |events| events as usize),
            collect_events: options
                .collect_events
                .map_or(DEFAULT_COLLECT_EVENTS, |events| events as usize),
            collect_characters: options
                .collect_characters
                .map_or(DEFAULT_COLLECT_CHARACTERS, |characters| characters as usize),
            max_waiting: options.max_waiting.map_or(DEFAULT_MAX_WAITING, |most| most as usize),
            turn_minutes: options.turn_minutes.unwrap_or(DEFAULT_TURN_MINUTES),
            media: options.media(),
        },
        host_files: options.host_files(),
        client: options.into(),
    };
    let host = Arc::new(JavaScriptHost { callbacks: Arc::new(host) });
    let gateway = within_runtime_if_available(|| core::Gateway::start(options, host));
    gateway.map(|gateway| Gateway(Arc::new(gateway))).map_err(|error| to_js(env, &error))
}

/// Sends text without a running account and resolves to the id of the message or comment.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn send_text(
    env: Env,
    options: GatewayOptions,
    to: String,
    text: String,
    thread_id: Option<String>,
) -> napi::Result<AsyncBlock<String>> {
    let text = core::Outgoing { text, ..core::Outgoing::default() };
    promise(env, async move { core::send(options.into(), &to, &text, thread_id.as_deref()).await })
}

/// The same with files. Nothing is sent when one of them cannot be.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn send_media(
    env: Env,
    options: GatewayOptions,
    to: String,
    outgoing: Outgoing,
    thread_id: Option<String>,
) -> napi::Result<AsyncBlock<String>> {
    let outgoing = outgoing.into();
    promise(
        env,
        async move { core::send(options.into(), &to, &outgoing, thread_id.as_deref()).await },
    )
}

/// Sees whether an account would work: key, organisation, ticket, socket and hello. Never rejects.
#[napi]
pub async fn probe_account(options: GatewayOptions) -> Probe {
    core::probe(options.into(), PROBE_LIMIT).await.into()
}

#[napi]
impl Gateway {
    /// Delivers a part of a turn's answer; resolves when it is in the chat.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn deliver(
        &self,
        env: Env,
        turn_id: String,
        part: ReplyPart,
    ) -> napi::Result<AsyncBlock<()>> {
        let gateway = Arc::clone(&self.0);
        promise(env, async move { gateway.deliver(&turn_id, part.into()).await })
    }

    /// Sends text to `cht_...` or `tsk_...` and resolves to the id of the message or comment. `run` is the id of the turn from
    /// whose run it is sent.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn send_text(
        &self,
        env: Env,
        to: String,
        text: String,
        thread_id: Option<String>,
        run: Option<String>,
    ) -> napi::Result<AsyncBlock<String>> {
        let gateway = Arc::clone(&self.0);
        promise(env, async move {
            gateway.send_text(&to, &text, thread_id.as_deref(), run.as_deref()).await
        })
    }

    /// The same with files. Of what answers nobody nothing is sent when a file cannot be; an answer gets a line instead of it.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn send_media(
        &self,
        env: Env,
        to: String,
        outgoing: Outgoing,
        thread_id: Option<String>,
        run: Option<String>,
    ) -> napi::Result<AsyncBlock<String>> {
        let (gateway, outgoing) = (Arc::clone(&self.0), outgoing.into());
        promise(env, async move {
            gateway.send(&to, &outgoing, thread_id.as_deref(), run.as_deref()).await
        })
    }

    /// Resolves when the account ends: to the reason when it cannot continue and has to be started again, to `null` when it is
    /// closed.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn ended(&self, env: Env) -> napi::Result<AsyncBlock<Option<String>>> {
        let ended = self.0.ended();
        promise(env, async move { Ok::<_, core::Error>(ended.await) })
    }

    /// Ends every task, socket and timer of the account, within three seconds.
    #[napi]
    pub async fn close(&self) {
        self.0.close().await;
    }
}

impl Gateway {
    /// The account behind the handle.
    pub(super) fn core(&self) -> Arc<core::Gateway> {
        Arc::clone(&self.0)
    }
}
