//! From argv to what the process exits with: the one place that prints an error and chooses the exit status.

use std::ffi::OsString;
use std::process::ExitCode;

use super::{config, join, panics, phase};
use crate::cli::{self, Command, JoinArgs, LoggingFormat, Output};
use crate::error::Failure;
use crate::phase::{Applies, PhaseSpec};
use crate::report::{Report, ReportOptions};

/// Does what argv says.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    match cli::parse(argv) {
        Ok(Command::Join(args)) => run_join(&args),
        Ok(Command::Config(command)) => {
            let report = Report::standard(&ReportOptions { colour: colour(), ..ReportOptions::default() });
            end(config::run(&command, &report), &report)
        }
        Ok(Command::Version(version)) => show(&version.text()),
        Ok(Command::Help(help)) => show(&help.text()),
        Err(error) => end(
            Err(Failure::from(error)),
            &Report::standard(&ReportOptions { colour: colour(), ..ReportOptions::default() }),
        ),
    }
}

/// `join`, or `join phase NAME`.
fn run_join(args: &JoinArgs) -> ExitCode {
    // Token and key are in this process's memory: no core dump of it, and nobody but root looks in. Where the kernel
    // refuses, nothing is lost.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let options = ReportOptions {
        verbosity: args.verbosity,
        json: args.logging_format == LoggingFormat::Json,
        document: args.output == Output::Json,
        colour: colour(),
        result: Some(args.result_file.clone()),
    };
    panics::report_panics(&options);
    let report = Report::standard(&options);
    let result = match args.phase {
        None | Some(PhaseSpec { applies: Applies::Worker(_) | Applies::SubPhase(_), .. })
            if !phase::needs_no_plan(args) =>
        {
            join::run(args, &report)
        }
        _ => phase::run(args, &report),
    };
    end(result, &report)
}

fn end(result: Result<(), Failure>, report: &Report) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(error)) => {
            report.failed(error.as_ref());
            ExitCode::from(error.code().class.exit_status())
        }
    }
}

/// Help and version go to standard output; a reader that has gone away is no error.
fn show(text: &str) -> ExitCode {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Whether a terminal may get colour codes: `NO_COLOR` is not set (no-color.org), and `TERM` names one that has them. An init
/// system may leave `TERM` unset on a serial console.
fn colour() -> bool {
    let is_set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    is_set("NO_COLOR").is_none() && is_set("TERM").is_some_and(|terminal| terminal != "dumb")
}
