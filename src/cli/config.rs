//! `config print join-defaults`, `config validate`, `config migrate`.

use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::error::{from_lexopt, unknown_flag};
use super::help::{Help, Topic};
use super::{Command, Program, UsageError, join, suggest};
use crate::config::migrate::Allow;

/// A verb of `config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigCommand {
    /// `print join-defaults`.
    PrintJoinDefaults,
    /// `validate`.
    Validate {
        /// `--config`.
        config: PathBuf,
        /// `--allow-deprecated-api`, `--allow-experimental-api`.
        allow: Allow,
    },
    /// `migrate`.
    Migrate {
        /// `--old-config`.
        old_config: PathBuf,
        /// `--new-config`; standard output where absent.
        new_config: Option<PathBuf>,
        /// `--allow-experimental-api`, and `--allow-deprecated-api`, which kubeadm has for `validate` only.
        allow: Allow,
    },
}

/// Verbs of kubeadm, ours first, and the words that `print` takes there.
const VERBS: [&str; 4] = ["print", "validate", "migrate", "images"];
const DEFAULTS: [&str; 4] = ["join-defaults", "init-defaults", "reset-defaults", "upgrade-defaults"];

/// Flags of every verb, and of each, for suggestions.
const FLAGS: [&str; 3] = ["help", "kubeconfig", "v"];
const VALIDATE_FLAGS: [&str; 3] = ["allow-deprecated-api", "allow-experimental-api", "config"];
const MIGRATE_FLAGS: [&str; 4] = ["allow-deprecated-api", "allow-experimental-api", "new-config", "old-config"];

/// What stands behind the word `config`.
pub(super) fn parse(program: Program, parser: &mut Parser) -> Result<Command, UsageError> {
    let mut words: Vec<String> = Vec::new();
    let (mut config, mut old_config, mut new_config, mut allow) = (None, None, None, Allow::default());
    while let Some(arg) = parser.next().map_err(|error| from_lexopt(program, "config", error))? {
        let verb = words.first().map(String::as_str);
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(Help { program, topic: Topic::Config })),
            Arg::Short('v') | Arg::Long("v") => drop(join::verbosity(program, parser)?),
            // kubeadm has it for all of `config`; none of these verbs asks a cluster.
            Arg::Long("kubeconfig") => drop(join::path(program, "--kubeconfig", parser)?),
            Arg::Long("config") if verb == Some("validate") => config = Some(join::path(program, "--config", parser)?),
            Arg::Long("old-config") if verb == Some("migrate") => {
                old_config = Some(join::path(program, "--old-config", parser)?);
            }
            Arg::Long("new-config") if verb == Some("migrate") => {
                new_config = Some(join::path(program, "--new-config", parser)?);
            }
            Arg::Long("allow-deprecated-api") if reads(verb) => {
                allow.deprecated = join::boolean(program, "--allow-deprecated-api", parser)?;
            }
            Arg::Long("allow-experimental-api") if reads(verb) => {
                allow.experimental = join::boolean(program, "--allow-experimental-api", parser)?;
            }
            Arg::Short(_) | Arg::Long(_) => {
                let of_verb: &[&str] = match verb {
                    Some("validate") => &VALIDATE_FLAGS,
                    Some("migrate") => &MIGRATE_FLAGS,
                    _ => &[],
                };
                return Err(unknown_flag(program, "config", &arg, &[&FLAGS, of_verb].concat()));
            }
            Arg::Value(word) => words.push(word.to_string_lossy().into_owned()),
        }
    }
    let missing = |flag| UsageError::MissingFlag { program, command: "config", flag };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = match words.as_slice() {
        [] => return Err(UsageError::NoVerb { program, command: "config", verbs: "print, validate or migrate" }),
        ["print"] => return Err(UsageError::NoVerb { program, command: "config print", verbs: "join-defaults" }),
        ["print", "join-defaults"] => ConfigCommand::PrintJoinDefaults,
        ["print", word] if DEFAULTS.contains(word) => return Err(not_yet(program, &words)),
        ["images", ..] => return Err(not_yet(program, &words[..1])),
        ["validate"] => ConfigCommand::Validate { config: config.ok_or(missing("--config"))?, allow },
        ["migrate"] => {
            ConfigCommand::Migrate { old_config: old_config.ok_or(missing("--old-config"))?, new_config, allow }
        }
        ["print", "join-defaults", word, ..] | ["validate" | "migrate", word, ..] => {
            return Err(UsageError::ExtraArgument { program, command: "config", word: (*word).to_owned() });
        }
        ["print", word, ..] => return Err(unknown(program, word, "config print", &DEFAULTS)),
        [word, ..] => return Err(unknown(program, word, "config", &VERBS)),
    };
    Ok(Command::Config(command))
}

fn reads(verb: Option<&str>) -> bool {
    matches!(verb, Some("validate" | "migrate"))
}

fn not_yet(program: Program, words: &[&str]) -> UsageError {
    UsageError::NotYetSupported { program, what: format!("config {}", words.join(" ")) }
}

fn unknown(program: Program, word: &str, behind: &str, known: &[&'static str]) -> UsageError {
    let suggestion = suggest::nearest(word, known.iter().copied()).map(|name| format!("{behind} {name}"));
    UsageError::UnknownCommand { program, word: word.to_owned(), suggestion }
}
