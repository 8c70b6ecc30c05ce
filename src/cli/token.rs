//! `token generate`, `token create`, `token list`, `token delete`.

use std::path::PathBuf;

use super::arguments::{Arguments, Next, Parsed};
use super::command_table;
use super::error::{Misuse, UsageError};
use super::topic::Topic;
use crate::config::TokenSpec;
use crate::config::origin::WithOrigin;
use crate::config::setting::Verb;
use crate::config::settings::{JoinCommandForm, ListForm};
use crate::secret::Secret;
use crate::values::nearest;

/// `token` as typed.
#[derive(Debug)]
pub struct TokenArgs {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `-v`.
    pub verbosity: u8,
    /// Its own verb.
    pub command: TokenCommand,
}

/// A verb of `token`.
#[derive(Debug)]
pub enum TokenCommand {
    /// `generate`.
    Generate,
    /// `create`.
    Create {
        /// The first argument, and what flags say.
        spec: TokenSpec,
        /// `--config`.
        config: Option<PathBuf>,
        /// `--count`.
        count: u16,
        /// `--print-join-command`, and in which form.
        print: Option<JoinCommandForm>,
        /// `--certificate-key`.
        certificate_key: Option<Secret>,
    },
    /// `list`.
    List(ListForm),
    /// `delete`: ids or tokens, at least one. They may hold the secret half.
    Delete(Vec<Secret>),
}

/// What stands behind the word `token`.
pub(super) fn parse(mut args: Arguments) -> Result<Parsed<TokenArgs>, UsageError> {
    args.verb = Verb::Token;
    let mut words: Vec<Secret> = Vec::new();
    loop {
        match args.next()? {
            Next::End | Next::Version => break,
            Next::Help => return Ok(Parsed::Help(args.help(Topic::Token))),
            Next::Word(word) if args.verb == Verb::Token => {
                let Some(row) = command_table::find(&format!("token {word}")) else {
                    let known = command_table::behind("token");
                    let suggestion = nearest(&word, known).map(|name| format!("token {name}"));
                    return Err(args.error(Misuse::UnknownCommand { word, suggestion }));
                };
                args.verb = row.verb;
            }
            Next::Word(word) => words.push(Secret::new(word)),
        }
    }
    let command = command(&mut args, words).map_err(|misuse| args.error(misuse))?;
    let settings = &args.settings;
    Ok(Parsed::Args(TokenArgs {
        kubeconfig: settings.kubeconfig.as_ref().map(|given| given.value.clone()),
        dry_run: settings.dry_run.unwrap_or_default(),
        verbosity: settings.verbosity.unwrap_or_default(),
        command,
    }))
}

fn command(args: &mut Arguments, words: Vec<Secret>) -> Result<TokenCommand, Misuse> {
    let most = match args.verb {
        Verb::TokenDelete => usize::MAX,
        Verb::TokenCreate => 1,
        _ => 0,
    };
    // It may hold a token, and is not repeated.
    if words.len() > most {
        return Err(Misuse::ExtraArgument { word: "<argument>".to_owned(), suggestion: None });
    }
    match args.verb {
        Verb::TokenGenerate => Ok(TokenCommand::Generate),
        Verb::TokenList => Ok(TokenCommand::List(args.settings.list_form.unwrap_or_default())),
        Verb::TokenDelete if words.is_empty() => {
            Err(Misuse::NoVerb { behind: "token delete", verbs: "the id or the whole of at least one token" })
        }
        Verb::TokenDelete => Ok(TokenCommand::Delete(words)),
        Verb::TokenCreate => create(args, words.into_iter().next()),
        _ => Err(Misuse::NoVerb { behind: "token", verbs: "generate, create, list or delete" }),
    }
}

fn create(args: &mut Arguments, token: Option<Secret>) -> Result<TokenCommand, Misuse> {
    if let Some(what) = args.refused_beside_config() {
        return Err(Misuse::BesideConfig { what });
    }
    let settings = std::mem::take(&mut args.settings);
    if settings.config.is_some() && token.is_some() {
        return Err(Misuse::BesideConfig { what: "a token".to_owned() });
    }
    let print = settings.print_join_command.unwrap_or_default();
    let without = |flag| Misuse::Without { flag, other: "print-join-command" };
    if !print && settings.certificate_key.is_some() {
        return Err(without("certificate-key"));
    }
    if !print && settings.join_command_form.is_some() {
        return Err(without("output"));
    }
    let count = settings.count.unwrap_or(1);
    if count > 1 && token.is_some() {
        return Err(Misuse::BadValue {
            flag: "count",
            value: count.to_string(),
            expected: "1 where the token is given: each has an id of its own",
        });
    }
    let texts = |given: Vec<WithOrigin<String>>| given.into_iter().map(|given| given.value);
    let command = TokenCommand::Create {
        spec: TokenSpec {
            token,
            description: settings.description.map(|given| given.value).unwrap_or_default(),
            ttl: settings.ttl,
            expires: None,
            usages: texts(settings.usages).collect(),
            groups: texts(settings.groups).collect(),
        },
        config: settings.config.map(|given| given.value),
        count,
        print: print.then(|| settings.join_command_form.unwrap_or_default()),
        certificate_key: settings.certificate_key.map(|given| given.value),
    };
    args.settings.kubeconfig = settings.kubeconfig;
    args.settings.dry_run = settings.dry_run;
    args.settings.verbosity = settings.verbosity;
    Ok(command)
}
