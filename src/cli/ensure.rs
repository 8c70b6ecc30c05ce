//! `ensure`: the flags of `join`, and how long an unattended machine tries.

use std::path::Path;
use std::time::Duration;

use super::arguments::{Arguments, Parsed};
use super::error::{Misuse, UsageError};
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
    let program = args.program;
    Ok(match join::parse(args, Verb::Ensure)? {
        Parsed::Args(join) if join.settings.token_file.as_ref().is_some_and(|given| given.value == Path::new("-")) => {
            let expected = "a path, because every attempt reads it again";
            let misuse = Misuse::BadValue { flag: "token-file", value: "-".to_owned(), expected };
            return Err(UsageError { program, verb: Verb::Ensure, misuse });
        }
        Parsed::Help(help) => Parsed::Help(help),
        Parsed::Args(join) => Parsed::Args(Box::new(EnsureArgs {
            deadline: join.settings.deadline,
            shred_token_file: join.settings.shred_token_file.unwrap_or_default(),
            join: *join,
        })),
    })
}
