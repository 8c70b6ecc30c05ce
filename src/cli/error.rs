//! What can be wrong with an argv.

use std::fmt;

use lexopt::Arg;

use super::{Program, suggest};
use crate::error::{Code, Explain, codes};
use crate::phase::{self, Applies};
use crate::values::Quoted;

/// An argv that is not understood. Values of flags are repeated only where they cannot be a secret.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageError {
    /// Nothing but the program's name.
    NoCommand {
        /// As called.
        program: Program,
    },
    /// A command that neither we nor kubeadm have.
    UnknownCommand {
        /// As called.
        program: Program,
        /// What was typed.
        word: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// A command or flag of kubeadm that is not here.
    NotYetSupported {
        /// As called.
        program: Program,
        /// The command or flag.
        what: String,
    },
    /// `join phase` without the name of one.
    NoPhase {
        /// As called.
        program: Program,
        /// The parent whose child is missing.
        parent: Option<&'static str>,
    },
    /// A phase that neither we nor any kubeadm have.
    UnknownPhase {
        /// As called.
        program: Program,
        /// What was typed.
        word: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// A phase that does not go alone.
    PartOfPhase {
        /// As called.
        program: Program,
        /// Which.
        name: &'static str,
    },
    /// A flag that neither we nor kubeadm have.
    UnknownFlag {
        /// As called.
        program: Program,
        /// Before which the flag stands: `join`, or empty.
        command: &'static str,
        /// The flag with its dashes.
        flag: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// A command that needs another word behind it.
    NoVerb {
        /// As called.
        program: Program,
        /// What was typed.
        command: &'static str,
        /// What can stand behind it.
        verbs: &'static str,
    },
    /// A flag that has to be there.
    MissingFlag {
        /// As called.
        program: Program,
        /// Which command needs it.
        command: &'static str,
        /// The flag with its dashes.
        flag: &'static str,
    },
    /// A flag at the end that needs a value.
    NoValue {
        /// As called.
        program: Program,
        /// `join`, or empty.
        command: &'static str,
        /// The flag with its dashes.
        flag: String,
    },
    /// A value for a flag that takes none.
    UnexpectedValue {
        /// As called.
        program: Program,
        /// `join`, or empty.
        command: &'static str,
        /// The flag with its dashes.
        flag: String,
    },
    /// A value that this flag cannot have.
    BadValue {
        /// As called.
        program: Program,
        /// The flag with its dashes.
        flag: &'static str,
        /// What was typed.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// Bytes that are no text.
    NotUnicode {
        /// As called.
        program: Program,
        /// The flag with its dashes, or what else.
        flag: &'static str,
    },
    /// A second positional argument.
    ExtraArgument {
        /// As called.
        program: Program,
        /// `join`, `version` or `help`.
        command: &'static str,
        /// What was typed.
        word: String,
    },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meant = |f: &mut fmt::Formatter<'_>, suggestion: &Option<String>| match suggestion {
            Some(suggestion) => write!(f, ", perhaps {suggestion} was meant"),
            None => Ok(()),
        };
        match self {
            UsageError::NoCommand { .. } => f.write_str("no command was given"),
            UsageError::UnknownCommand { word, suggestion, .. } => {
                write!(f, "unknown command {}", Quoted(word))?;
                meant(f, suggestion)
            }
            UsageError::NotYetSupported { what, .. } => write!(f, "{what} of kubeadm is not supported yet"),
            UsageError::NoPhase { parent: None, .. } => f.write_str("join phase needs the name of a phase"),
            UsageError::NoPhase { parent: Some(parent), .. } => {
                let children: Vec<_> = phase::children(parent)
                    .filter(|child| {
                        phase::find(&format!("{parent}/{child}")).is_some_and(|p| p.applies != Applies::Retired)
                    })
                    .collect();
                write!(f, "join phase {parent} needs one of {}", children.join(", "))
            }
            UsageError::UnknownPhase { word, suggestion, .. } => {
                write!(f, "unknown phase {}", Quoted(word))?;
                meant(f, suggestion)
            }
            UsageError::PartOfPhase { name, .. } => {
                write!(f, "{name} is a part of kubelet-start and does not go alone")
            }
            UsageError::UnknownFlag { flag, suggestion, .. } => {
                write!(f, "unknown flag {}", Quoted(flag))?;
                meant(f, suggestion)
            }
            UsageError::NoVerb { command, verbs, .. } => write!(f, "{command} needs a word behind it: {verbs}"),
            UsageError::MissingFlag { flag, .. } => write!(f, "{flag} is missing"),
            UsageError::NoValue { flag, .. } => write!(f, "{flag} needs a value"),
            UsageError::UnexpectedValue { flag, .. } => write!(f, "{flag} takes no value"),
            UsageError::BadValue { flag, value, expected, .. } => {
                write!(f, "{flag} takes {expected}, not {}", Quoted(value))
            }
            UsageError::NotUnicode { flag, .. } => write!(f, "{flag} is no valid UTF-8"),
            UsageError::ExtraArgument { command, word, .. } => {
                write!(f, "{command} does not take the further argument {}", Quoted(word))
            }
        }
    }
}

impl std::error::Error for UsageError {}

impl Explain for UsageError {
    fn code(&self) -> &'static Code {
        match self {
            UsageError::NotYetSupported { .. } => &codes::USAGE_NOT_YET_SUPPORTED,
            _ => &codes::USAGE,
        }
    }

    fn hint(&self) -> String {
        match self {
            UsageError::NoCommand { program } => format!("run `{program} help` for the commands"),
            UsageError::UnknownCommand { program, suggestion: Some(suggestion), .. } => {
                format!("run `{program} {suggestion}`, or `{program} help` for the commands")
            }
            UsageError::UnknownCommand { program, .. } => format!("run `{program} help` for the commands"),
            UsageError::NoPhase { program, .. } | UsageError::UnknownPhase { program, .. } => {
                format!("run `{program} join phase --help` for the phases")
            }
            UsageError::PartOfPhase { program, .. } => format!("run `{program} join phase kubelet-start` instead"),
            UsageError::NotYetSupported { program: Program::Kubejoin, .. } => {
                "leave it out, or use kubeadm on this machine".to_owned()
            }
            UsageError::NotYetSupported { program: Program::Kubeadm, .. } => {
                "leave it out, or call the kubeadm of Kubernetes; this one is kubejoin under its name".to_owned()
            }
            UsageError::UnknownFlag { program, command, .. }
            | UsageError::NoValue { program, command, .. }
            | UsageError::UnexpectedValue { program, command, .. } => {
                let space = if command.is_empty() { "" } else { " " };
                format!("run `{program}{space}{command} --help` for the flags")
            }
            UsageError::ExtraArgument { program, command: "join", .. } => {
                format!("give one endpoint and put values behind their flags, see `{program} join --help`")
            }
            UsageError::NoVerb { program, .. } | UsageError::MissingFlag { program, .. } => {
                format!("run `{program} help config` for what it takes")
            }
            UsageError::ExtraArgument { program, command, .. } => format!("run `{program} {command} --help`"),
            UsageError::BadValue { program, flag, .. } | UsageError::NotUnicode { program, flag } => {
                format!("correct {flag} and run again, see `{program} join --help`")
            }
        }
    }
}

/// An unknown flag, with what may have been meant from `known` (names without dashes).
pub(super) fn unknown_flag(program: Program, command: &'static str, arg: &Arg<'_>, known: &[&str]) -> UsageError {
    match arg {
        Arg::Long(name) => UsageError::UnknownFlag {
            program,
            command,
            flag: format!("--{name}"),
            suggestion: suggest::nearest(name, known.iter().copied()).map(|name| format!("--{name}")),
        },
        Arg::Short(letter) => {
            UsageError::UnknownFlag { program, command, flag: format!("-{letter}"), suggestion: None }
        }
        Arg::Value(word) => {
            UsageError::UnknownFlag { program, command, flag: word.to_string_lossy().into_owned(), suggestion: None }
        }
    }
}

/// lexopt's own errors; they can repeat a value, ours do not.
pub(super) fn from_lexopt(program: Program, command: &'static str, error: lexopt::Error) -> UsageError {
    match error {
        lexopt::Error::MissingValue { option } => {
            UsageError::NoValue { program, command, flag: option.unwrap_or_default() }
        }
        lexopt::Error::UnexpectedValue { option, .. } => UsageError::UnexpectedValue { program, command, flag: option },
        lexopt::Error::UnexpectedOption(flag) => UsageError::UnknownFlag { program, command, flag, suggestion: None },
        // The others come from lexopt's value conversions, which are not used here.
        _ => UsageError::NotUnicode { program, flag: "an argument" },
    }
}
