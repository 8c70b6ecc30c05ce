//! `join`, and `join phase NAME`.

use std::path::PathBuf;

use super::arguments::{Arguments, Next, Parsed};
use super::error::{Misuse, UsageError};
use super::phase::PhaseWords;
use super::program::Program;
use super::topic::Topic;
use crate::config::origin::{Origin, WithOrigin};
use crate::config::setting::{SKIP_PHASES, Verb};
use crate::config::settings::{LoggingFormat, Output, Settings};
use crate::phase::PhaseSpec;
use crate::report::result;

/// `join` as typed.
#[derive(Clone, Debug)]
pub struct JoinArgs {
    /// How it was called, for hints.
    pub program: Program,
    /// What is asked for; weighed against the other sources by [`crate::config::load()`].
    pub settings: Settings,
    /// `-v`: 0 shows what kubeadm shows, 10 everything.
    pub verbosity: u8,
    /// `--logging-format`.
    pub logging_format: LoggingFormat,
    /// `--output`.
    pub output: Output,
    /// `--check`: a dry run that says only whether the join would succeed.
    pub is_rehearsal: bool,
    /// `join phase NAME`: this phase alone.
    pub phase: Option<&'static PhaseSpec>,
    /// `--result-file`.
    pub result_file: PathBuf,
}

/// What stands behind the word `join`, or `ensure` or `doctor`, which have no phases; `args` has read what stood before it.
pub(super) fn parse(mut args: Arguments, verb: Verb) -> Result<Parsed<Box<JoinArgs>>, UsageError> {
    args.verb = verb;
    let mut phase = PhaseWords::None;
    loop {
        match args.next()? {
            Next::End | Next::Version => break,
            Next::Help if verb == Verb::Doctor => return Ok(Parsed::Help(args.help(Topic::Doctor))),
            Next::Help if verb == Verb::Ensure => return Ok(Parsed::Help(args.help(Topic::Ensure))),
            Next::Help => return Ok(Parsed::Help(args.help(phase.topic()))),
            Next::Word(word) if phase.is_incomplete() => {
                phase = phase.take(&word).map_err(|error| args.error(error))?
            }
            Next::Word(word)
                if word == "phase" && verb == Verb::Join && phase.is_none() && args.settings.endpoint.is_none() =>
            {
                phase = PhaseWords::Any;
            }
            Next::Word(word) => take_endpoint(&mut args, word)?,
        }
    }
    let phase = phase.end().map_err(|error| args.error(error))?;
    if phase.is_some() && !args.settings.skip_phases.is_empty() {
        return Err(args.error(Misuse::UnknownFlag { flag: format!("--{SKIP_PHASES}"), suggestion: None }));
    }
    Ok(Parsed::Args(Box::new(JoinArgs::new(args.program, args.settings, phase))))
}

fn take_endpoint(args: &mut Arguments, word: String) -> Result<(), UsageError> {
    if args.settings.endpoint.is_some() {
        let suggestion = args.flag_in(&word);
        return Err(args.error(Misuse::ExtraArgument { word, suggestion }));
    }
    let origin =
        args.entry.as_ref().map_or(Origin::Argument, |entry| Origin::Entry(format!("the endpoint in {entry}")));
    args.settings.endpoint = Some(WithOrigin::new(word, origin));
    Ok(())
}

impl JoinArgs {
    fn new(program: Program, mut settings: Settings, phase: Option<&'static PhaseSpec>) -> Self {
        let is_rehearsal = settings.check == Some(true);
        if is_rehearsal {
            settings.dry_run = Some(true);
        }
        let result_file = settings.result_file.as_ref().map(|given| given.value.clone());
        JoinArgs {
            program,
            verbosity: settings.verbosity.unwrap_or_default(),
            logging_format: settings.logging_format.unwrap_or_default(),
            output: settings.output.unwrap_or_default(),
            is_rehearsal,
            phase,
            result_file: result_file.unwrap_or_else(|| PathBuf::from(result::PATH)),
            settings,
        }
    }
}
