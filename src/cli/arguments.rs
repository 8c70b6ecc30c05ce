//! One argument after the other: flags go to the settings by the table, words to whoever reads the command.

use std::ffi::{OsStr, OsString};

use lexopt::{Arg, Parser};

use super::command::Command;
use super::error::{Misuse, UsageError};
use super::help::{Help, Topic};
use super::program::Program;
use super::suggest;
use crate::config::origin::Origin;
use crate::config::setting::{Kind, Setting, ValueError, Verb};
use crate::config::settings::Settings;
use crate::config::settings_table::{SETTINGS, flag, short_flag};

/// The arguments that have not been read yet, and the settings of those that have.
pub(super) struct Arguments {
    pub(super) program: Program,
    /// Whose flags are read.
    pub(super) verb: Verb,
    pub(super) settings: Settings,
    parser: Parser,
}

/// What comes next and is not a setting.
pub(super) enum Next {
    /// A word, without white space around it.
    Word(String),
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// Nothing.
    End,
}

impl Arguments {
    /// Those of a whole argv, its first element included.
    pub(super) fn new(program: Program, args: Vec<OsString>) -> Self {
        Arguments { program, verb: Verb::None, settings: Settings::default(), parser: Parser::from_iter(args) }
    }

    /// Takes flags up to the next word.
    pub(super) fn next(&mut self) -> Result<Next, UsageError> {
        loop {
            let arg = match self.parser.next() {
                Ok(arg) => arg,
                Err(error) => return Err(self.error(from_lexopt(error))),
            };
            let found = match &arg {
                None => return Ok(Next::End),
                Some(Arg::Value(word)) if is_paste_debris(word) => continue,
                Some(Arg::Value(word)) => {
                    let word = word.to_str().map(|word| Next::Word(word.trim().to_owned()));
                    return word.ok_or_else(|| self.error(Misuse::NotUnicode { what: "an argument" }));
                }
                Some(Arg::Long(name)) => flag(self.verb, name),
                Some(Arg::Short(letter)) => short_flag(self.verb, *letter),
            };
            let Some(setting) = found else {
                let misuse = unknown_flag(self.verb, arg.as_ref());
                return Err(self.error(misuse));
            };
            match setting.kind {
                Kind::Help => return Ok(Next::Help),
                Kind::Version => return Ok(Next::Version),
                Kind::NotYetSupported => {
                    let what = format!("--{}", setting.flag);
                    return Err(self.error(Misuse::NotYetSupported { what }));
                }
                _ => self.set(setting)?,
            }
        }
    }

    /// Takes the value of a flag: what stands behind `=`, or the next argument; that of a boolean only behind `=`.
    fn set(&mut self, setting: &'static Setting) -> Result<(), UsageError> {
        let attached = self.parser.optional_value();
        let value = match attached {
            Some(value) => value,
            None if !setting.takes_value() => OsString::from("true"),
            None => self.parser.value().map_err(|error| self.error(from_lexopt(error)))?,
        };
        let result = setting.set(&mut self.settings, Origin::Flag(setting.flag), &value);
        result.map_err(|error| {
            self.error(match error {
                ValueError::NotUnicode => Misuse::FlagNotUnicode { flag: setting.flag },
                ValueError::Expected(expected) => {
                    let value = value.to_string_lossy().into_owned();
                    Misuse::BadValue { flag: setting.flag, value, expected }
                }
            })
        })
    }

    /// The help text about something, in the words of who called.
    pub(super) fn help(&self, topic: Topic) -> Command {
        Command::Help(Help { program: self.program, topic })
    }

    /// An error of the command that is being read.
    pub(super) fn error(&self, misuse: Misuse) -> UsageError {
        UsageError { program: self.program, verb: self.verb, misuse }
    }
}

/// An unknown flag, with what may have been meant.
fn unknown_flag(verb: Verb, arg: Option<&Arg<'_>>) -> Misuse {
    match arg {
        Some(Arg::Long(name)) => {
            let known = SETTINGS.iter().filter(|setting| setting.is_flag_of(verb)).map(|setting| setting.flag);
            Misuse::UnknownFlag { flag: format!("--{name}"), suggestion: suggest::nearest(name, known) }
        }
        Some(Arg::Short(letter)) => Misuse::UnknownFlag { flag: format!("-{letter}"), suggestion: None },
        Some(Arg::Value(_)) | None => Misuse::NotUnicode { what: "an argument" },
    }
}

/// lexopt's own errors; they can repeat a value, ours do not.
fn from_lexopt(error: lexopt::Error) -> Misuse {
    match error {
        lexopt::Error::MissingValue { option } => Misuse::NoValue { flag: option.unwrap_or_default() },
        lexopt::Error::UnexpectedValue { option, .. } => Misuse::UnexpectedValue { flag: option },
        lexopt::Error::UnexpectedOption(flag) => Misuse::UnknownFlag { flag, suggestion: None },
        // The others come from lexopt's value conversions, which are not used here.
        _ => Misuse::NotUnicode { what: "an argument" },
    }
}

/// Whether an argument is what a shell's line continuation leaves behind when the printed join command is pasted where no
/// shell reads it (cloud-init lists, unit files): nothing but backslashes and white space.
fn is_paste_debris(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| word.chars().all(|c| c == '\\' || c.is_whitespace()))
}

/// A flag without the `\`, newline and tab that the same accident leaves in front of it.
pub(super) fn tidied(arg: OsString) -> OsString {
    match arg.to_str().map(|text| text.trim_start_matches(|c: char| c == '\\' || c.is_whitespace())) {
        Some(rest) if rest.starts_with("--") => OsString::from(rest),
        _ => arg,
    }
}
