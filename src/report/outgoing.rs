//! The one door that text leaves by: secrets are taken out, control characters escaped, the length capped.
//!
//! Text comes from anywhere: a server that echoes the token in its error body, a file of another program, a body that a cap
//! has already cut through the middle of a secret. So not only a known secret itself is looked for, but also the forms it
//! takes in a header, a URL or a kubeconfig, and every piece of it that is long enough to be of use. Lines also lose what
//! merely has the form of a secret ([`mask`]). Files that a dry run shows do not: they have to be what a join would write.

use std::cell::RefCell;

use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::secret::Secret;
use crate::text::{mask, percent, printable};

/// So many bytes of a known secret in a row are a leak: half of a bootstrap token's secret. A shorter secret protects nothing,
/// is typed by mistake (`--token wrong`), and can be part of any word: looking for it would leave holes in our own text.
const MIN_MASKED_RUN: usize = 8;

/// Any run of [`MIN_MASKED_RUN`] bytes has one piece of this length that begins at a multiple of [`PROBE_STEP`].
const PROBE_LENGTH: usize = 4;
const PROBE_STEP: usize = MIN_MASKED_RUN - PROBE_LENGTH + 1;

/// Characters of one line: two screens of a serial console.
const MAX_LINE_CHARACTERS: usize = 2000;

/// Characters of one line of a block, which may be a certificate in base64.
const MAX_BLOCK_LINE_CHARACTERS: usize = 16 * 1024;

/// Lines of one block.
const MAX_BLOCK_LINES: usize = 4000;

/// Shows that lines were left out.
const CUT_MARK: &str = "...";

/// The secrets that may not leave, in every form they are looked for in.
#[derive(Default)]
pub struct Outgoing {
    forms: RefCell<Vec<Secret>>,
}

impl Outgoing {
    /// Registers a secret. Of a bootstrap token the id is public and stays visible. A secret of several lines (a private
    /// key) is registered line by line, because its lines may be quoted one at a time; its armour and lines too short to
    /// tell anything are no secret.
    pub fn conceal(&self, secret: &Secret) {
        let text = secret.expose().trim();
        if !text.contains('\n') {
            return self.register(mask::token_secret(text).unwrap_or(text));
        }
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| line.len() >= MIN_MASKED_RUN && !line.starts_with("-----")) {
            self.register(line);
        }
    }

    fn register(&self, text: &str) {
        if text.len() < MIN_MASKED_RUN {
            return;
        }
        let mut forms = self.forms.borrow_mut();
        for form in forms_of(text) {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }

    /// A line of a message: without known secrets, and without what has the form of one.
    pub fn line(&self, text: &str) -> String {
        let mut hidden = mask::hidden(text);
        self.hide_known(text, &mut hidden);
        printable(&mask::without(text, &hidden), MAX_LINE_CHARACTERS)
    }

    /// A fact, such as a name or the URL of a server, as one line without known secrets.
    pub fn fact(&self, text: &str) -> String {
        printable(&self.without_known(text), MAX_LINE_CHARACTERS)
    }

    /// A file, or a closing text of several lines, without known secrets: its line feeds stay.
    pub fn block(&self, text: &str) -> String {
        let text = self.without_known(text);
        let mut lines: Vec<String> =
            text.lines().take(MAX_BLOCK_LINES).map(|line| printable(line, MAX_BLOCK_LINE_CHARACTERS)).collect();
        if text.lines().nth(MAX_BLOCK_LINES).is_some() {
            lines.push(CUT_MARK.to_owned());
        }
        lines.join("\n")
    }

    fn without_known(&self, text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        self.hide_known(text, &mut hidden);
        mask::without(text, &hidden)
    }

    fn hide_known(&self, text: &str, hidden: &mut [bool]) {
        for form in self.forms.borrow().iter() {
            hide(text.as_bytes(), form.expose().as_bytes(), hidden);
        }
    }
}

/// Marks the bytes of `text` that are `form`, or at least [`MIN_MASKED_RUN`] of its bytes in a row.
fn hide(text: &[u8], form: &[u8], hidden: &mut [bool]) {
    for at in (0..=form.len() - PROBE_LENGTH).step_by(PROBE_STEP) {
        let probe = &form[at..at + PROBE_LENGTH];
        for (found, _) in text.windows(PROBE_LENGTH).enumerate().filter(|(_, window)| *window == probe) {
            let before = common(text[..found].iter().rev(), form[..at].iter().rev());
            let behind = common(text[found..].iter(), form[at..].iter());
            if before + behind >= MIN_MASKED_RUN {
                hidden[found - before..found + behind].fill(true);
            }
        }
    }
}

/// How many bytes two texts have in common at their beginnings.
fn common<'a>(a: impl Iterator<Item = &'a u8>, b: impl Iterator<Item = &'a u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

/// The secret as it is, percent-encoded, in hexadecimal, and in base64 wherever in a longer text it begins.
fn forms_of(secret: &str) -> Vec<Secret> {
    let mut forms = vec![secret.to_owned(), percent::encoded(secret)];
    forms.push(secret.bytes().map(|b| format!("{b:02x}")).collect());
    forms.push(secret.bytes().map(|b| format!("{b:02X}")).collect());
    for shift in 0..3 {
        forms.push(base64_at(&STANDARD, shift, secret));
        forms.push(base64_at(&URL_SAFE, shift, secret));
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;
    use crate::error::codes;

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
            ("seven: 0a1b2c3 f6g7h b2c3d4e".to_owned(), "seven: 0a1b2c3 f6g7h b2c3d4e"),
            ("middle: 1b2c3d4e and 3d4e5f6gx".to_owned(), "middle: <secret> and <secret>x"),
            ("almost: 0a1b2c3d4e5f6g7x".to_owned(), "almost: <secret>x"),
        ];
        for (text, want) in rows {
            assert_eq!(with(TOKEN_SECRET).line(&text), want, "{text}");
        }
        assert_eq!(with("p&ss word/ü").line("?q=p%26ss%20word%2F%C3%BC&x"), "?q=<secret>&x");
    }

    #[test]
    fn a_word_that_was_typed_as_a_secret_leaves_no_holes() {
        assert_eq!(with("wrong").line("2 values are wrong or missing"), "2 values are wrong or missing");
    }

    #[test]
    fn every_run_of_eight_characters_is_masked() {
        for secret in [TOKEN_SECRET, "nine-char", "\u{fc}n\u{ef}c\u{f6}d\u{e9}"] {
            let outgoing = with(secret);
            let ends: Vec<_> = secret.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
            for (start, _) in secret.char_indices() {
                for end in ends.iter().filter(|end| **end >= start + MIN_MASKED_RUN) {
                    assert_eq!(outgoing.line(&format!("<{}>", &secret[start..*end])), "<<secret>>");
                }
            }
        }
    }

    #[test]
    fn the_id_of_a_registered_token_stays_visible() {
        let outgoing = with("abcdef.0a1b2c3d4e5f6g7h");
        assert_eq!(
            outgoing.line("abcdef.0a1b2c3d and system:bootstrap:abcdef"),
            "abcdef.<secret> and system:bootstrap:abcdef"
        );
    }

    #[test]
    fn lines_lose_what_has_the_form_of_a_secret_and_files_do_not() {
        let text = "server: https://master.kubernetesmaster.local:6443";
        let outgoing = with(TOKEN_SECRET);
        assert_eq!(outgoing.line("no file zyxwvu.fedcba9876543210"), "no file zyxwvu.<secret>");
        assert_eq!(outgoing.fact(text), text);
        assert_eq!(outgoing.block(text), text);
    }

    #[test]
    fn no_hint_of_the_catalogue_is_masked() {
        let outgoing = Outgoing::default();
        for code in codes::ALL {
            assert_eq!(outgoing.line(code.hint), code.hint, "{}", code.name);
        }
    }

    #[test]
    fn base64_around_a_secret_gives_nothing_away() {
        let outgoing = with(TOKEN_SECRET);
        for before in ["", "u", "user:", "Basic abcdef."] {
            for after in ["", "x", "xy", "\n"] {
                for engine in [&STANDARD, &URL_SAFE] {
                    let seen = outgoing.line(&engine.encode(format!("{before}{TOKEN_SECRET}{after}")));
                    assert!(seen.contains(mask::MARK), "{before:?} {after:?}: {seen}");
                    // What is left decodes to nothing of the secret but the bits shared with its neighbours.
                    let left: usize = seen.split(mask::MARK).map(str::len).sum();
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
        assert_eq!(outgoing.line(&"é".repeat(MAX_LINE_CHARACTERS)), "é".repeat(MAX_LINE_CHARACTERS));
        assert_eq!(outgoing.line(&"é".repeat(MAX_LINE_CHARACTERS + 1)), "é".repeat(MAX_LINE_CHARACTERS) + CUT_MARK);
        let block = outgoing.block(&"x\n".repeat(MAX_BLOCK_LINES + 5));
        assert_eq!((block.lines().count(), block.lines().last()), (MAX_BLOCK_LINES + 1, Some(CUT_MARK)));
    }

    #[test]
    fn a_secret_that_straddles_the_cap_is_gone_as_a_whole() {
        let seen = with(TOKEN_SECRET).line(&format!("{}{TOKEN_SECRET}", "x".repeat(MAX_LINE_CHARACTERS - 3)));
        assert!(!seen.contains("0a1"), "{}", &seen[MAX_LINE_CHARACTERS - 10..]);
    }
}
