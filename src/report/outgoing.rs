//! The one door that text leaves by: registered secrets are taken out, control characters escaped, the length capped.
//!
//! Text comes from anywhere: a server that echoes the token in its error body, a file of somebody else's, a body that a cap
//! has already cut through the middle of a secret. So not only the secret itself is looked for, but also the forms it
//! takes in a header, a URL or a kubeconfig, and the pieces that a cut leaves of it.

use std::cell::RefCell;

use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::secret::Secret;
use crate::text::printable;

/// What stands where a secret stood.
const MARK: &str = "<secret>";

/// From so many characters on, the beginning or the end of a secret is a leak: half of a bootstrap token's secret.
const LEAK: usize = 8;

/// Shorter ones are typing errors (`--token x`): they protect nothing, and hiding them would leave holes in every word.
const LEAST: usize = 4;

/// Characters of one line; Two screens of a serial console.
const LINE_CAP: usize = 2000;

/// Characters of one line of a block, which may be a certificate in base64.
const BLOCK_LINE_CAP: usize = 16 * 1024;

/// Lines of one block.
const BLOCK_CAP: usize = 4000;

/// Shows that lines were left out.
const CUT: &str = "...";

/// The secrets that may not leave, in every form they are looked for in.
#[derive(Default)]
pub struct Outgoing {
    forms: RefCell<Vec<Secret>>,
}

impl Outgoing {
    /// Registers a secret. One of several lines (a private key) is registered line by line, because its lines may be
    /// quoted one at a time; its armour and lines too short to tell anything are no secret.
    pub fn conceal(&self, secret: &Secret) {
        let text = secret.expose().trim();
        if !text.contains('\n') {
            return self.register(text);
        }
        for line in text.lines().map(str::trim).filter(|line| line.len() >= LEAK && !line.starts_with("-----")) {
            self.register(line);
        }
    }

    fn register(&self, text: &str) {
        let mut forms = self.forms.borrow_mut();
        for form in forms_of(text) {
            if form.expose().len() >= LEAST && !forms.contains(&form) {
                forms.push(form);
            }
        }
    }

    /// `text` as one line that may be shown.
    pub fn line(&self, text: &str) -> String {
        printable(&self.without_secrets(text), LINE_CAP)
    }

    /// `text` as lines that may be shown: its line feeds stay.
    pub fn block(&self, text: &str) -> String {
        let text = self.without_secrets(text);
        let mut lines: Vec<String> = text.lines().take(BLOCK_CAP).map(|line| printable(line, BLOCK_LINE_CAP)).collect();
        if text.lines().nth(BLOCK_CAP).is_some() {
            lines.push(CUT.to_owned());
        }
        lines.join("\n")
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        for form in self.forms.borrow().iter() {
            hide(text, form.expose(), &mut hidden);
        }
        let mut out = String::with_capacity(text.len());
        let mut inside = false;
        for (at, c) in text.char_indices() {
            let secret = hidden[at..at + c.len_utf8()].contains(&true);
            match (secret, inside) {
                (true, false) => out.push_str(MARK),
                (true, true) => {}
                (false, _) => out.push(c),
            }
            inside = secret;
        }
        out
    }
}

/// Marks the bytes of `text` that are `form`, or at least [`LEAK`] characters of its beginning or of its end.
fn hide(text: &str, form: &str, hidden: &mut [bool]) {
    let (bytes, secret) = (text.as_bytes(), form.as_bytes());
    let head = form.char_indices().nth(LEAK).map_or(form, |(end, _)| &form[..end]);
    let tail = form.char_indices().nth_back(LEAK - 1).map_or(form, |(start, _)| &form[start..]);
    for start in occurrences(text, head) {
        let same = bytes[start..].iter().zip(secret).take_while(|(a, b)| a == b).count();
        hidden[start..start + same].fill(true);
    }
    for start in occurrences(text, tail) {
        let end = start + tail.len();
        let same = bytes[..end].iter().rev().zip(secret.iter().rev()).take_while(|(a, b)| a == b).count();
        hidden[end - same..end].fill(true);
    }
}

/// Where `piece` begins in `text`, overlapping occurrences included.
fn occurrences<'a>(text: &'a str, piece: &'a str) -> impl Iterator<Item = usize> + 'a {
    let step = piece.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let found = from + text.get(from..)?.find(piece)?;
        from = found + step;
        Some(found)
    })
}

/// The secret as it is, percent-encoded, in hexadecimal, and in base64 wherever in a longer text it begins.
fn forms_of(secret: &str) -> Vec<Secret> {
    let mut forms = vec![secret.to_owned(), percent_encoded(secret)];
    // Shorter ones would turn into pieces of base64 and hexadecimal that any text contains.
    if secret.len() >= LEAK {
        forms.push(secret.bytes().map(|b| format!("{b:02x}")).collect());
        forms.push(secret.bytes().map(|b| format!("{b:02X}")).collect());
        for shift in 0..3 {
            forms.push(base64_at(&STANDARD, shift, secret));
            forms.push(base64_at(&URL_SAFE, shift, secret));
        }
    }
    forms.into_iter().map(Secret::new).collect()
}

/// The base64 characters that stand for nothing but `secret` when it follows `shift` bytes of something else (modulo 3).
fn base64_at(engine: &impl base64::Engine, shift: usize, secret: &str) -> String {
    let text = engine.encode([&[0; 2][..shift], secret.as_bytes()].concat());
    // A character carries 6 bits: those that also carry bits of the neighbours are left out.
    let first = (shift * 8).div_ceil(6);
    let last = (shift + secret.len()) * 8 / 6;
    text.get(first..last).unwrap_or_default().to_owned()
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            // unreserved, RFC 3986 section 2.3
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    const TOKEN_SECRET: &str = "0a1b2c3d4e5f6g7h";

    fn with(secret: &str) -> Outgoing {
        let outgoing = Outgoing::default();
        outgoing.conceal(&Secret::new(secret));
        outgoing
    }

    #[test]
    fn a_secret_leaves_in_no_form() {
        let hexadecimal: String = TOKEN_SECRET.bytes().map(|b| format!("{b:02x}")).collect();
        let rows = [
            ("token abcdef.0a1b2c3d4e5f6g7h is bad".to_owned(), "token abcdef.<secret> is bad"),
            (format!("{TOKEN_SECRET}{TOKEN_SECRET}"), "<secret>"),
            (format!("{hexadecimal} and {}", hexadecimal.to_uppercase()), "<secret> and <secret>"),
            ("cut: 0a1b2c3d".to_owned(), "cut: <secret>"),
            ("cut: 0a1b2c3d4e...".to_owned(), "cut: <secret>..."),
            ("4e5f6g7h: cut".to_owned(), "<secret>: cut"),
            ("seven: 0a1b2c3 f6g7h".to_owned(), "seven: 0a1b2c3 f6g7h"),
            ("almost: 0a1b2c3d4e5f6g7x".to_owned(), "almost: <secret>x"),
        ];
        for (text, want) in rows {
            assert_eq!(with(TOKEN_SECRET).line(&text), want, "{text}");
        }
        assert_eq!(with("p&ss word/ü").line("?q=p%26ss%20word%2F%C3%BC&x"), "?q=<secret>&x");
        assert_eq!(with("word").line("the word is 776f7264"), "the <secret> is 776f7264");
    }

    #[test]
    fn base64_around_a_secret_gives_nothing_away() {
        let outgoing = with(TOKEN_SECRET);
        for before in ["", "u", "user:", "Basic abcdef."] {
            for after in ["", "x", "xy", "\n"] {
                for engine in [&STANDARD, &URL_SAFE] {
                    let seen = outgoing.line(&engine.encode(format!("{before}{TOKEN_SECRET}{after}")));
                    assert!(seen.contains(MARK), "{before:?} {after:?}: {seen}");
                    // What is left decodes to nothing of the secret but the bits shared with its neighbours.
                    let left: usize = seen.split(MARK).map(str::len).sum();
                    assert!(left <= (before.len() + after.len()) * 4 / 3 + 6, "{before:?} {after:?}: {seen}");
                }
            }
        }
    }

    #[test]
    fn a_private_key_is_secret_line_by_line_and_its_armour_is_not() {
        let pem = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIJ0aGVyZSBpcyBubyBrZXkgaGVyZSBhdCBhbGwgb2s\nAwEHoUQDQgAE\n-----END EC PRIVATE KEY-----\n";
        let outgoing = with(pem);
        assert_eq!(outgoing.line("-----BEGIN CERTIFICATE-----"), "-----BEGIN CERTIFICATE-----");
        let seen = outgoing.block(pem);
        assert_eq!(seen, "-----BEGIN EC PRIVATE KEY-----\n<secret>\n<secret>\n-----END EC PRIVATE KEY-----");
        assert!(!outgoing.line(&STANDARD.encode(pem)).contains("IyBubyBrZXkg"));
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_hides_nothing() {
        assert_eq!(with("").line("all of this"), "all of this");
        assert_eq!(with("of").line("all of this"), "all of this");
        assert_eq!(with(" \n ").line("all of this"), "all of this");
    }

    #[test]
    fn length_is_capped() {
        let outgoing = Outgoing::default();
        assert_eq!(outgoing.line(&"é".repeat(LINE_CAP)), "é".repeat(LINE_CAP));
        assert_eq!(outgoing.line(&"é".repeat(LINE_CAP + 1)), "é".repeat(LINE_CAP) + CUT);
        let block = outgoing.block(&"x\n".repeat(BLOCK_CAP + 5));
        assert_eq!((block.lines().count(), block.lines().last()), (BLOCK_CAP + 1, Some(CUT)));
    }

    #[test]
    fn a_secret_that_straddles_the_cap_is_gone_as_a_whole() {
        let seen = with(TOKEN_SECRET).line(&format!("{}{TOKEN_SECRET}", "x".repeat(LINE_CAP - 3)));
        assert!(!seen.contains("0a1"), "{}", &seen[LINE_CAP - 10..]);
    }
}
