//! The `parall` command for JavaScript.

use napi::bindgen_prelude::block_on;
use napi_derive::napi;

use crate::cli;

/// Runs the `parall` command with the arguments after its name and returns the exit code. Blocks: the process has nothing else
/// to do.
#[napi(catch_unwind)]
pub fn run_command(arguments: Vec<String>) -> u8 {
    block_on(cli::run(arguments))
}
