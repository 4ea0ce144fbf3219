//! Standard output and standard error.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::failure::{Exit, Failure};

/// How long to wait until a full pipe of somebody who made it non-blocking takes more.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(1);

/// What a command prints.
pub(super) enum Output {
    /// A JSON document, and how people see it at a terminal.
    Document {
        /// The document.
        json: Value,
        /// Its text for people.
        human: fn(&Value) -> String,
    },
    /// A text that is never JSON, such as help or a completion script.
    Text(String),
}

/// Where things are printed, and in which form.
pub(super) struct Streams {
    json_out: bool,
    json_err: bool,
}

impl Streams {
    /// Those of the process: text at a terminal, JSON anywhere else or where it is wanted.
    pub(super) fn of_process(wants_json: bool) -> Self {
        Self {
            json_out: wants_json || !io::stdout().is_terminal(),
            json_err: wants_json || !io::stderr().is_terminal(),
        }
    }

    /// Prints an answer. A reader that goes away early has read enough.
    pub(super) fn print(&self, output: Output) -> Result<(), Failure> {
        let text = match output {
            Output::Document { json, .. } if self.json_out => json.to_string(),
            Output::Document { json, human } => human(&json),
            Output::Text(text) => text,
        };
        match write_line(&mut io::stdout().lock(), text.trim_end_matches('\n')) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::local_file(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Prints a failure and returns the exit code.
    pub(super) fn report(&self, failure: &Failure) -> u8 {
        let text = if self.json_err {
            failure.to_json().to_string()
        } else {
            format!("parall: {}", failure.message())
        };
        // There is nowhere left to say that standard error is gone.
        let _ = write_line(&mut io::stderr().lock(), &text);
        exit_code(failure.exit())
    }
}

fn exit_code(exit: Exit) -> u8 {
    exit as u8
}

/// Writes a line completely, also to a pipe that another program has made non-blocking.
fn write_line(stream: &mut impl Write, line: &str) -> io::Result<()> {
    let bytes = [line.as_bytes(), b"\n"].concat();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match stream.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(error) => wait(error)?,
        }
    }
    loop {
        match stream.flush() {
            Ok(()) => return Ok(()),
            Err(error) => wait(error)?,
        }
    }
}

/// Waits a moment if the stream will take more by itself.
fn wait(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock => sleep(FULL_PIPE_PAUSE),
        ErrorKind::Interrupted => {}
        _ => return Err(error),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe that takes three bytes and then wants a pause.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        is_full: bool,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.is_full = !self.is_full;
            if !self.is_full {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_arrives_whole_through_a_pipe_that_is_often_full() {
        let mut slow = Slow::default();
        write_line(&mut slow, "a long enough line").unwrap();
        assert_eq!(slow.taken, b"a long enough line\n");
    }
}
