//! One line of a peer's words.

use std::fmt;

use super::escape::printable;
use super::mask;
use crate::secret::Secret;

/// Characters of foreign text that are worth showing.
const MAX_CHARACTERS: usize = 240;

/// One line of foreign text that is safe to print: at most 240 characters, no control characters, no secret of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// Makes `raw` printable. `conceal` is what the peer was told in confidence and may echo. It is removed before the text
    /// is cut, as is whatever has the form of a secret, so that no half of it survives.
    pub fn new(raw: &str, conceal: Option<&Secret>) -> Self {
        let mut hidden = mask::hidden(raw);
        if let Some(secret) = conceal.filter(|secret| !secret.expose().is_empty()) {
            for (start, found) in raw.match_indices(secret.expose()) {
                hidden[start..start + found.len()].fill(true);
            }
        }
        UntrustedText(printable(&mask::without(raw, &hidden), MAX_CHARACTERS))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_removed_before_the_cut() {
        let known = Secret::new("0123456789abcdef");
        for (conceal, raw) in [(Some(&known), "0123456789abcdef"), (None, "abcdef.0123456789abcdef")] {
            let raw = format!("{}{raw}", "x ".repeat(MAX_CHARACTERS / 2 - 5));
            let shown = UntrustedText::new(&raw, conceal).to_string();
            assert!(!shown.contains("0123"), "{shown}");
        }
    }
}
