//! Text of somebody else inside a message of ours.

use std::fmt;

use super::token::BootstrapToken;

/// In quotes, escaped, cut after [`MAX_LENGTH`] characters, and without the secret of a token that was typed in the wrong
/// place.
pub(crate) struct Quoted<'a>(pub &'a str);

/// Longest piece of foreign text that a message repeats, in characters; a node name of 253 would fill three lines.
const MAX_LENGTH: usize = 80;

/// Longest name that is shown as it is, in bytes.
const MAX_NAME: usize = 120;

/// Bytes of a bootstrap token.
const TOKEN_LENGTH: usize = 23;

/// As it is where that can be read, else as [`Quoted`]: names, such as those of fields and parameters.
pub(crate) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = !self.0.is_empty() && self.0.len() <= MAX_NAME && self.0.bytes().all(|b| b.is_ascii_graphic());
        if is_plain { f.write_str(&without_tokens(self.0)) } else { Quoted(self.0).fmt(f) }
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = without_tokens(self.0);
        match text.char_indices().nth(MAX_LENGTH) {
            Some((end, _)) => write!(f, "{:?}...", &text[..end]),
            None => write!(f, "{text:?}"),
        }
    }
}

/// The text with the secret half of everything that looks like a bootstrap token replaced.
fn without_tokens(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..TOKEN_LENGTH).and_then(|window| BootstrapToken::parse(window).ok()) {
            Some(token) => {
                clean.push_str(&token.id);
                clean.push_str(".<secret>");
                rest = &rest[TOKEN_LENGTH..];
            }
            None => {
                clean.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_escaped_cut_and_has_no_token() {
        let long = "x".repeat(100);
        let table = [
            ("plain", "\"plain\"".to_owned()),
            ("a\nb\u{1b}[31m\"", "\"a\\nb\\u{1b}[31m\\\"\"".to_owned()),
            (&long, format!("\"{}\"...", "x".repeat(80))),
            ("abcdef.0123456789abcdef", "\"abcdef.<secret>\"".to_owned()),
            ("é --token=abcdef.0123456789abcdef9", "\"é --token=abcdef.<secret>9\"".to_owned()),
        ];
        for (text, expected) in table {
            assert_eq!(Quoted(text).to_string(), expected);
        }
    }
}
