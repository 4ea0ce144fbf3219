//! Completion scripts for shells.

use clap::{Args, ValueEnum};
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use super::output::Output;

/// The program that is completed.
const NAME: &str = "parall";

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Supported,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Supported {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    /// The script for the command line that `command` describes.
    pub(super) fn run(self, mut command: clap::Command) -> Output {
        let mut script = Vec::new();
        // By name: an enum of all shells would bring those that are not offered into the binary.
        match self.shell {
            Supported::Bash => generate(Bash, &mut command, NAME, &mut script),
            Supported::Zsh => generate(Zsh, &mut command, NAME, &mut script),
            Supported::Fish => generate(Fish, &mut command, NAME, &mut script),
        }
        Output::Text(String::from_utf8_lossy(&script).into_owned())
    }
}
