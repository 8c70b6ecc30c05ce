//! What can be wrong with an argv.

use std::fmt;

use super::program::Program;
use crate::config::setting::Verb;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::phase::{self, Applies};
use crate::values::{CharacterName, Misprint, Quoted};

/// An argv that is not understood. Values of flags are repeated only where they cannot be a secret.
#[derive(PartialEq, Eq)]
pub struct UsageError {
    /// As called.
    pub program: Program,
    /// The command that was being read.
    pub verb: Verb,
    /// What is wrong.
    pub misuse: Misuse,
}

/// What is wrong with an argv. Flags are named without dashes where the table has them, with dashes as they were typed.
#[derive(PartialEq, Eq)]
pub enum Misuse {
    /// Nothing but the program's name.
    NoCommand,
    /// A command that neither we nor kubeadm have.
    UnknownCommand {
        /// What was typed.
        word: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// A code, or a family of codes, that does not exist.
    UnknownCode {
        /// What was typed.
        word: String,
        /// What may have been meant.
        suggestions: Vec<&'static str>,
    },
    /// A command or flag of kubeadm that is not here.
    NotYetSupported {
        /// The command or flag.
        what: String,
    },
    /// A text that should hold a join command, and holds none.
    NoJoinCommand,
    /// A text with more join commands than one.
    SeveralJoinCommands,
    /// A join command with something in it that only a shell understands.
    ShellSyntax {
        /// What was found first.
        character: char,
    },
    /// A join command that would only be tried.
    DryRunPasted,
    /// `join phase` without the name of one.
    NoPhase {
        /// The parent whose child is missing.
        parent: Option<&'static str>,
    },
    /// A phase that neither we nor any kubeadm have.
    UnknownPhase {
        /// What was typed.
        word: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// A phase that does not go alone.
    SubPhase {
        /// Which.
        name: &'static str,
    },
    /// A flag that neither we nor kubeadm have.
    UnknownFlag {
        /// As typed.
        flag: String,
        /// What may have been meant, without dashes.
        suggestion: Option<&'static str>,
    },
    /// What begins with a character that only looks like a hyphen, or with a quotation mark before the hyphens.
    NoHyphens {
        /// What was typed.
        word: String,
        /// Its first character.
        character: char,
        /// What may have been meant, without dashes.
        suggestion: Option<&'static str>,
    },
    /// A flag and its value in one argument, with white space between.
    SpaceInFlag {
        /// Which.
        flag: &'static str,
        /// The white space.
        character: char,
    },
    /// A flag in the place of another one's value.
    FlagAsValue {
        /// Which needs a value.
        flag: &'static str,
        /// What stands there.
        taken: &'static str,
    },
    /// A command that needs another word behind it.
    NoVerb {
        /// What was typed.
        behind: &'static str,
        /// What can stand behind it.
        verbs: &'static str,
    },
    /// A flag that has to be there.
    MissingFlag {
        /// Which.
        flag: &'static str,
    },
    /// What cannot stand beside a configuration file.
    BesideConfig {
        /// What.
        what: String,
    },
    /// A flag that says nothing without another one.
    Without {
        /// Which.
        flag: &'static str,
        /// The other one.
        other: &'static str,
    },
    /// A flag at the end that needs a value.
    NoValue {
        /// As typed.
        flag: String,
    },
    /// A value for a flag that takes none.
    UnexpectedValue {
        /// As typed.
        flag: String,
    },
    /// A value that this flag cannot have.
    BadValue {
        /// Which.
        flag: &'static str,
        /// What was typed.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A value that is not text.
    FlagNotUnicode {
        /// Whose.
        flag: &'static str,
    },
    /// An argument that is not text.
    NotUnicode {
        /// Which.
        what: &'static str,
    },
    /// A positional argument too many.
    ExtraArgument {
        /// What was typed.
        word: String,
        /// The flag that may have been meant, without dashes.
        suggestion: Option<&'static str>,
    },
}

debug_as_display!(UsageError);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.misuse {
            Misuse::ExtraArgument { word, suggestion } => {
                write!(f, "{} does not take the further argument {}", command(self.verb), Quoted(word))?;
                meant(f, suggestion.map(|flag| format!("--{flag}")).as_deref())
            }
            other => other.fmt(f),
        }
    }
}

debug_as_display!(Misuse);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misuse::NoCommand => f.write_str("no command was given"),
            Misuse::UnknownCommand { word, suggestion } => unknown(f, "command", word, suggestion.as_deref()),
            Misuse::UnknownCode { word, suggestions } => {
                let all = suggestions.join(" or ");
                unknown(f, "code", word, Some(all.as_str()).filter(|all| !all.is_empty()))
            }
            Misuse::NotYetSupported { what } => write!(f, "{what} of kubeadm is not supported yet"),
            Misuse::NoJoinCommand => f.write_str("there is no `kubeadm join` command in it"),
            Misuse::SeveralJoinCommands => f.write_str("there is more than one `kubeadm join` command in it"),
            Misuse::ShellSyntax { character } => {
                write!(f, "{} is for a shell, and no shell reads this", CharacterName(*character))
            }
            Misuse::DryRunPasted => f.write_str("--dry-run has no place in a file: no machine would join"),
            Misuse::NoPhase { parent: None } => f.write_str("join phase needs the name of a phase"),
            Misuse::NoPhase { parent: Some(parent) } => {
                let is_current = |child: &&str| {
                    phase::find(&format!("{parent}/{child}")).is_some_and(|phase| phase.applies != Applies::Retired)
                };
                let children: Vec<_> = phase::children(parent).filter(is_current).collect();
                write!(f, "join phase {parent} needs one of {}", children.join(", "))
            }
            Misuse::UnknownPhase { word, suggestion } => unknown(f, "phase", word, suggestion.as_deref()),
            Misuse::SubPhase { name } => write!(f, "{name} is a part of kubelet-start and does not go alone"),
            Misuse::UnknownFlag { flag, suggestion } => {
                unknown(f, "flag", flag, suggestion.map(|name| format!("--{name}")).as_deref())
            }
            Misuse::NoHyphens { word, character, suggestion } => {
                write!(f, "{} begins with {}, flags begin with two hyphens", Quoted(word), CharacterName(*character))?;
                meant(f, suggestion.map(|flag| format!("--{flag}")).as_deref())
            }
            Misuse::SpaceInFlag { flag, character: ' ' } => {
                write!(f, "--{flag} and its value are one argument with a space in it")
            }
            Misuse::SpaceInFlag { flag, character } => {
                write!(f, "--{flag} is followed by {}, not by an ordinary space", CharacterName(*character))
            }
            Misuse::FlagAsValue { flag, taken } => {
                write!(f, "--{flag} has no value: --{taken} follows it; perhaps the variable between them is empty")
            }
            Misuse::NoVerb { behind, verbs } => write!(f, "{behind} needs a word behind it: {verbs}"),
            Misuse::MissingFlag { flag } => write!(f, "--{flag} is missing"),
            Misuse::BesideConfig { what } => write!(f, "{what} cannot stand beside --config"),
            Misuse::Without { flag, other } => write!(f, "--{flag} needs --{other} beside it"),
            Misuse::NoValue { flag } => write!(f, "{flag} needs a value"),
            Misuse::UnexpectedValue { flag } => write!(f, "{flag} takes no value"),
            Misuse::BadValue { flag, value, expected } => {
                write!(f, "--{flag} takes {expected}, not {}", Quoted(value))
            }
            Misuse::FlagNotUnicode { flag } => write!(f, "the value of --{flag} is not valid UTF-8"),
            Misuse::NotUnicode { what } => write!(f, "{what} is not valid UTF-8"),
            Misuse::ExtraArgument { word, .. } => write!(f, "unexpected argument {}", Quoted(word)),
        }
    }
}

/// Something that does not exist, and what may have been meant.
fn unknown(f: &mut fmt::Formatter<'_>, what: &str, word: &str, suggestion: Option<&str>) -> fmt::Result {
    write!(f, "unknown {what} {}", Quoted(word))?;
    if let Some(misprint) = Misprint::find(word) {
        write!(f, ", which {misprint}")?;
    }
    meant(f, suggestion)
}

fn meant(f: &mut fmt::Formatter<'_>, suggestion: Option<&str>) -> fmt::Result {
    match suggestion {
        Some(suggestion) => write!(f, ", perhaps {suggestion} was meant"),
        None => Ok(()),
    }
}

/// The word that was typed.
fn command(verb: Verb) -> &'static str {
    match verb {
        Verb::None => "",
        Verb::Join => "join",
        Verb::Ensure => "ensure",
        Verb::Doctor => "doctor",
        Verb::Reset => "reset",
        Verb::Config | Verb::ConfigValidate | Verb::ConfigMigrate => "config",
        Verb::Status => "status",
        Verb::Explain => "explain",
        Verb::Token | Verb::TokenGenerate | Verb::TokenCreate | Verb::TokenList | Verb::TokenDelete => "token",
        Verb::Certs | Verb::CertificateKey | Verb::CheckExpiration | Verb::UploadCerts | Verb::KubeconfigUser => {
            "certs"
        }
        Verb::Completion => "completion",
        Verb::Version => "version",
        Verb::Help => "help",
    }
}

impl std::error::Error for UsageError {}

impl Explain for UsageError {
    fn code(&self) -> &'static Code {
        match self.misuse {
            Misuse::NotYetSupported { .. } => &codes::USAGE_NOT_YET_SUPPORTED,
            _ => &codes::USAGE,
        }
    }

    fn hint(&self) -> String {
        let UsageError { program, verb, misuse } = self;
        let command = command(*verb);
        match misuse {
            Misuse::NoCommand | Misuse::UnknownCommand { suggestion: None, .. } => {
                format!("run `{program} help` for the commands")
            }
            Misuse::UnknownCommand { suggestion: Some(suggestion), .. } => {
                format!("run `{program} {suggestion}`, or `{program} help` for the commands")
            }
            Misuse::UnknownCode { .. } => format!("run `{program} explain` for all codes"),
            Misuse::NoJoinCommand | Misuse::DryRunPasted | Misuse::SeveralJoinCommands | Misuse::ShellSyntax { .. } => {
                "paste the one line that `kubeadm token create --print-join-command` prints, as it is".to_owned()
            }
            Misuse::NoPhase { .. } | Misuse::UnknownPhase { .. } => {
                format!(
                    "run `{program} {} --help` for the phases",
                    if command == "reset" { command } else { "join phase" }
                )
            }
            Misuse::SubPhase { .. } => format!("run `{program} join phase kubelet-start` instead"),
            Misuse::NotYetSupported { .. } => match program {
                Program::Kubejoin => "leave it out, or use kubeadm on this machine".to_owned(),
                Program::Kubeadm => {
                    "leave it out, or call the kubeadm of Kubernetes; this one is kubejoin under its name".to_owned()
                }
            },
            Misuse::NoVerb { .. } | Misuse::MissingFlag { .. } => {
                format!("run `{program} help {command}` for what it takes")
            }
            Misuse::BesideConfig { .. } => "write it into the file, or leave the file out".to_owned(),
            Misuse::Without { other, .. } => format!("add --{other}, or leave it out"),
            Misuse::NoHyphens { .. } => "type the hyphens again, two `-`".to_owned(),
            Misuse::SpaceInFlag { flag, .. } => {
                format!("type the space again; where there is no shell, give two arguments or --{flag}=VALUE")
            }
            Misuse::FlagAsValue { flag, .. } => format!("give --{flag} a value, or leave it out"),
            Misuse::ExtraArgument { .. } if matches!(verb, Verb::Join | Verb::Ensure | Verb::Doctor) => {
                format!("give one endpoint and put values behind their flags, see `{program} {command} --help`")
            }
            Misuse::BadValue { flag, .. } | Misuse::FlagNotUnicode { flag } => {
                format!("correct --{flag} and run again, see `{program} {command} --help`")
            }
            Misuse::ExtraArgument { .. } => format!("run `{program} {command} --help`"),
            Misuse::UnknownFlag { .. }
            | Misuse::NoValue { .. }
            | Misuse::UnexpectedValue { .. }
            | Misuse::NotUnicode { .. } => {
                let space = if command.is_empty() { "" } else { " " };
                format!("run `{program}{space}{command} --help` for the flags")
            }
        }
    }
}
