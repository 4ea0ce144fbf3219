//! The `parall` command: the organisation at a terminal and in scripts, without a host.
//!
//! ```text
//! arguments  what can be typed       account  whose key talks to which server
//! output     JSON or text on stdout  failure  one JSON object on stderr, and the exit code
//! human      documents for people    input    text from an argument, a file or standard input
//! paging     a part of a list        progress bars for uploads
//! nouns      whoami, members, agents, users, chats, messages, dm, tasks, projects, wiki
//! ```
//!
//! A noun is a module with what clap reads and a `run` that returns an [`output::Output`]; it is hung into
//! [`arguments::Command`]. Everything that could be wanted elsewhere is in [`crate::organisation`].

mod account;
mod arguments;
mod completions;
mod failure;
mod human;
mod input;
mod nouns;
mod output;
mod paging;
mod progress;
mod table;

use clap::Parser;
use clap::error::ErrorKind;

use arguments::Arguments;
use failure::Failure;
use output::{Output, Streams};

/// Runs one command line, without the name of the program, and returns the exit code.
pub async fn run(arguments: Vec<String>) -> u8 {
    let wants_json =
        arguments.iter().take_while(|argument| *argument != "--").any(|one| one == "--json");
    let streams = Streams::of_process(wants_json);
    let outcome =
        match Arguments::try_parse_from([String::from("parall")].into_iter().chain(arguments)) {
            Ok(arguments) => arguments.run().await,
            Err(error) => explain(&error),
        };
    match outcome.and_then(|output| streams.print(output)) {
        Ok(()) => 0,
        Err(failure) => streams.report(&failure),
    }
}

/// Help and version are answers, anything else is a usage error.
fn explain(error: &clap::Error) -> Result<Output, Failure> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Output::Text(text)),
        _ => Err(Failure::usage(text.trim().trim_start_matches("error: "))),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_command_is_consistent() {
        Arguments::command().debug_assert();
    }
}
