//! A value that was given, inside a message of ours.

use std::fmt;

use crate::text::mask::masked_value;

/// In quotes, escaped, cut after [`MAX_LENGTH`] characters, and without the secret of a token that was typed in the wrong
/// place.
pub(crate) struct Quoted<'a>(pub &'a str);

/// Longest piece of a value that a message repeats, in characters; a node name of 253 would fill three lines.
const MAX_LENGTH: usize = 80;

/// Longest name that is shown as it is, in bytes.
const MAX_NAME: usize = 120;

/// As it is where that can be read, else as [`Quoted`]: names, such as those of fields and parameters.
pub(crate) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = !self.0.is_empty() && self.0.len() <= MAX_NAME && self.0.bytes().all(|b| b.is_ascii_graphic());
        if is_plain { f.write_str(&masked_value(self.0)) } else { Quoted(self.0).fmt(f) }
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = masked_value(self.0);
        match text.char_indices().nth(MAX_LENGTH) {
            Some((end, _)) => write!(f, "{:?}...", &text[..end]),
            None => write!(f, "{text:?}"),
        }
    }
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
            ("é --token=abcdef.0123456789abcdef9", "\"é --token=abcdef.<secret>\"".to_owned()),
        ];
        for (text, expected) in table {
            assert_eq!(Quoted(text).to_string(), expected);
        }
    }
}
