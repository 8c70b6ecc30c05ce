//! The command, and who reads what stands behind it.

use std::ffi::OsString;

use super::arguments::{Arguments, Next, Parsed, tidied};
use super::command::Command;
use super::command_table;
use super::error::{Misuse, UsageError};
use super::program::Program;
use super::topic::{Help, Topic};
use super::version::Version;
use super::{certs, completion, config, doctor, ensure, explain, help, join, reset, status, token, version};
use crate::config::setting::Verb;
use crate::values::nearest;

/// Commands of kubeadm 1.37 (`cmd/kubeadm/app/cmd/cmd.go`) that kubejoin does not have.
const KUBEADM_COMMANDS: [&str; 2] = ["alpha", "upgrade"];

/// Reads a whole argv, its first element included.
///
/// An argv that asks for help gets it, whatever else is in it.
///
/// # Errors
/// The first thing that is not understood.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let args: Vec<OsString> = args.into_iter().map(tidied).collect();
    let program = Program::of(args.first());
    let wants_help = args.iter().skip(1).any(|arg| arg == "-h" || arg == "--help");
    let topic = topic_of(&args);
    match command(Arguments::new(program, args)) {
        Err(_) if wants_help => Ok(Command::Help(Help { program, topic })),
        result => result,
    }
}

/// What a command line that is not understood asks help about.
fn topic_of(args: &[OsString]) -> Topic {
    let mut words = args.iter().skip(1).filter_map(|arg| arg.to_str());
    match words.find_map(Topic::of_command).unwrap_or(Topic::General) {
        Topic::Join if args.iter().any(|arg| arg == "phase") => Topic::Phases,
        topic => topic,
    }
}

fn command(mut args: Arguments) -> Result<Command, UsageError> {
    match args.next()? {
        Next::Help => Ok(Command::Help(args.help(Topic::General))),
        Next::Version => Ok(Command::Version(Version::default())),
        Next::End => Err(args.error(Misuse::NoCommand)),
        Next::Word(word) => match word.as_str() {
            "join" => join::parse(args, Verb::Join).map(|parsed| of(parsed, Command::Join)),
            "ensure" => ensure::parse(args).map(|parsed| of(parsed, Command::Ensure)),
            "doctor" => doctor::parse(args).map(|parsed| of(parsed, Command::Doctor)),
            "reset" => reset::parse(args).map(|parsed| of(parsed, Command::Reset)),
            "status" => status::parse(args).map(|parsed| of(parsed, Command::Status)),
            "explain" => explain::parse(args).map(|parsed| of(parsed, Command::Explain)),
            "token" => token::parse(args).map(|parsed| of(parsed, Command::Token)),
            "certs" | "certificates" => certs::parse(args, "certs").map(|parsed| of(parsed, Command::Certs)),
            "kubeconfig" => certs::parse(args, "kubeconfig").map(|parsed| of(parsed, Command::Certs)),
            "init" => certs::parse(args, "init").map(|parsed| of(parsed, Command::Certs)),
            "config" => config::parse(args).map(|parsed| of(parsed, Command::Config)),
            "completion" => completion::parse(args).map(|parsed| of(parsed, Command::Completion)),
            "version" => version::parse(args).map(|parsed| of(parsed, Command::Version)),
            "help" => help::parse(args).map(Command::Help),
            _ => Err(unknown_command(&args, word)),
        },
    }
}

fn of<T>(parsed: Parsed<T>, command: impl Fn(T) -> Command) -> Command {
    match parsed {
        Parsed::Args(args) => command(args),
        Parsed::Help(help) => Command::Help(help),
    }
}

fn unknown_command(args: &Arguments, word: String) -> UsageError {
    if KUBEADM_COMMANDS.contains(&word.as_str()) {
        return args.error(Misuse::NotYetSupported { what: word });
    }
    let suggestion = nearest(&word, command_table::behind("")).map(str::to_owned);
    args.error(Misuse::UnknownCommand { word, suggestion })
}
