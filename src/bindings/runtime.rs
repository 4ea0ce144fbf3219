//! The tokio runtime of this copy of the addon.

use napi::bindgen_prelude::create_custom_tokio_runtime;
use napi_derive::module_init;
use tokio::runtime::Builder;

/// Threads that run tasks. Newer hosts map several copies of a plugin into one process and never unmap them, so each copy has
/// to stay small.
const WORKER_THREADS: usize = 2;
/// Threads for blocking file work.
const BLOCKING_THREADS: usize = 4;

#[module_init]
fn init() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("parall")
        .enable_all()
        .build();
    // Without threads napi falls back to a runtime of its own, which fails with the system's own message at first use.
    if let Ok(runtime) = runtime {
        create_custom_tokio_runtime(runtime);
    }
}
