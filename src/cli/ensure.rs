//! `ensure`: the flags of `join`, and how long an unattended machine tries.

use std::time::Duration;

use super::arguments::{Arguments, Parsed};
use super::error::UsageError;
use super::join::{self, JoinArgs};
use crate::config::setting::Verb;

/// `ensure` as typed.
#[derive(Clone, Debug)]
pub struct EnsureArgs {
    /// What it has in common with `join`.
    pub join: JoinArgs,
    /// `--deadline`: for how long what may still come is waited for; for ever where absent.
    pub deadline: Option<Duration>,
    /// `--shred-token-file`.
    pub shred_token_file: bool,
}

/// What stands behind the word `ensure`.
pub(super) fn parse(args: Arguments) -> Result<Parsed<Box<EnsureArgs>>, UsageError> {
    Ok(match join::parse(args, Verb::Ensure)? {
        Parsed::Help(help) => Parsed::Help(help),
        Parsed::Args(join) => Parsed::Args(Box::new(EnsureArgs {
            deadline: join.settings.deadline,
            shred_token_file: join.settings.shred_token_file.unwrap_or_default(),
            join: *join,
        })),
    })
}
