//! What can be typed.

use clap::{Parser, Subcommand};

use super::account::{Selection, Session};
use super::completions::Completions;
use super::failure::Failure;
use super::output::Output;
use super::whoami::Whoami;

/// The organisation on Parall: people, chats, messages, tasks, projects and wikis.
///
/// Prints one JSON document, or a table at a terminal. Errors are one JSON object on standard error.
///
/// Exit codes: 0 done; 1 wrong usage, unknown or ambiguous names, no account; 2 refused by the server; 3 network, time-out or an
/// answer that is not Parall's; 4 nobody knows whether a write was done; 5 a local file.
#[derive(Debug, Parser)]
#[command(name = "parall", version, max_term_width = 100, subcommand_required = true)]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// Print JSON also at a terminal.
    #[arg(long, global = true, help_heading = "Global options")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Whoami(Whoami),
    Completions(Completions),
}

impl Arguments {
    /// Does what was typed.
    pub(super) async fn run(self) -> Result<Output, Failure> {
        let open = || Session::open(&self.selection);
        match self.command {
            Command::Whoami(command) => command.run(&open()?).await,
            Command::Completions(command) => Ok(command.run()),
        }
    }
}
