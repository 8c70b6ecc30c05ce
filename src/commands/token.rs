//! `token`: what an administrator does with bootstrap tokens.

use std::path::Path;
use std::time::SystemTime;

use super::admin::{self, Admin};
use super::show::show;
use crate::cli::{TokenArgs, TokenCommand};
use crate::config::settings::{JoinCommandForm, ListForm};
use crate::config::{TokenSpec, load, token_spec};
use crate::error::{Explain, Failure};
use crate::report::Report;
use crate::retry::Pause;
use crate::secret::Secret;
use crate::text::mask;
use crate::tokens::{self, JoinCommand, NewToken, TokensError};
use crate::values::CertificateKey;

/// What lines of this verb belong to.
const SECTION: &str = "token";

/// Runs a verb of `token`.
pub(super) fn run(args: TokenArgs, report: &Report) -> Result<(), Failure> {
    let TokenArgs { kubeconfig, dry_run, command, .. } = args;
    let retry = admin::retry();
    let waits = |error: &dyn Explain, pause: Pause| report.retrying(SECTION, error, pause);
    match command {
        TokenCommand::Generate => show(tokens::generate()?.full().expose(), "\n"),
        TokenCommand::Create { spec, config, count, print, certificate_key } => {
            let new = new_tokens(spec, config.as_deref(), count, report)?;
            check_key(certificate_key.as_ref())?;
            let admin = Admin::read(kubeconfig, SECTION, report)?;
            let join_command =
                print.map(|form| Ok::<_, TokensError>((form, JoinCommand::new(admin.kubeconfig(), certificate_key)?)));
            let join_command = join_command.transpose()?;
            let mut client = if dry_run { None } else { Some(admin.client(retry, report)?) };
            for (at, token) in new.iter().enumerate() {
                match &mut client {
                    Some(client) => tokens::create(client, token, retry, &|error, pause| waits(error, pause))?,
                    None => report.info(SECTION, would_create(token)),
                }
                // As in kubeadm, of several in a file only the first one.
                if at == 0 || config.is_none() {
                    show_token(token, join_command.as_ref());
                }
            }
        }
        TokenCommand::List(form) => {
            let mut client = Admin::read(kubeconfig, SECTION, report)?.client(retry, report)?;
            let mut list = Vec::new();
            for listed in tokens::list(&mut client, retry, &|error, pause| waits(error, pause))? {
                match listed {
                    Ok(token) => list.push(token),
                    Err(why) => report.warn(SECTION, None, why),
                }
            }
            match form {
                ListForm::Text => show(&tokens::as_table(&list, SystemTime::now()), ""),
                ListForm::Json => show(&tokens::as_json(&list), ""),
                ListForm::Yaml => show(&tokens::as_yaml(&list), ""),
            }
        }
        TokenCommand::Delete(words) => {
            // Before the first one is gone.
            let ids = words.iter().map(|word| tokens::id_of(word.expose())).collect::<Result<Vec<_>, _>>()?;
            let admin = Admin::read(kubeconfig, SECTION, report)?;
            let mut client = if dry_run { None } else { Some(admin.client(retry, report)?) };
            for id in ids {
                let Some(client) = &mut client else {
                    report.info(SECTION, format_args!("Would delete the token {id}"));
                    continue;
                };
                tokens::delete(client, &id, retry, &|error, pause| waits(error, pause))?;
                show(&format!("bootstrap token \"{id}\" deleted"), "\n");
            }
        }
    }
    Ok(())
}

/// Those of the file, or as many as are asked for.
fn new_tokens(spec: TokenSpec, config: Option<&Path>, count: u16, report: &Report) -> Result<Vec<NewToken>, Failure> {
    let mut specs = vec![spec; usize::from(count)];
    if let Some(path) = config {
        let text = load::configuration(path)?;
        mask::secrets_in(&text).iter().for_each(|secret| report.conceal(secret));
        let (of_file, warnings) = token_spec::read(path, &text).map_err(|refused| {
            report.warn_each(SECTION, &refused.warnings);
            refused.error
        })?;
        report.warn_each(SECTION, &warnings);
        if !of_file.is_empty() {
            specs = of_file;
        }
    }
    let now = SystemTime::now();
    Ok(specs.into_iter().map(|spec| NewToken::new(spec, now)).collect::<Result<_, _>>()?)
}

fn check_key(key: Option<&Secret>) -> Result<(), TokensError> {
    let Some(key) = key else { return Ok(()) };
    let checked: Result<CertificateKey, _> = key.expose().parse();
    checked.map(drop).map_err(|error| TokensError::Invalid(format!("--certificate-key: {error}")))
}

fn would_create(token: &NewToken) -> String {
    let end = token.expiration().map_or_else(|| "never expires".to_owned(), |end| format!("expires at {end}"));
    format!("Would create the token {}, which {end}", token.token.id)
}

fn show_token(token: &NewToken, join_command: Option<&(JoinCommandForm, JoinCommand)>) {
    match join_command {
        Some((form, join_command)) => show(join_command.text(&token.token, *form).expose(), ""),
        None => show(token.token.full().expose(), "\n"),
    }
}
