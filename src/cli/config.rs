//! `config print`, `config validate`, `config migrate`.

use std::path::PathBuf;

use super::arguments::{Arguments, Next, Parsed};
use super::command_table;
use super::error::{Misuse, UsageError};
use super::topic::Topic;
use crate::config::migrate::Allow;
use crate::config::origin::WithOrigin;
use crate::config::setting::Verb;
use crate::values::nearest;

/// A verb of `config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigCommand {
    /// `print join-defaults`.
    PrintJoinDefaults,
    /// `print reset-defaults`.
    PrintResetDefaults,
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

/// What stands behind the word `config`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<ConfigCommand>, UsageError> {
    args.verb = Verb::Config;
    let mut words: Vec<String> = Vec::new();
    loop {
        match args.next()? {
            Next::End | Next::Version => break,
            Next::Help => return Ok(Parsed::Help(args.help(Topic::Config))),
            Next::Word(word) => words.push(word),
        }
        let row = words.first().and_then(|word| command_table::find(&format!("config {word}")));
        args.verb = row.map_or(Verb::Config, |row| row.verb);
    }
    command(&args, &words).map(Parsed::Args).map_err(|misuse| args.error(misuse))
}

fn command(args: &Arguments, words: &[String]) -> Result<ConfigCommand, Misuse> {
    let settings = &args.settings;
    let allow = Allow {
        deprecated: settings.allow_deprecated_api.unwrap_or_default(),
        experimental: settings.allow_experimental_api.unwrap_or_default(),
    };
    let path = |given: &Option<WithOrigin<PathBuf>>| given.as_ref().map(|given| given.value.clone());
    let required = |given, flag| path(given).ok_or(Misuse::MissingFlag { flag });
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Err(Misuse::NoVerb { behind: "config", verbs: "print, validate or migrate" }),
        ["print"] => Err(Misuse::NoVerb { behind: "config print", verbs: "join-defaults or reset-defaults" }),
        ["print", "join-defaults"] => Ok(ConfigCommand::PrintJoinDefaults),
        ["print", "reset-defaults"] => Ok(ConfigCommand::PrintResetDefaults),
        ["print", word] if DEFAULTS.contains(word) => Err(not_yet(&words)),
        ["images", ..] => Err(not_yet(&words[..1])),
        ["validate"] => Ok(ConfigCommand::Validate { config: required(&settings.config, "config")?, allow }),
        ["migrate"] => Ok(ConfigCommand::Migrate {
            old_config: required(&settings.old_config, "old-config")?,
            new_config: path(&settings.new_config),
            allow,
        }),
        ["print", "join-defaults" | "reset-defaults", word, ..] | ["validate" | "migrate", word, ..] => {
            Err(Misuse::ExtraArgument { word: (*word).to_owned(), suggestion: None })
        }
        ["print", word, ..] => Err(unknown(word, "config print", &DEFAULTS)),
        [word, ..] => Err(unknown(word, "config", &VERBS)),
    }
}

fn not_yet(words: &[&str]) -> Misuse {
    Misuse::NotYetSupported { what: format!("config {}", words.join(" ")) }
}

fn unknown(word: &str, behind: &str, known: &[&'static str]) -> Misuse {
    let suggestion = nearest(word, known.iter().copied()).map(|name| format!("{behind} {name}"));
    Misuse::UnknownCommand { word: word.to_owned(), suggestion }
}
