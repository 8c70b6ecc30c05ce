//! From argv to what the process exits with: the one place that prints an error and chooses the exit status.

use std::ffi::OsString;
use std::process::ExitCode;

use super::{config, join, phase};
use crate::cli::{self, Command, JoinArgs, LoggingFormat, Output, Program};
use crate::error::Failure;
use crate::phase::{Applies, PhaseSpec};
use crate::report::{Report, ReportOptions};

/// Does what argv says.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    let program = Program::of(argv.first());
    match cli::parse(argv) {
        Ok(Command::Join(args)) => run_join(&args),
        Ok(Command::Config(command)) => {
            let report = Report::for_console(no_color());
            end(config::run(&command, &report), program, &report)
        }
        Ok(Command::Version(version)) => show(&version.text()),
        Ok(Command::Help(help)) => show(&help.text()),
        Err(error) => end(Err(Failure::from(error)), program, &Report::for_console(no_color())),
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
        no_color: no_color(),
        result: args.result_file.clone(),
    };
    super::report_panics(&options);
    let report = Report::standard(&options);
    let result = match args.phase {
        None | Some(PhaseSpec { applies: Applies::Worker(_) | Applies::SubPhase(_), .. })
            if !phase::needs_no_plan(args) =>
        {
            join::run(args, &report)
        }
        _ => phase::run(args, &report),
    };
    end(result, args.program, &report)
}

fn end(result: Result<(), Failure>, program: Program, report: &Report) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(error)) => {
            report.failed(error.as_ref());
            ExitCode::from(program.exit_status(error.code()))
        }
    }
}

/// Help and version go to standard output; a reader that has gone away is no error.
fn show(text: &str) -> ExitCode {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// `NO_COLOR` is set and not empty (no-color.org).
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
