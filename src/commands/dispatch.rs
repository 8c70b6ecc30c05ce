//! From argv to what the process exits with: the one place that prints an error and chooses the exit status.

use std::ffi::OsString;
use std::process::ExitCode;

use super::panics::report_panics;
use super::{certs, config, doctor, ensure, join, phase, report_options, reset, status, token};
use crate::cli::{
    self, CertsArgs, Command, ConfigCommand, DoctorArgs, EnsureArgs, JoinArgs, Program, ResetArgs, StatusArgs,
    TokenArgs,
};
use crate::error::Failure;
use crate::report::{Report, ReportOptions};
use crate::rootfs;

/// Runs what argv asks for.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A token may be in this process's memory, whatever the verb: no core dump of it, and only root looks in. Where the
    // kernel refuses, nothing is lost.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let argv: Vec<OsString> = argv.into_iter().collect();
    if rootfs::was_unmount_process(&argv) {
        return ExitCode::SUCCESS;
    }
    let program = Program::of(argv.first());
    match cli::parse(argv.iter().cloned()) {
        Ok(Command::Join(args)) => run_join(&args),
        Ok(Command::Ensure(args)) => run_ensure(&args),
        Ok(Command::Doctor(args)) => run_doctor(&args),
        Ok(Command::Reset(args)) => run_reset(&args),
        Ok(Command::Status(args)) => run_status(&args),
        Ok(Command::Explain(args)) => show(&args.text()),
        Ok(Command::Token(args)) => run_token(args, program),
        Ok(Command::Certs(args)) => run_certs(&args, program),
        Ok(Command::Config(command)) => run_config(&command, program),
        Ok(Command::Completion(completion)) => show(&completion.text()),
        Ok(Command::Version(version)) => show(&version.text()),
        Ok(Command::Help(help)) => show(&help.text()),
        Err(error) => end(Err(error.into()), program, &begin(&report_options::of_argv(&argv))),
    }
}

/// `join`, or `join phase NAME`.
fn run_join(args: &JoinArgs) -> ExitCode {
    let report = begin(&match (args.program, args.phase) {
        (Program::Kubeadm, None) => report_options::of_provisioned(args),
        _ => report_options::of_join(args),
    });
    let result = if phase::needs_no_plan(args) { phase::run(args, &report) } else { join::run(args, &report) };
    end(result, args.program, &report)
}

fn run_ensure(args: &EnsureArgs) -> ExitCode {
    let report = begin(&ReportOptions { verb: "ensure", ..report_options::of_provisioned(&args.join) });
    // kubeadm has no such verb, and no script reads its status by kubeadm's rules.
    end(ensure::run(args, &report), Program::Kubejoin, &report)
}

fn run_doctor(args: &DoctorArgs) -> ExitCode {
    let report = begin(&report_options::of_doctor(args));
    // kubeadm has no such verb, either.
    end(doctor::run(args, &report), Program::Kubejoin, &report)
}

fn run_reset(args: &ResetArgs) -> ExitCode {
    let report = begin(&report_options::of_reset(args));
    end(reset::run(args, &report), args.program, &report)
}

/// What is wrong stands among the rest, and is not said twice. kubeadm has no such verb, and no script reads its status by
/// kubeadm's rules.
fn run_status(args: &StatusArgs) -> ExitCode {
    let report = begin(&report_options::of_status(args));
    match status::run(args, &report) {
        Ok(Some(code)) => ExitCode::from(code.class.exit_status()),
        result => end(result.map(drop), Program::Kubejoin, &report),
    }
}

fn run_token(args: TokenArgs, program: Program) -> ExitCode {
    let report = begin(&report_options::of_verbosity(args.verbosity));
    end(token::run(args, &report), program, &report)
}

fn run_certs(args: &CertsArgs, program: Program) -> ExitCode {
    let report = begin(&report_options::of_verbosity(args.settings.verbosity.unwrap_or_default()));
    end(certs::run(args, &report), program, &report)
}

fn run_config(command: &ConfigCommand, program: Program) -> ExitCode {
    let report = begin(&report_options::of_others());
    end(config::run(command, &report), program, &report)
}

fn begin(options: &ReportOptions) -> Report {
    report_panics(options);
    Report::standard(options)
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
