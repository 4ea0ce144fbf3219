//! What can be typed.

use clap::{CommandFactory, Parser, Subcommand};

use super::account::{Selection, Session};
use super::completions::Completions;
use super::failure::Failure;
use super::nouns::agents::Agents;
use super::nouns::chats::Chats;
use super::nouns::dm::Dm;
use super::nouns::members::Members;
use super::nouns::messages::Messages;
use super::nouns::projects::Projects;
use super::nouns::tasks::Tasks;
use super::nouns::users::Users;
use super::nouns::whoami::Whoami;
use super::nouns::wiki::Wikis;
use super::output::Output;

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
    #[command(subcommand)]
    Members(Members),
    #[command(subcommand)]
    Agents(Agents),
    #[command(subcommand)]
    Users(Users),
    #[command(subcommand)]
    Chats(Chats),
    #[command(subcommand)]
    Messages(Messages),
    Dm(Dm),
    #[command(subcommand)]
    Tasks(Tasks),
    #[command(subcommand)]
    Projects(Projects),
    #[command(subcommand)]
    Wiki(Wikis),
    Completions(Completions),
}

impl Arguments {
    /// Does what was typed.
    pub(super) async fn run(self) -> Result<Output, Failure> {
        let open = || Session::open(&self.selection);
        match self.command {
            Command::Whoami(command) => command.run(&open()?).await,
            Command::Members(command) => command.run(&open()?).await,
            Command::Agents(command) => command.run(&open()?).await,
            Command::Users(command) => command.run(&open()?).await,
            Command::Chats(command) => command.run(&open()?).await,
            Command::Messages(command) => command.run(&open()?).await,
            Command::Dm(command) => command.run(&open()?).await,
            Command::Tasks(command) => command.run(&open()?).await,
            Command::Projects(command) => command.run(&open()?).await,
            Command::Wiki(command) => command.run(&open()?).await,
            Command::Completions(command) => Ok(command.run(Self::command())),
        }
    }
}
