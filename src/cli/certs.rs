//! `certs certificate-key`, `certs check-expiration`, `init phase upload-certs`, `kubeconfig user`: as kubeadm
//! types them.

use super::arguments::{Arguments, Next, Parsed};
use super::command_table::{self, COMMANDS};
use super::error::{Misuse, UsageError};
use super::topic::Topic;
use crate::config::setting::Verb;
use crate::config::settings::Settings;
use crate::values::nearest;

/// A verb about certificates, as typed.
#[derive(Debug)]
pub struct CertsArgs {
    /// Which.
    pub verb: CertsVerb,
    /// What is asked for.
    pub settings: Settings,
}

/// A verb about certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertsVerb {
    /// `certs certificate-key`.
    CertificateKey,
    /// `certs check-expiration`.
    CheckExpiration,
    /// `init phase upload-certs`.
    UploadCerts,
    /// `kubeconfig user`.
    KubeconfigUser,
}

impl CertsVerb {
    fn of(verb: Verb) -> Option<CertsVerb> {
        Some(match verb {
            Verb::CertificateKey => CertsVerb::CertificateKey,
            Verb::CheckExpiration => CertsVerb::CheckExpiration,
            Verb::UploadCerts => CertsVerb::UploadCerts,
            Verb::KubeconfigUser => CertsVerb::KubeconfigUser,
            _ => return None,
        })
    }
}

/// What kubeadm has behind the same words; and everything else of `init`.
const KUBEADM_VERBS: [&str; 2] = ["certs generate-csr", "certs renew"];

/// What stands behind the word `first`.
pub(super) fn parse(mut args: Arguments, first: &'static str) -> Result<Parsed<Box<CertsArgs>>, UsageError> {
    args.verb = Verb::Certs;
    let mut typed = first.to_owned();
    let mut found = None;
    loop {
        let next = args.next();
        // A flag of kubeadm's `init`, which would be unknown here.
        let word = match if typed == "init" { next.map_err(|_| init(&args))? } else { next? } {
            Next::End | Next::Version => break,
            Next::Help => return Ok(Parsed::Help(args.help(Topic::Certs))),
            Next::Word(word) => word,
        };
        if found.is_some() {
            return Err(args.error(Misuse::ExtraArgument { word, suggestion: None }));
        }
        let longer = format!("{typed} {word}");
        let Some(row) = command_table::find(&longer) else {
            return Err(args.error(unknown(&typed, word)));
        };
        args.verb = row.verb;
        found = CertsVerb::of(row.verb);
        typed = longer;
    }
    let Some(verb) = found else {
        return Err(match typed.as_str() {
            "init" => init(&args),
            "init phase" => args.error(Misuse::NoVerb { behind: "init phase", verbs: "upload-certs" }),
            "kubeconfig" => args.error(Misuse::NoVerb { behind: "kubeconfig", verbs: "user" }),
            _ => args.error(Misuse::NoVerb { behind: "certs", verbs: "certificate-key or check-expiration" }),
        });
    };
    if let Some(what) = args.refused_beside_config() {
        return Err(args.error(Misuse::BesideConfig { what }));
    }
    if verb == CertsVerb::KubeconfigUser && args.settings.client_name.is_none() {
        return Err(args.error(Misuse::MissingFlag { flag: "client-name" }));
    }
    Ok(Parsed::Args(Box::new(CertsArgs { verb, settings: args.settings })))
}

/// kubeadm's `init` without a phase that is here.
fn init(args: &Arguments) -> UsageError {
    args.error(Misuse::NotYetSupported { what: "init".to_owned() })
}

/// A word that no verb has behind `typed`.
fn unknown(typed: &str, word: String) -> Misuse {
    let what = format!("{typed} {word}");
    if KUBEADM_VERBS.contains(&what.as_str()) {
        return Misuse::NotYetSupported { what };
    }
    let known = COMMANDS.iter().filter(|row| CertsVerb::of(row.verb).is_some()).map(|row| row.words);
    match nearest(&what, known).map(str::to_owned) {
        None if typed.starts_with("init") => Misuse::NotYetSupported { what },
        suggestion => Misuse::UnknownCommand { word, suggestion },
    }
}
