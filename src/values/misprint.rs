//! What makes a text something else than was meant: characters that a web page, a word processor or a template engine put
//! there or left there.

use std::fmt;

use super::character::CharacterName;

/// What is wrong with a text, in words that follow "it" or a subject: "begins with a quotation mark (U+0022)".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misprint {
    /// The first character.
    First(char),
    /// The last one.
    Last(char),
    /// One in between.
    Inner {
        /// Which.
        character: char,
        /// Where, counted from 1, in characters.
        position: usize,
    },
    /// A variable of a template, in the form of whoever should have filled it in.
    Template,
}

impl Misprint {
    /// The first thing that is wrong; `None` for what consists of ordinary characters, right or wrong.
    pub fn find(text: &str) -> Option<Self> {
        if is_template(text) {
            return Some(Misprint::Template);
        }
        let last = text.chars().count().wrapping_sub(1);
        text.chars().enumerate().find_map(|(index, c)| match index {
            0 if is_odd(c) || is_mark(c) => Some(Misprint::First(c)),
            index if index == last && (is_odd(c) || is_mark(c)) => Some(Misprint::Last(c)),
            index if is_odd(c) => Some(Misprint::Inner { character: c, position: index + 1 }),
            _ => None,
        })
    }
}

/// White space other than a blank, and what is not ASCII but looks as if it were, or like nothing.
fn is_odd(c: char) -> bool {
    c != ' ' && (c.is_whitespace() || c.is_control() || !c.is_ascii() && CharacterName(c).is_known())
}

/// What does not belong to a value at its ends.
fn is_mark(c: char) -> bool {
    matches!(c, ' ' | '"' | '\'' | '`')
}

/// `{{ x }}`, `${X}`, `$(x)`, `$X`, `<x>`, and what cloud-init writes where it has no value.
fn is_template(text: &str) -> bool {
    const MARKS: [&str; 5] = ["{{", "}}", "${", "$(", "CI_MISSING_JINJA_VAR"];
    let is_variable = |text: &str| text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
    MARKS.iter().any(|mark| text.contains(mark))
        || text.split('$').skip(1).any(is_variable)
        || text.split('<').skip(1).any(is_placeholder)
}

/// The rest of `<name>`; a comparison, such as `nodefs.available<5%`, is not one.
fn is_placeholder(rest: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ' | '.');
    rest.split_once('>').is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_part))
}

impl fmt::Display for Misprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misprint::First(c) => write!(f, "begins with {}", CharacterName(*c)),
            Misprint::Last(c) => write!(f, "ends with {}", CharacterName(*c)),
            Misprint::Inner { character, position } => {
                write!(f, "has {} as its character {position}", CharacterName(*character))
            }
            Misprint::Template => f.write_str("looks like a template that has not been filled in"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_only_looks_right_is_named() {
        let table = [
            ("\"abc\"", "begins with a quotation mark (U+0022)"),
            ("\u{2018}abc\u{2019}", "begins with a typographic quotation mark (U+2018)"),
            ("abc'", "ends with a single quotation mark (U+0027)"),
            ("abc\n", "ends with a line break (U+000A)"),
            ("a\u{a0}b", "has a no-break space (U+00A0) as its character 2"),
            ("sha256:ab\u{2013}cd", "has an en dash (U+2013) as its character 10"),
            ("abc\u{200b}", "ends with an invisible character (U+200B)"),
            ("a\tb", "has a tab (U+0009) as its character 2"),
        ];
        for (text, expected) in table {
            assert_eq!(Misprint::find(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn templates_of_every_kind_are_recognized() {
        for text in ["{{ x }}", "${TOKEN}", "$(hostname)", "$MASTER_IP:6443", "<token>", "<control-plane>:6443", "a-$X"]
        {
            assert_eq!(Misprint::find(text), Some(Misprint::Template), "{text}");
        }
    }

    #[test]
    fn other_texts_are_left_to_their_parsers() {
        for text in ["", "abc", "a b", "käse", "nodefs.available<5%,imagefs.available>1", "a$1", "it's", "a<b", "<>"] {
            assert_eq!(Misprint::find(text), None, "{text}");
        }
    }
}
