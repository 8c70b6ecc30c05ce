//! What an argv asks for.

use super::config::ConfigCommand;
use super::join::JoinArgs;
use super::topic::Help;
use super::version::Version;

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
