//! What a line was meant to be that a YAML parser stumbles over: its own words are about its grammar.

use std::fmt;

use crate::values::{CharacterName, Misprint};

/// Why a line is not YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlCause {
    /// Where, counted from 1: the line at which the parser stops, or the one before it.
    pub line: usize,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Template,
    Brackets,
    NoSpace,
    Indentation(char),
    Character(Misprint),
}

impl YamlCause {
    /// Looks at the line at which a parser stopped, and at the one before it.
    pub(super) fn find(text: &str, line: usize) -> Option<Self> {
        let lines: Vec<&str> = text.lines().take(line).collect();
        let candidates = (line.saturating_sub(1)..=line).rev().filter(|number| *number > 0);
        candidates.into_iter().find_map(|line| {
            let reason = Reason::of(lines.get(line - 1)?)?;
            Some(YamlCause { line, reason })
        })
    }
}

impl Reason {
    fn of(line: &str) -> Option<Self> {
        let indentation: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        if let Some(odd) = indentation.chars().find(|c| *c != ' ') {
            return Some(Reason::Indentation(odd));
        }
        let entry = line.trim_start().trim_start_matches("- ").trim();
        let (key, value) = entry.split_once(':')?;
        let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric());
        let value_text = value.trim();
        match Misprint::find(value_text) {
            Some(Misprint::Template) if !value_text.starts_with(['"', '\'']) => return Some(Reason::Template),
            Some(misprint @ Misprint::Inner { .. }) => return Some(Reason::Character(misprint)),
            _ => {}
        }
        if value_text.starts_with('[') && value_text.contains("]:") {
            return Some(Reason::Brackets);
        }
        let is_glued = is_key && !value.is_empty() && !value.starts_with([' ', '\t', '/']);
        is_glued.then_some(Reason::NoSpace)
    }
}

impl fmt::Display for YamlCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.reason {
            Reason::Template => f.write_str("a template has not been filled in; what begins with `{` needs quotes"),
            Reason::Brackets => f.write_str("an address in brackets needs quotes, as in \"[fd00::1]:6443\""),
            Reason::NoSpace => f.write_str("a space is missing after the colon"),
            Reason::Indentation(c) => write!(f, "{} stands before the field, where spaces belong", CharacterName(*c)),
            Reason::Character(misprint) => write!(f, "the value {misprint}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_at_the_line_or_before_it() {
        let table = [
            (
                "a: 1\nname: {{ x }}\n",
                2,
                "line 2: a template has not been filled in; what begins with `{` needs quotes",
            ),
            ("e: [fd00::1]:6443\nt: x\n", 2, "line 1: an address in brackets needs quotes, as in \"[fd00::1]:6443\""),
            ("  token:abc\n  hashes:\n", 2, "line 1: a space is missing after the colon"),
            ("a:\n\tb: 1\n", 2, "line 2: a tab (U+0009) stands before the field, where spaces belong"),
            (
                "a:\n  b: 1\n\u{a0}\u{a0}c: 1\n",
                3,
                "line 3: a no-break space (U+00A0) stands before the field, where spaces belong",
            ),
            ("a: b\u{2013}c\n", 1, "line 1: the value has an en dash (U+2013) as its character 2"),
        ];
        for (text, line, expected) in table {
            assert_eq!(YamlCause::find(text, line).unwrap().to_string(), expected);
        }
        for text in ["a: [", "- b", "url: https://h", "a: 'b", "key:\n", ""] {
            assert_eq!(YamlCause::find(text, 1), None, "{text}");
        }
    }
}
