//! What help can be asked for.

use super::program::Program;
use crate::phase::PhaseSpec;

/// What help was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// The name that the text shows.
    pub program: Program,
    /// About what.
    pub topic: Topic,
}

/// What there is help about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The commands.
    General,
    /// `join`.
    Join,
    /// `ensure`.
    Ensure,
    /// `doctor`.
    Doctor,
    /// `reset`.
    Reset,
    /// `status`.
    Status,
    /// `explain`.
    Explain,
    /// `token`.
    Token,
    /// `certs`, `init phase upload-certs`, `kubeconfig user`.
    Certs,
    /// `config`.
    Config,
    /// `join phase`.
    Phases,
    /// `join phase NAME`.
    Phase(&'static PhaseSpec),
    /// `completion`.
    Completion,
    /// `version`.
    Version,
    /// Every error code.
    Errors,
    /// All of it, as a manual page.
    Man,
}

impl Topic {
    /// That of a command, by its first word.
    pub(super) fn of_command(word: &str) -> Option<Topic> {
        Some(match word {
            "join" => Topic::Join,
            "ensure" => Topic::Ensure,
            "doctor" => Topic::Doctor,
            "reset" => Topic::Reset,
            "status" => Topic::Status,
            "explain" => Topic::Explain,
            "token" => Topic::Token,
            "certs" | "init" | "kubeconfig" => Topic::Certs,
            "config" => Topic::Config,
            "completion" => Topic::Completion,
            "version" => Topic::Version,
            "help" => Topic::General,
            _ => return None,
        })
    }
}
