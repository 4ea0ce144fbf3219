//! A running account for JavaScript.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use napi::bindgen_prelude::{AsyncBlock, FnArgs, Promise, within_runtime_if_available};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode::NonBlocking};
use napi::{Env, Status};
use napi_derive::napi;

use super::promise::{promise, to_js};
use crate::api::{ClientOptions, Secret};
use crate::config::Trust;
use crate::orchestrator::{
    self as core, DEFAULT_COLLECT_CHARACTERS, DEFAULT_COLLECT_EVENTS, DEFAULT_MAX_FORKS,
    DEFAULT_MAX_TEXT_BYTES, DEFAULT_MAX_WAITING, DEFAULT_SENDER_TURNS, DEFAULT_SENDER_WAITING,
    DEFAULT_TURN_MINUTES, DEFAULT_TURNS, Host, HostFiles, Level, Replies,
};

/// A callback that does not keep the process alive.
type Callback<Arguments, Return> =
    ThreadsafeFunction<Arguments, Return, Arguments, Status, false, true>;

/// How long a probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(15);

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
    /// `auto` (default): a turn's answer is sent; `explicit`: only what the agent sends by itself.
    pub replies: Option<String>,
}

/// One agent turn that the host is asked to run.
#[napi(object, object_from_js = false)]
pub struct Turn {
    /// Names this turn in `Gateway.deliver`.
    pub id: String,
    /// The session to run in, lower case.
    pub session_key: String,
    /// What the agent sees: header lines, an empty line, the text.
    pub text: String,
    /// The sender's text alone.
    pub raw_text: String,
    /// Where answers go: `cht_...` or `tsk_...`.
    pub target: String,
    /// `direct` or `group`.
    pub chat_type: String,
    /// The chat's name for people.
    pub conversation_label: String,
    /// `usr_...`
    pub sender_id: String,
    /// The sender's name for people.
    pub sender_name: String,
    /// Id of the message or task.
    pub message_id: String,
    /// Root of the thread the message is in.
    pub thread_root_id: Option<String>,
    /// When it was written, milliseconds since the epoch.
    pub timestamp: f64,
    /// An earlier turn for the same message failed; this one has to look new to the host.
    pub is_repeated: bool,
}

/// A forked session.
#[napi(object)]
pub struct Fork {
    /// Its session key, lower case.
    pub session_key: String,
    /// Its session id.
    pub session_id: String,
    /// Its transcript, where it is a file.
    pub session_file: Option<String>,
}

/// How a turn ended.
#[napi(object, object_to_js = false)]
pub struct TurnOutcome {
    /// An agent run began.
    pub started: bool,
    /// Why the host could not run the turn.
    pub error: Option<String>,
    /// It was called off.
    pub is_called_off: Option<bool>,
}

/// A turn that an earlier start of the account gave to the host.
#[napi(object, object_to_js = false)]
pub struct EarlierTurn {
    /// Its id.
    pub id: String,
    /// The session it runs in, lower case.
    pub session_key: String,
    /// Where its answer goes.
    pub target: String,
}

/// A piece of an answer.
#[napi(object, object_to_js = false)]
pub struct ReplyPart {
    /// `final`, `block` or `tool`.
    pub kind: String,
    /// The text.
    pub text: Option<String>,
    /// Address of a file the host wants to send.
    pub media_url: Option<String>,
}

/// What the account asks of the host. None of the functions may throw.
#[napi(object, object_to_js = false)]
pub struct HostCallbacks {
    /// Runs one agent turn; replies go to `Gateway.deliver` while it runs.
    #[napi(ts_type = "(turn: Turn) => Promise<TurnOutcome>")]
    pub run_turn: Callback<Turn, Promise<TurnOutcome>>,
    /// Calls a turn off; its outcome follows when the host has ended it. This and the next two may be left out: then turns run to
    /// their end, and none outlives a start of the account.
    #[napi(ts_type = "(turnId: string) => void")]
    pub call_off: Option<Callback<String, ()>>,
    /// The runs of earlier starts of this account that continue in this process, or whose outcome nobody has seen.
    #[napi(ts_type = "() => Array<EarlierTurn>")]
    pub earlier_runs: Option<Callback<(), Vec<EarlierTurn>>>,
    /// Resolves when such a run has ended.
    #[napi(ts_type = "(turnId: string) => Promise<TurnOutcome>")]
    pub follow_turn: Option<Callback<String, Promise<TurnOutcome>>>,
    /// Makes a session that knows the history of a session up to its last completed turn; `null` when there is none.
    #[napi(ts_type = "(parent: string) => Promise<Fork | null>")]
    pub create_fork: Callback<String, Promise<Option<Fork>>>,
    /// Removes a fork with everything that belongs to it.
    #[napi(ts_type = "(fork: Fork) => Promise<void>")]
    pub remove_fork: Callback<Fork, Promise<()>>,
    /// The forks of a session that a crash has left.
    #[napi(ts_type = "(parent: string) => Promise<Array<Fork>>")]
    pub leftover_forks: Callback<String, Promise<Vec<Fork>>>,
    /// Merges a JSON object into the account's status.
    #[napi(ts_type = "(patch: string) => void")]
    pub status: Callback<String, ()>,
    /// Writes a line to the host's log; levels are `debug`, `info`, `warn` and `error`.
    #[napi(ts_type = "(level: string, message: string) => void")]
    pub log: Callback<FnArgs<(String, String)>, ()>,
}

/// What a probe found.
#[napi(object, object_from_js = false)]
pub struct Probe {
    /// Key, organisation and socket all work.
    pub ok: bool,
    /// `usr_...` of the agent that the key belongs to.
    pub agent_id: Option<String>,
    /// The agent's name.
    pub agent_name: Option<String>,
    /// What does not work.
    pub error: Option<String>,
    /// Stable code of the error.
    pub code: Option<String>,
    /// How long it took.
    pub elapsed_milliseconds: f64,
}

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
    promise(
        env,
        async move { core::send_text(options.into(), &to, &text, thread_id.as_deref()).await },
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

/// The host, reached through its callbacks.
struct JavaScriptHost {
    callbacks: Arc<HostCallbacks>,
}

impl Host for JavaScriptHost {
    fn run_turn(&self, turn: core::Turn) -> BoxFuture<'static, core::TurnOutcome> {
        let callbacks = Arc::clone(&self.callbacks);
        async move {
            let call = async { callbacks.run_turn.call_async_catch(turn.into()).await?.await };
            outcome(call.await)
        }
        .boxed()
    }

    fn call_off(&self, turn_id: String) {
        if let Some(call_off) = &self.callbacks.call_off {
            call_off.call(turn_id, NonBlocking);
        }
    }

    fn earlier_runs(&self) -> BoxFuture<'static, Vec<core::EarlierTurn>> {
        let callbacks = Arc::clone(&self.callbacks);
        // It is not to throw; without an answer there are none.
        async move {
            let Some(earlier_runs) = &callbacks.earlier_runs else { return Vec::new() };
            let turns = earlier_runs.call_async_catch(()).await.unwrap_or_default();
            turns.into_iter().map(Into::into).collect()
        }
        .boxed()
    }

    fn follow_turn(&self, turn_id: String) -> BoxFuture<'static, core::TurnOutcome> {
        let callbacks = Arc::clone(&self.callbacks);
        async move {
            // Only a host that names earlier runs is asked about them.
            let Some(follow_turn) = &callbacks.follow_turn else {
                return core::TurnOutcome::default();
            };
            let call = async { follow_turn.call_async_catch(turn_id).await?.await };
            outcome(call.await)
        }
        .boxed()
    }

    fn create_fork(
        &self,
        parent: String,
    ) -> BoxFuture<'static, Result<Option<core::Fork>, String>> {
        let callbacks = Arc::clone(&self.callbacks);
        async move {
            let call = async { callbacks.create_fork.call_async_catch(parent).await?.await };
            call.await.map(|fork| fork.map(Into::into)).map_err(|error| error.reason.clone())
        }
        .boxed()
    }

    fn remove_fork(&self, fork: core::Fork) -> BoxFuture<'static, Result<(), String>> {
        let callbacks = Arc::clone(&self.callbacks);
        async move {
            let call = async { callbacks.remove_fork.call_async_catch(fork.into()).await?.await };
            call.await.map_err(|error| error.reason.clone())
        }
        .boxed()
    }

    fn leftover_forks(
        &self,
        parent: String,
    ) -> BoxFuture<'static, Result<Vec<core::Fork>, String>> {
        let callbacks = Arc::clone(&self.callbacks);
        async move {
            let call = async { callbacks.leftover_forks.call_async_catch(parent).await?.await };
            call.await
                .map(|forks| forks.into_iter().map(Into::into).collect())
                .map_err(|error| error.reason.clone())
        }
        .boxed()
    }

    fn status(&self, patch: String) {
        self.callbacks.status.call(patch, NonBlocking);
    }

    fn log(&self, level: Level, message: String) {
        self.callbacks.log.call((level.to_string(), message).into(), NonBlocking);
    }
}

/// How a turn ended; a callback that throws is an error of the host.
fn outcome(answer: napi::Result<TurnOutcome>) -> core::TurnOutcome {
    match answer {
        Ok(outcome) => core::TurnOutcome {
            started: outcome.started,
            error: outcome.error,
            is_called_off: outcome.is_called_off.unwrap_or_default(),
        },
        Err(error) => {
            core::TurnOutcome { error: Some(error.reason.clone()), ..core::TurnOutcome::default() }
        }
    }
}

impl From<EarlierTurn> for core::EarlierTurn {
    fn from(turn: EarlierTurn) -> Self {
        Self { id: turn.id, session_key: turn.session_key, target: turn.target }
    }
}

impl GatewayOptions {
    fn replies(&self) -> Replies {
        if self.replies.as_deref() == Some("explicit") { Replies::Explicit } else { Replies::Auto }
    }

    fn host_files(&self) -> Option<HostFiles> {
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

impl From<core::Turn> for Turn {
    fn from(turn: core::Turn) -> Self {
        Self {
            id: turn.id,
            session_key: turn.session_key,
            text: turn.text,
            raw_text: turn.raw_text,
            target: turn.target,
            chat_type: turn.chat_type,
            conversation_label: turn.conversation_label,
            sender_id: turn.sender_id,
            sender_name: turn.sender_name,
            message_id: turn.message_id,
            thread_root_id: turn.thread_root_id,
            timestamp: turn.timestamp,
            is_repeated: turn.is_repeated,
        }
    }
}

impl From<core::Fork> for Fork {
    fn from(fork: core::Fork) -> Self {
        Self {
            session_key: fork.session_key,
            session_id: fork.session_id,
            session_file: fork.session_file,
        }
    }
}

impl From<Fork> for core::Fork {
    fn from(fork: Fork) -> Self {
        Self {
            session_key: fork.session_key,
            session_id: fork.session_id,
            session_file: fork.session_file,
        }
    }
}

impl From<ReplyPart> for core::ReplyPart {
    fn from(part: ReplyPart) -> Self {
        Self { kind: part.kind, text: part.text, media_url: part.media_url }
    }
}

impl From<core::Probe> for Probe {
    fn from(probe: core::Probe) -> Self {
        Self {
            ok: probe.ok,
            agent_id: probe.agent_id,
            agent_name: probe.agent_name,
            error: probe.error,
            code: probe.code,
            elapsed_milliseconds: probe.elapsed.as_secs_f64() * 1000.0,
        }
    }
}
