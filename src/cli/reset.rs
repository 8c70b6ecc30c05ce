//! `reset`, and `reset phase NAME`.

use std::path::PathBuf;

use super::arguments::{Arguments, Next, Parsed};
use super::error::{Misuse, UsageError};
use super::program::Program;
use super::topic::Topic;
use crate::config::setting::{SKIP_PHASES, Verb};
use crate::config::settings::{LoggingFormat, Output, Settings};
use crate::phase::{RESET_PHASES, ResetPhase, find_of_reset};
use crate::report::result;
use crate::values::nearest;

/// `reset` as typed.
#[derive(Clone, Debug)]
pub struct ResetArgs {
    /// How it was called, for hints.
    pub program: Program,
    /// What is asked for; weighed against a file by [`crate::config::load_reset()`].
    pub settings: Settings,
    /// `-v`.
    pub verbosity: u8,
    /// `--logging-format`.
    pub logging_format: LoggingFormat,
    /// `--output`.
    pub output: Output,
    /// `reset phase NAME`: this phase alone.
    pub phase: Option<ResetPhase>,
    /// `--result-file`.
    pub result_file: PathBuf,
}

/// What stands behind the word `reset`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<Box<ResetArgs>>, UsageError> {
    args.verb = Verb::Reset;
    let mut is_phase = false;
    let mut phase = None;
    loop {
        match args.next()? {
            Next::End | Next::Version => break,
            Next::Help => return Ok(Parsed::Help(args.help(Topic::Reset))),
            Next::Word(word) if word == "phase" && !is_phase => is_phase = true,
            Next::Word(word) if is_phase && phase.is_none() => {
                phase = Some(find_of_reset(&word).ok_or_else(|| {
                    let suggestion = nearest(&word, RESET_PHASES.map(ResetPhase::name)).map(str::to_owned);
                    args.error(Misuse::UnknownPhase { word, suggestion })
                })?);
            }
            Next::Word(word) => {
                let suggestion = args.flag_in(&word);
                return Err(args.error(Misuse::ExtraArgument { word, suggestion }));
            }
        }
    }
    if is_phase && phase.is_none() {
        let verbs = "preflight, remove-etcd-member or cleanup-node";
        return Err(args.error(Misuse::NoVerb { behind: "reset phase", verbs }));
    }
    if phase.is_some() && !args.settings.skip_phases.is_empty() {
        return Err(args.error(Misuse::UnknownFlag { flag: format!("--{SKIP_PHASES}"), suggestion: None }));
    }
    let settings = args.settings;
    let result_file = settings.result_file.as_ref().map(|given| given.value.clone());
    Ok(Parsed::Args(Box::new(ResetArgs {
        program: args.program,
        verbosity: settings.verbosity.unwrap_or_default(),
        logging_format: settings.logging_format.unwrap_or_default(),
        output: settings.output.unwrap_or_default(),
        phase,
        result_file: result_file.unwrap_or_else(|| PathBuf::from(result::PATH)),
        settings,
    })))
}
