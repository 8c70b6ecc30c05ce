//! What help can be asked for.

use super::program::Program;
use crate::phase::PhaseSpec;

/// Our commands, for suggestions.
pub(super) const COMMANDS: [&str; 10] =
    ["join", "ensure", "reset", "token", "certs", "init", "kubeconfig", "config", "version", "help"];

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
    /// `reset`.
    Reset,
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
    /// `version`.
    Version,
    /// Every error code.
    Errors,
}
