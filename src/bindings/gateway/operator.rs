//! What an operator sees of a running account and decides, for JavaScript.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::AsyncBlock;
use napi_derive::napi;

use super::super::promise::{promise, to_js};
use super::Gateway;
use crate::orchestrator as core;

#[napi]
impl Gateway {
    /// Everything an operator sees of the account, as JSON: lanes, queue, dead letters, forks, loop budgets, status, counters. Bounded,
    /// and without a word of what people wrote.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn view(&self, env: Env) -> napi::Result<AsyncBlock<String>> {
        let gateway = Arc::clone(&self.0);
        promise(env, async move { gateway.view().await })
    }

    /// Has a failed dispatch or a dead letter tried again, with all attempts before it.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn retry(&self, env: Env, id: String) -> napi::Result<AsyncBlock<()>> {
        let gateway = Arc::clone(&self.0);
        promise(env, async move { gateway.retry(&id).await })
    }

    /// Gives a dead letter up for good: it is acknowledged to the server.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn drop_letter(&self, env: Env, id: String) -> napi::Result<AsyncBlock<()>> {
        let gateway = Arc::clone(&self.0);
        promise(env, async move { gateway.discard(&id).await })
    }

    /// Ends the turn that runs for a dispatch, which becomes a dead letter.
    #[napi(catch_unwind)]
    pub fn stop(&self, env: Env, id: String) -> napi::Result<()> {
        self.0.stop(&id).map_err(|error| to_js(env, &error))
    }
}

/// Views of accounts as text for Prometheus.
#[napi]
pub fn metrics_text(views: Vec<String>) -> String {
    core::metrics(&views)
}
