//! One argument after the other: flags go to the settings by the table, words to whoever reads the command.

use std::ffi::{OsStr, OsString};

use lexopt::{Arg, Parser};

use super::error::{Misuse, UsageError};
use super::program::Program;
use super::topic::{Help, Topic};
use crate::config::origin::Origin;
use crate::config::setting::{Beside, Kind, Setting, ValueError, Verb};
use crate::config::settings::Settings;
use crate::config::settings_table::{SETTINGS, flag, short_flag};
use crate::values::{is_dash, is_quotation_mark, nearest};

/// The arguments that have not been read yet, and the settings of those that have.
pub(super) struct Arguments {
    pub(super) program: Program,
    /// Whose flags are read.
    pub(super) verb: Verb,
    pub(super) settings: Settings,
    /// Where the arguments stand, unless they were typed.
    pub(super) entry: Option<String>,
    parser: Parser,
    /// A flag that was typed with one hyphen: what is read of it is its first letter.
    with_one_hyphen: Option<&'static str>,
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

/// What a command made of its arguments.
pub(super) enum Parsed<T> {
    /// It runs with these.
    Args(T),
    /// It was asked for help.
    Help(Help),
}

impl Arguments {
    /// Those of a whole argv, its first element included.
    pub(super) fn new(program: Program, args: Vec<OsString>) -> Self {
        let with_one_hyphen = args.iter().skip(1).find_map(|arg| with_one_hyphen(arg));
        let parser = Parser::from_iter(args);
        Arguments { program, verb: Verb::None, settings: Settings::default(), entry: None, parser, with_one_hyphen }
    }

    /// Takes flags up to the next word.
    pub(super) fn next(&mut self) -> Result<Next, UsageError> {
        loop {
            let setting = match self.parser.next() {
                Err(error) => return Err(self.error(from_lexopt(error))),
                Ok(None) => return Ok(Next::End),
                Ok(Some(Arg::Value(word))) if is_paste_debris(&word) => continue,
                Ok(Some(Arg::Value(word))) => {
                    return self.word(&word).map(Next::Word).map_err(|misuse| self.error(misuse));
                }
                Ok(Some(Arg::Long(name))) => {
                    // As in kubeadm (`WordSepNormalizeFunc`).
                    let name = name.replace('_', "-");
                    flag(self.verb, &name).ok_or_else(|| self.unknown_flag(&name))
                }
                Ok(Some(Arg::Short(letter))) => short_flag(self.verb, letter).ok_or_else(|| Misuse::UnknownFlag {
                    flag: format!("-{letter}"),
                    suggestion: self.with_one_hyphen,
                }),
            };
            let setting = setting.map_err(|misuse| self.error(misuse))?;
            match setting.kind {
                Kind::Help => return Ok(Next::Help),
                Kind::Version => return Ok(Next::Version),
                _ => self.set(setting)?,
            }
        }
    }

    /// A word as it is, unless a flag was meant.
    fn word(&self, word: &OsStr) -> Result<String, Misuse> {
        let word = word.to_str().ok_or(Misuse::NotUnicode { what: "an argument" })?.trim();
        let name = word.trim_start_matches(|c| c == '-' || is_dash(c) || is_quotation_mark(c));
        let first = word.chars().next().filter(|c| is_dash(*c) || is_quotation_mark(*c));
        match first {
            // A quotation mark may be before anything.
            Some(character) if is_dash(character) || word.contains("-") && self.meant(name).is_some() => {
                Err(Misuse::NoHyphens { word: word.to_owned(), character, suggestion: self.meant(name) })
            }
            _ => Ok(word.to_owned()),
        }
    }

    /// The flag of this command that stands somewhere in a word.
    pub(super) fn flag_in(&self, word: &str) -> Option<&'static str> {
        word.split_once("--").and_then(|(_, name)| self.meant(name))
    }

    /// The flag of this command that begins with this name, whatever follows it.
    fn meant(&self, name: &str) -> Option<&'static str> {
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
        flag(self.verb, &name[..end]).map(|setting| setting.flag)
    }

    /// Takes the value of a flag: what stands behind `=`, or the next argument; that of a boolean only behind `=`.
    fn set(&mut self, setting: &'static Setting) -> Result<(), UsageError> {
        let attached = self.parser.optional_value();
        let value = match attached {
            Some(value) => value,
            None if !setting.takes_value() => OsString::from("true"),
            None => {
                let value = self.parser.value().map_err(|error| self.error(from_lexopt(error)))?;
                if let Some(taken) = value.to_str().and_then(|value| self.is_flag(value)) {
                    return Err(self.error(Misuse::FlagAsValue { flag: setting.flag, taken }));
                }
                value
            }
        };
        let origin = match &self.entry {
            Some(entry) => Origin::Entry(format!("--{} in {entry}", setting.flag)),
            None => Origin::Flag(setting.flag),
        };
        let result = setting.set(&mut self.settings, origin, &value);
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

    /// The flag that a value is. What follows an unset variable is taken for the variable's value.
    fn is_flag(&self, value: &str) -> Option<&'static str> {
        let name = value.strip_prefix("--")?;
        flag(self.verb, name.split('=').next().unwrap_or(name)).map(|setting| setting.flag)
    }

    /// An unknown flag, with what may have been meant.
    fn unknown_flag(&self, name: &str) -> Misuse {
        let shown = format!("--{name}");
        if let (Some(flag), Some(character)) = (self.meant(name), name.chars().find(|c| c.is_whitespace())) {
            return Misuse::SpaceInFlag { flag, character };
        }
        let known = SETTINGS.iter().filter(|setting| setting.is_flag_of(self.verb)).map(|setting| setting.flag);
        Misuse::UnknownFlag { flag: shown, suggestion: nearest(name, known) }
    }

    /// What was typed that cannot stand beside `--config`, where that was typed.
    pub(super) fn refused_beside_config(&self) -> Option<String> {
        self.settings.config.as_ref()?;
        let is_refused = |row: &&Setting| row.beside_config == Beside::Refused;
        self.settings.given.iter().find_map(|origin| match origin {
            Origin::Flag(name) => flag(self.verb, name).filter(is_refused).map(|row| format!("--{}", row.flag)),
            _ => None,
        })
    }

    /// The help text about something, in the words of who called.
    pub(super) fn help(&self, topic: Topic) -> Help {
        Help { program: self.program, topic }
    }

    /// An error of the command that is being read.
    pub(super) fn error(&self, misuse: Misuse) -> UsageError {
        UsageError { program: self.program, verb: self.verb, misuse }
    }
}

/// The flag of any command that is meant by a name behind one hyphen.
fn with_one_hyphen(arg: &OsStr) -> Option<&'static str> {
    let name = arg.to_str()?.strip_prefix('-').filter(|name| name.len() > 2)?;
    let name = name.split('=').next().unwrap_or(name);
    SETTINGS.iter().find(|setting| setting.flag == name).map(|setting| setting.flag)
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

/// A flag without the `\`, newline and tab that the same accident leaves in front of it, and without the white space that
/// was copied with it.
pub(super) fn tidied(arg: OsString) -> OsString {
    let text = arg.to_str().map(|text| text.trim_start_matches(|c: char| c == '\\' || c.is_whitespace()));
    match text {
        Some(flag) if flag.starts_with("--") && !flag.contains('=') => OsString::from(flag.trim_end()),
        Some(flag) if flag.starts_with("--") => OsString::from(flag),
        _ => arg,
    }
}
