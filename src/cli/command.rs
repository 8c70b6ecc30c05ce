//! What an argv asks for.

use super::certs::CertsArgs;
use super::completion::Completion;
use super::config::ConfigCommand;
use super::doctor::DoctorArgs;
use super::ensure::EnsureArgs;
use super::explain::ExplainArgs;
use super::join::JoinArgs;
use super::reset::ResetArgs;
use super::status::StatusArgs;
use super::token::TokenArgs;
use super::topic::Help;
use super::version::Version;

/// What was asked for.
#[derive(Debug)]
pub enum Command {
    /// `join`.
    Join(Box<JoinArgs>),
    /// `ensure`.
    Ensure(Box<EnsureArgs>),
    /// `doctor`.
    Doctor(Box<DoctorArgs>),
    /// `reset`.
    Reset(Box<ResetArgs>),
    /// `status`.
    Status(StatusArgs),
    /// `explain`.
    Explain(ExplainArgs),
    /// `token`.
    Token(TokenArgs),
    /// `certs`, `init phase upload-certs`, `kubeconfig user`.
    Certs(Box<CertsArgs>),
    /// `config`.
    Config(ConfigCommand),
    /// `completion`.
    Completion(Completion),
    /// `version`, `--version`.
    Version(Version),
    /// `help`, `--help`, `-h`, also next to arguments that are not understood.
    Help(Help),
}
