//! Output of programs: lines on standard output, errors on standard error, exit codes.

use std::error::Error;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use crate::error::ArgumentsError;

/// Exit code of a command line that cannot be understood; clap has the same.
const USAGE: u8 = 2;

/// Returns names and values of metrics as one line.
pub fn metrics_text<'a>(metrics: impl Iterator<Item = (&'a str, f64)>) -> String {
    let shown = metrics.map(|(name, score)| format!("{} {score:.4}", name.replace('_', " ")));
    shown.collect::<Vec<_>>().join(", ")
}

/// Prints a line to standard output.
///
/// # Errors
/// If standard output is closed.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

/// Returns exit code 0. After an error, prints it to standard error and returns 2 if the command line
/// or its settings cannot be understood, otherwise 1. A closed output pipe, such as `| head`, is not
/// an error.
pub fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if is_broken_pipe(error.as_ref()) {
        return ExitCode::SUCCESS;
    }
    // If standard error is closed, the message is lost.
    let _ = writeln!(io::stderr(), "error: {error}");
    let of_arguments = error.downcast_ref::<ArgumentsError>();
    match of_arguments.is_some_and(ArgumentsError::is_usage) {
        true => ExitCode::from(USAGE),
        false => ExitCode::FAILURE,
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_the_command_line_has_its_own_code() {
        let code = |error: Box<dyn Error>| format!("{:?}", exit_code(Err(error)));
        let usage = Box::new(ArgumentsError::usage("--pairs needs two texts"));
        assert_eq!(code(usage), format!("{:?}", ExitCode::from(2)));
        let failed = format!("{:?}", ExitCode::FAILURE);
        assert_eq!(code("the run failed".into()), failed);
        let closed = Box::new(io::Error::from(ErrorKind::BrokenPipe));
        assert_eq!(code(closed), format!("{:?}", ExitCode::SUCCESS));
    }
}
