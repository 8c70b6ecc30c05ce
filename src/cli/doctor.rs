//! `doctor`: the flags of `join`, and where a report of it goes.

use std::path::PathBuf;

use super::arguments::{Arguments, Parsed};
use super::error::UsageError;
use super::join::{self, JoinArgs};
use crate::config::setting::Verb;

/// `doctor` as typed.
#[derive(Clone, Debug)]
pub struct DoctorArgs {
    /// What it has in common with `join`. `--result-file` is where the last run has left its result.
    pub join: JoinArgs,
    /// `--report`.
    pub report: Option<PathBuf>,
}

/// What stands behind the word `doctor`.
pub(super) fn parse(args: Arguments) -> Result<Parsed<Box<DoctorArgs>>, UsageError> {
    Ok(match join::parse(args, Verb::Doctor)? {
        Parsed::Help(help) => Parsed::Help(help),
        Parsed::Args(join) => {
            let report = join.settings.report.as_ref().map(|given| given.value.clone());
            Parsed::Args(Box::new(DoctorArgs { join: *join, report }))
        }
    })
}
