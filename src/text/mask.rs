//! Secrets that are not known to be any: what has the form of one is not shown.
//!
//! A bootstrap token that was typed in the place of a path, a certificate key, the password in a URL. Known secrets are
//! looked for in [`crate::report`]; this is for text before the configuration is known, and for what a log or a peer repeats.

use std::ops::Range;

use crate::secret::Secret;

/// What stands where a secret stood.
pub const MARK: &str = "<secret>";

/// Characters of the two halves of a bootstrap token (cluster-bootstrap `token/api/types.go`).
const TOKEN_ID_LENGTH: usize = 6;
const TOKEN_SECRET_LENGTH: usize = 16;

/// Hexadecimal digits of a certificate key, AES-256 (kubeadm `constants.CertificateKeySize`).
const CERTIFICATE_KEY_LENGTH: usize = 64;
/// What stands before as many digits in a pin or a digest, which are public.
const DIGEST_PREFIX: &str = "sha256:";

/// How a bootstrap token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenEnd {
    /// After its 16 characters. Longer runs are common: `customresourcedefinitions.apiextensions`, names of hosts.
    Exact,
    /// After its 16 characters or later: for a value that was typed and is wrong anyway.
    Open,
}

/// `text` without what has the form of a secret.
pub fn masked(text: &str) -> String {
    without(text, &hidden(text))
}

/// The same for a wrong value, which may be a token with characters too many.
pub fn masked_value(text: &str) -> String {
    let mut hidden = hidden(text);
    hide(tokens(text, TokenEnd::Open), &mut hidden);
    without(text, &hidden)
}

/// For each byte of `text`, whether it belongs to what has the form of a secret. A token's public id does not.
pub fn hidden(text: &str) -> Vec<bool> {
    let mut hidden = vec![false; text.len()];
    hide(tokens(text, TokenEnd::Exact), &mut hidden);
    hide(certificate_keys(text), &mut hidden);
    hide(passwords(text), &mut hidden);
    hide(json_web_tokens(text), &mut hidden);
    hidden
}

/// `text` with one [`MARK`] for each run of hidden bytes.
pub fn without(text: &str, hidden: &[bool]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_inside = false;
    for (at, c) in text.char_indices() {
        let is_secret = hidden[at..at + c.len_utf8()].contains(&true);
        match (is_secret, is_inside) {
            (true, false) => out.push_str(MARK),
            (true, true) => {}
            (false, _) => out.push(c),
        }
        is_inside = is_secret;
    }
    out
}

/// Everything that has the form of a secret in a text, to be looked for elsewhere.
pub fn secrets_in(text: &str) -> Vec<Secret> {
    let ranges = tokens(text, TokenEnd::Exact).chain(certificate_keys(text)).chain(passwords(text));
    ranges.map(|range| Secret::new(&text[range])).collect()
}

/// The secret half of a text that is a bootstrap token.
pub fn token_secret(text: &str) -> Option<&str> {
    let secret = tokens(text, TokenEnd::Exact).next()?;
    (secret.start == TOKEN_ID_LENGTH + 1 && secret.end == text.len()).then(|| &text[secret])
}

fn hide(ranges: impl Iterator<Item = Range<usize>>, hidden: &mut [bool]) {
    for range in ranges {
        hidden[range].fill(true);
    }
}

/// The secret halves of bootstrap tokens. What stands before the id does not matter: it may be the letter of an escape, as in
/// `\nabcdef.0123456789abcdef`.
fn tokens(text: &str, end: TokenEnd) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_part = |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    text.match_indices('.').filter_map(move |(dot, _)| {
        let id = bytes[..dot].iter().rev().take(TOKEN_ID_LENGTH).take_while(is_part).count();
        let secret = bytes[dot + 1..].iter().take_while(is_part).count();
        let is_long_enough = match end {
            TokenEnd::Exact => secret == TOKEN_SECRET_LENGTH,
            TokenEnd::Open => secret >= TOKEN_SECRET_LENGTH,
        };
        (id == TOKEN_ID_LENGTH && is_long_enough).then_some(dot + 1..dot + 1 + secret)
    })
}

/// Runs of at least as many hexadecimal digits as a certificate key has, unless they are a digest.
fn certificate_keys(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + bytes.get(from..)?.iter().position(u8::is_ascii_hexdigit)?;
            let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            from = start + length;
            let is_digest = length == CERTIFICATE_KEY_LENGTH && text[..start].ends_with(DIGEST_PREFIX);
            if length >= CERTIFICATE_KEY_LENGTH && !is_digest {
                return Some(start..from);
            }
        }
    })
}

/// What begins as the header of a JSON web token in base64 does, `{"`, and has more parts behind a dot (RFC 7519, 3): the token of
/// a service account.
fn json_web_tokens(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.match_indices("eyJ").filter_map(move |(start, _)| {
        let length = text.as_bytes()[start..].iter().take_while(is_part).count();
        let parts = text[start..start + length].split('.').count();
        (parts > 1 && length > TOKEN_SECRET_LENGTH).then_some(start..start + length)
    })
}

/// The passwords of `user:password@host`, with or without `scheme://` before it. One may hold any character but white space and
/// quotes, also those that a URL would have percent-encoded.
fn passwords(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let is_boundary = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(from..).filter(|rest| !rest.is_empty())?;
            let length = rest.find(is_boundary).unwrap_or(rest.len());
            let (start, word) = (from, &rest[..length]);
            from += length + rest[length..].chars().next().map_or(0, char::len_utf8);
            if let Some(range) = password_in(word) {
                return Some(start + range.start..start + range.end);
            }
        }
    })
}

fn password_in(word: &str) -> Option<Range<usize>> {
    let end = word.rfind('@')?;
    let scheme = word[..end].find("//").map(|at| at + 2);
    let user = scheme.unwrap_or(0);
    let start = user + word[user..end].find(':')? + 1;
    // `registry/image:tag@sha256:...` is an image.
    let is_image = scheme.is_none() && word[user..start].contains('/');
    // `https://host:6443/path@x` has a port, and the @ behind it.
    let is_port =
        word[start..end].find('/').is_some_and(|slash| word[start..][..slash].bytes().all(|b| b.is_ascii_digit()));
    (!is_image && !is_port && start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_token_goes_and_its_id_stays() {
        for (text, shown) in [
            ("abcdef.0123456789abcdef", "abcdef.<secret>"),
            ("token=abcdef.0123456789abcdef, and", "token=abcdef.<secret>, and"),
            ("is abcdef.0123456789abcdef.", "is abcdef.<secret>."),
            ("/root/abcdef.0123456789abcdef.conf", "/root/abcdef.<secret>.conf"),
            (r#""\nabcdef.0123456789abcdef\n""#, r#""\nabcdef.<secret>\n""#),
            ("discovery.abcdef.0123456789abcdef", "discovery.abcdef.<secret>"),
            ("\u{fc}abcdef.0123456789abcdef\u{fc}", "\u{fc}abcdef.<secret>\u{fc}"),
            // Not of that form.
            ("validatingadmissionpolicies.admissionregistration", "validatingadmissionpolicies.admissionregistration"),
            ("abcde.0123456789abcdef", "abcde.0123456789abcdef"),
            ("abcdef.0123456789abcde", "abcdef.0123456789abcde"),
            ("abcdef.0123456789ABCDEF", "abcdef.0123456789ABCDEF"),
            (".", "."),
        ] {
            assert_eq!(masked(text), shown);
        }
        assert_eq!(token_secret("abcdef.0123456789abcdef"), Some("0123456789abcdef"));
        assert_eq!(token_secret(" abcdef.0123456789abcdef"), None);
        assert_eq!(token_secret("abcdef.0123456789abcdef "), None);
        assert_eq!(masked_value("abcdef.0123456789abcdefg"), "abcdef.<secret>");
        assert_eq!(masked_value("kubelet.service"), "kubelet.service");
    }

    #[test]
    fn a_certificate_key_goes_and_a_pin_stays() {
        let key = "0123456789abcdef".repeat(4);
        for (text, shown) in [
            (key.clone(), "<secret>".to_owned()),
            (format!("key {} is", key.to_uppercase()), "key <secret> is".to_owned()),
            (format!("{key}0"), "<secret>".to_owned()),
            (format!("sha256:{key}0"), "sha256:<secret>".to_owned()),
            (format!("sha256:{key} {key}"), format!("sha256:{key} <secret>")),
            (key[1..].to_owned(), key[1..].to_owned()),
        ] {
            assert_eq!(masked(&text), shown);
        }
    }

    #[test]
    fn the_token_of_a_service_account_goes() {
        for (text, shown) in [
            ("Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr.c2ln-b_x, and", "Bearer <secret>, and"),
            ("eyJhbGciOiJSUzI1NiJ9.", "<secret>"),
            ("eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJSUzI1NiJ9"),
            ("eyJ.a", "eyJ.a"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn every_secret_of_a_file_is_found() {
        let key = "0123456789abcdef".repeat(4);
        let text = format!("token: zyxwvu.fedcba9876543210\ncertificateKey: {key}\nserver: https://u:hunter2@h\n");
        let found = secrets_in(&text);
        let found: Vec<_> = found.iter().map(Secret::expose).collect();
        assert_eq!(found, ["fedcba9876543210", &key, "hunter2"]);
    }

    #[test]
    fn a_password_in_a_url_or_an_endpoint_goes() {
        for (text, shown) in [
            ("http://user:hunter2@proxy:3128/x", "http://user:<secret>@proxy:3128/x"),
            ("at \"user:hun@ter/2@host:6443\"", "at \"user:<secret>@host:6443\""),
            ("HTTPS_PROXY=user:hunter2@proxy", "HTTPS_PROXY=user:<secret>@proxy"),
            ("https://:hunter2@proxy", "https://:<secret>@proxy"),
            ("https://user@proxy:3128", "https://user@proxy:3128"),
            ("https://user:@proxy:3128", "https://user:@proxy:3128"),
            ("https://host:6443/a@b", "https://host:6443/a@b"),
            ("registry.k8s.io/pause:3.10@sha256:00", "registry.k8s.io/pause:3.10@sha256:00"),
            ("mail user@host: soon", "mail user@host: soon"),
            ("\u{fc}:\u{fc}@h", "\u{fc}:<secret>@h"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }
}
