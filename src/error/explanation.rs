//! What the catalogue says of a code beyond its own table: how it comes about, what to look at, an example.
//!
//! The texts are `explanations.txt`, compiled in: about 32 KB, held below 40 KB by a test. It has one paragraph of four lines for
//! each code: its name, the cause, what to look at (commands stand in backticks), and the line of an error as an example.

use super::code::Code;

const TEXTS: &str = include_str!("explanations.txt");

/// What the texts may add to the binary, in bytes.
#[cfg(test)]
const MAX_BYTES: usize = 40 * 1024;

/// The explanation of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// How it comes about.
    pub cause: &'static str,
    /// What to look at, with commands in backticks.
    pub look: &'static str,
    /// What an error of this code says, in one line.
    pub example: &'static str,
}

impl Explanation {
    /// That of a code; empty texts for one that has none, which a test excludes.
    pub fn of(code: &Code) -> Explanation {
        let mut lines = paragraphs().find(|text| text.lines().next() == Some(code.name)).unwrap_or_default().lines();
        let mut next = || lines.next().unwrap_or_default();
        next();
        Explanation { cause: next(), look: next(), example: next() }
    }
}

fn paragraphs() -> impl Iterator<Item = &'static str> {
    TEXTS.split("\n\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::codes;
    use super::*;

    #[test]
    fn every_code_has_an_explanation_and_every_explanation_a_code() {
        let names: Vec<_> = paragraphs().filter_map(|text| text.lines().next()).collect();
        let explained: BTreeSet<_> = names.iter().copied().collect();
        assert_eq!(explained.len(), names.len(), "a code is explained twice");
        assert_eq!(explained, codes::ALL.iter().map(|code| code.name).collect());
        for text in paragraphs() {
            assert_eq!(text.trim_end().lines().count(), 4, "{text}");
        }
    }

    #[test]
    fn every_explanation_is_terse_and_names_what_to_look_at() {
        assert!(TEXTS.len() <= MAX_BYTES, "{} bytes", TEXTS.len());
        for code in codes::ALL {
            let Explanation { cause, look, example } = Explanation::of(code);
            for text in [cause, look, example] {
                assert!(text.len() > 5 && text.len() <= 250 && text.is_ascii(), "{}: {text}", code.name);
                assert!(!text.ends_with('.') || text.ends_with("..."), "{}: {text}", code.name);
                assert!(text.matches('`').count() % 2 == 0, "{}: {text}", code.name);
            }
        }
    }
}
