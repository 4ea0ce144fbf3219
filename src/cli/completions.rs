//! Completion scripts for shells.

use clap::{Args, ValueEnum};
use clap_complete::{Shell, generate};

use super::output::Output;

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
        let shell = match self.shell {
            Supported::Bash => Shell::Bash,
            Supported::Zsh => Shell::Zsh,
            Supported::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        generate(shell, &mut command, "parall", &mut script);
        Output::Text(String::from_utf8_lossy(&script).into_owned())
    }
}
