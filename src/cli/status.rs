//! `status`, as typed.

use std::path::PathBuf;
use std::time::Duration;

use super::arguments::{Arguments, Next, Parsed};
use super::error::{Misuse, UsageError};
use super::topic::Topic;
use crate::config::origin::WithOrigin;
use crate::config::setting::Verb;
use crate::config::settings::{Output, WaitFor};

/// `status` as typed.
#[derive(Debug)]
pub struct StatusArgs {
    /// `--rootfs`.
    pub rootfs: Option<PathBuf>,
    /// `--result-file`: where the last run has left its result, where that was said.
    pub result_file: Option<PathBuf>,
    /// `--output`.
    pub output: Output,
    /// `--wait`.
    pub wait: Option<WaitFor>,
    /// `--deadline`: for how long; for ever where absent.
    pub deadline: Option<Duration>,
    /// `-v`.
    pub verbosity: u8,
}

/// What stands behind the word `status`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<StatusArgs>, UsageError> {
    args.verb = Verb::Status;
    match args.next()? {
        Next::End | Next::Version => {}
        Next::Help => return Ok(Parsed::Help(args.help(Topic::Status))),
        Next::Word(word) => {
            let suggestion = args.flag_in(&word);
            return Err(args.error(Misuse::ExtraArgument { word, suggestion }));
        }
    }
    let settings = &args.settings;
    if settings.deadline.is_some() && settings.wait.is_none() {
        return Err(args.error(Misuse::Without { flag: "deadline", other: "wait" }));
    }
    let path = |given: &Option<WithOrigin<PathBuf>>| given.as_ref().map(|given| given.value.clone());
    Ok(Parsed::Args(StatusArgs {
        rootfs: path(&settings.rootfs),
        result_file: path(&settings.result_file),
        output: settings.output.unwrap_or_default(),
        wait: settings.wait,
        deadline: settings.deadline,
        verbosity: settings.verbosity.unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse as parse_argv};
    use super::*;

    #[test]
    fn a_wait_is_for_files_unless_it_is_for_ready() {
        let wait = |words: &[&str]| match parse_argv(["kubejoin", "status"].iter().chain(words).map(Into::into)) {
            Ok(Command::Status(args)) => Ok((args.wait, args.deadline.map(|wait| wait.as_secs()))),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(wait(&[]), Ok((None, None)));
        assert_eq!(wait(&["--wait"]), Ok((Some(WaitFor::Joined), None)));
        assert_eq!(wait(&["--wait=joined", "--deadline=5s"]), Ok((Some(WaitFor::Joined), Some(5))));
        assert_eq!(wait(&["--wait=ready", "--deadline", "1m"]), Ok((Some(WaitFor::Ready), Some(60))));
        assert!(wait(&["--wait=never"]).unwrap_err().contains("--wait takes joined or ready, not \"never\""));
        assert!(wait(&["--deadline=5s"]).unwrap_err().contains("--deadline needs --wait beside it"));
        assert!(wait(&["ready"]).unwrap_err().contains("status does not take the further argument \"ready\""));
    }
}
