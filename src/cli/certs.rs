//! `certs certificate-key`, `certs check-expiration`, `init phase upload-certs`, `kubeconfig user`: as kubeadm
//! types them.

use super::arguments::{Arguments, Next, Parsed};
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

/// The words of each verb.
const VERBS: [(&str, Verb, CertsVerb); 4] = [
    ("certs certificate-key", Verb::CertificateKey, CertsVerb::CertificateKey),
    ("certs check-expiration", Verb::CheckExpiration, CertsVerb::CheckExpiration),
    ("init phase upload-certs", Verb::UploadCerts, CertsVerb::UploadCerts),
    ("kubeconfig user", Verb::KubeconfigUser, CertsVerb::KubeconfigUser),
];

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
        if let Some((_, verb, which)) = VERBS.iter().find(|(words, ..)| *words == longer) {
            args.verb = *verb;
            found = Some(*which);
        } else if !VERBS.iter().any(|(words, ..)| words.starts_with(&format!("{longer} "))) {
            return Err(args.error(unknown(&typed, word)));
        }
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
    match nearest(&what, VERBS.map(|(words, ..)| words)).map(str::to_owned) {
        None if typed.starts_with("init") => Misuse::NotYetSupported { what },
        suggestion => Misuse::UnknownCommand { word, suggestion },
    }
}
