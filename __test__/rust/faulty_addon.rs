//! An addon with our glue whose every function panics. No function of the real one can be made to.
#![expect(clippy::panic, clippy::missing_panics_doc, reason = "that is what it is for")]

use std::io;

use napi::Env;
use napi::bindgen_prelude::AsyncBlock;
use napi_derive::napi;
use parall::bindings::promise::promise;
use parall::error::Coded;

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct NoError(io::Error);

impl Coded for NoError {
    fn code(&self) -> &'static str {
        "PARALL_TEST"
    }
}

/// In the JavaScript thread.
#[napi(catch_unwind)]
pub fn panic_at_once() {
    panic!("at once");
}

/// In a task that a promise waits for.
#[napi(catch_unwind)]
pub fn panic_in_a_promise(env: Env) -> napi::Result<AsyncBlock<()>> {
    let work = || -> Result<(), NoError> { panic!("in a promise") };
    promise(env, async move {
        tokio::task::yield_now().await;
        work()
    })
}

/// In a thread for blocking work, of which the task that waits is told.
#[napi(catch_unwind)]
pub fn panic_while_blocking(env: Env) -> napi::Result<AsyncBlock<()>> {
    promise(env, async {
        let work = parall::background::run(|| panic!("while blocking"));
        work.await.map_err(NoError)
    })
}
