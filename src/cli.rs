//! argv to a typed command, and the help texts.
//!
//! What is typed stays as typed ([`JoinArgs`]): nothing here looks at this machine, reads a file or resolves a default, so
//! help works on any half-booted one. Weighing the sources against each other is [`crate::config`]'s.

pub mod config;
pub mod error;
pub mod help;
pub mod join;
mod phase;
pub mod suggest;
pub mod version;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use lexopt::Arg;

pub use config::ConfigCommand;
pub use error::UsageError;
pub use help::{Help, Topic};
pub use join::{JoinArgs, LoggingFormat, Output};
pub use version::Version;

/// What was asked for.
#[derive(Debug)]
pub enum Command {
    /// `join`.
    Join(Box<JoinArgs>),
    /// `config`.
    Config(ConfigCommand),
    /// `version`, `--version`.
    Version(Version),
    /// `help`, `--help`, `-h`, also next to arguments that are not understood.
    Help(Help),
}

/// The name this binary was called by: help texts and hints show it, nothing else depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Any name but kubeadm.
    Kubejoin,
    /// Called `kubeadm`, by a symbolic link or a copy.
    Kubeadm,
}

impl Program {
    fn of(argv0: Option<&OsString>) -> Self {
        let name = argv0.and_then(|text| Path::new(text).file_name());
        if name.is_some_and(|name| name == "kubeadm") { Program::Kubeadm } else { Program::Kubejoin }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Program::Kubejoin => "kubejoin",
            Program::Kubeadm => "kubeadm",
        })
    }
}

/// Our commands, for suggestions.
const COMMANDS: [&str; 4] = ["join", "config", "version", "help"];

/// Commands of kubeadm 1.37 (`cmd/kubeadm/app/cmd/cmd.go`) that kubejoin does not have.
const KUBEADM_COMMANDS: [&str; 7] = ["alpha", "certs", "completion", "init", "kubeconfig", "reset", "token"];

/// Flags that may stand before the command.
const GLOBAL_FLAGS: [&str; 4] = ["help", "version", "v", "rootfs"];

/// Reads a whole argv, its first element included.
///
/// An argv that asks for help gets it, whatever else is in it.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let args: Vec<OsString> = args.into_iter().map(join::without_paste_debris).collect();
    let program = Program::of(args.first());
    let wants_help = args.iter().skip(1).any(|arg| arg == "-h" || arg == "--help");
    let topic = match args.iter().skip(1).find(|arg| COMMANDS.iter().any(|command| *arg == *command)) {
        Some(word) if word == "join" && args.iter().any(|arg| arg == "phase") => Topic::Phases,
        Some(word) if word == "join" => Topic::Join,
        Some(word) if word == "config" => Topic::Config,
        Some(word) if word == "version" => Topic::Version,
        _ => Topic::General,
    };
    match parse_command(program, lexopt::Parser::from_iter(args)) {
        Err(_) if wants_help => Ok(Command::Help(Help { program, topic })),
        result => result,
    }
}

fn parse_command(program: Program, mut parser: lexopt::Parser) -> Result<Command, UsageError> {
    let mut join = JoinArgs::default();
    while let Some(arg) = parser.next().map_err(|error| error::from_lexopt(program, "", error))? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(help(program, Topic::General)),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version(Version::default())),
            Arg::Short('v') | Arg::Long("v") => join.verbosity = join::verbosity(program, &mut parser)?,
            Arg::Long("rootfs") => join.settings.rootfs = Some(join::path(program, "--rootfs", &mut parser)?),
            Arg::Value(word) if join::is_paste_debris(&word) => {}
            Arg::Value(word) => {
                return match word.to_str() {
                    Some("join") => join::parse(program, join, &mut parser),
                    Some("config") => config::parse(program, &mut parser),
                    Some("version") => version::parse(program, &mut parser),
                    Some("help") => help::parse(program, &mut parser),
                    _ => Err(unknown_command(program, &word.to_string_lossy())),
                };
            }
            Arg::Short(_) | Arg::Long(_) => return Err(error::unknown_flag(program, "", &arg, &GLOBAL_FLAGS)),
        }
    }
    Err(UsageError::NoCommand { program })
}

fn help(program: Program, topic: Topic) -> Command {
    Command::Help(Help { program, topic })
}

fn unknown_command(program: Program, word: &str) -> UsageError {
    if KUBEADM_COMMANDS.contains(&word) || word == "upgrade" {
        return UsageError::NotYetSupported { program, what: word.to_owned() };
    }
    let suggestion = suggest::nearest(word, COMMANDS).map(str::to_owned);
    UsageError::UnknownCommand { program, word: word.to_owned(), suggestion }
}

/// Where the result is written unless `--result-file` says otherwise.
pub fn default_result_file() -> PathBuf {
    PathBuf::from("/run/kubejoin/result.json")
}

#[cfg(test)]
mod tests;
