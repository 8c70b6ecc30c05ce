//! `certs certificate-key`, `certs check-expiration`: as kubeadm types them.

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
}

/// The words of each verb.
const VERBS: [(&str, Verb, CertsVerb); 2] = [
    ("certs certificate-key", Verb::CertificateKey, CertsVerb::CertificateKey),
    ("certs check-expiration", Verb::CheckExpiration, CertsVerb::CheckExpiration),
];

/// What kubeadm has behind the same words.
const KUBEADM_VERBS: [&str; 2] = ["certs generate-csr", "certs renew"];

/// What stands behind the word `first`.
pub(super) fn parse(mut args: Arguments, first: &'static str) -> Result<Parsed<CertsArgs>, UsageError> {
    args.verb = Verb::Certs;
    let mut typed = first.to_owned();
    let mut found = None;
    loop {
        let word = match args.next()? {
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
    match found {
        Some(verb) => Ok(Parsed::Args(CertsArgs { verb, settings: args.settings })),
        None => Err(args.error(Misuse::NoVerb { behind: "certs", verbs: "certificate-key or check-expiration" })),
    }
}

/// A word that no verb has behind `typed`.
fn unknown(typed: &str, word: String) -> Misuse {
    let what = format!("{typed} {word}");
    if KUBEADM_VERBS.contains(&what.as_str()) {
        return Misuse::NotYetSupported { what };
    }
    let suggestion = nearest(&what, VERBS.map(|(words, ..)| words)).map(str::to_owned);
    Misuse::UnknownCommand { word, suggestion }
}
