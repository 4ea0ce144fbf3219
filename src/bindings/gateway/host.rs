//! The host, reached through callbacks of JavaScript.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Promise};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode::NonBlocking};
use napi_derive::napi;

use super::values::{EarlierTurn, Fork, Turn, TurnOutcome};
use crate::orchestrator::{self as core, Host, Level};

/// A callback that does not keep the process alive.
type Callback<Arguments, Return> =
    ThreadsafeFunction<Arguments, Return, Arguments, Status, false, true>;

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

/// The host, reached through its callbacks.
pub(super) struct JavaScriptHost {
    pub(super) callbacks: Arc<HostCallbacks>,
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
