//! Text from outside: what a server, a file or another program said is data until it has been capped and escaped.

use std::fmt;

use crate::secret::Secret;

/// Characters of foreign text that are worth showing.
const CAP: usize = 240;

/// One line of foreign text that is safe to print: at most 240 characters, no control characters, no secret of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// Makes `raw` printable. `conceal` is what the peer was told in confidence and may echo; it is removed before the
    /// cap is applied, so that no half of it survives a cut.
    pub fn new(raw: &str, conceal: Option<&Secret>) -> Self {
        let hidden = match conceal {
            Some(secret) if !secret.expose().is_empty() => raw.replace(secret.expose(), "<secret>"),
            _ => raw.to_owned(),
        };
        UntrustedText(printable(&hidden, CAP))
    }

    /// The same for bytes that may not be UTF-8.
    pub fn from_bytes(raw: &[u8], conceal: Option<&Secret>) -> Self {
        Self::new(&String::from_utf8_lossy(raw), conceal)
    }
}

impl fmt::Display for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Escapes control and direction-changing characters and cuts after `cap` characters.
pub fn printable(raw: &str, cap: usize) -> String {
    let mut out = String::new();
    for (count, c) in raw.trim_end().chars().enumerate() {
        if count == cap {
            out.push_str("...");
            break;
        }
        if c.is_control() || is_format(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// Unicode's bidirectional and zero-width controls, which can make a terminal show something else than what was said.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_reach_a_terminal() {
        for (raw, shown) in [
            ("plain", "plain"),
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            ("a\nb\r", "a\\u{a}b"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("\u{9b}2J", "\\u{9b}2J"),
        ] {
            assert_eq!(printable(raw, 100), shown, "{raw:?}");
        }
    }

    #[test]
    fn a_secret_is_removed_before_the_cut() {
        let secret = Secret::new("0123456789abcdef");
        let raw = format!("{}0123456789abcdef", "x".repeat(CAP - 4));
        let shown = UntrustedText::new(&raw, Some(&secret)).to_string();
        assert!(!shown.contains("0123"), "{shown}");
    }
}
