//! The glue to Node: `#[napi]` items that call the core in one line each. No logic and no I/O lives here.

mod promise;
mod runtime;
