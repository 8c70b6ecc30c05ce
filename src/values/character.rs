//! Characters that look like another one, or like nothing at all: what they are called in a message.

use std::fmt;

/// A character as it is named to somebody who may not see it: `` `_` ``, or `a no-break space (U+00A0)`.
pub(crate) struct CharacterName(pub char);

/// Characters by their names; those that web pages, word processors and chat programs put in the place of others.
const NAMES: [(char, &str); 23] = [
    (' ', "a space"),
    ('\t', "a tab"),
    ('\n', "a line break"),
    ('\r', "a carriage return"),
    ('"', "a quotation mark"),
    ('\'', "a single quotation mark"),
    ('`', "a backtick"),
    ('\u{a0}', "a no-break space"),
    ('\u{ab}', "a quotation mark"),
    ('\u{bb}', "a quotation mark"),
    ('\u{2010}', "a hyphen that is not `-`"),
    ('\u{2011}', "a no-break hyphen"),
    ('\u{2012}', "a figure dash"),
    ('\u{2013}', "an en dash"),
    ('\u{2014}', "an em dash"),
    ('\u{2018}', "a typographic quotation mark"),
    ('\u{2019}', "a typographic quotation mark"),
    ('\u{201c}', "a typographic quotation mark"),
    ('\u{201d}', "a typographic quotation mark"),
    ('\u{201e}', "a typographic quotation mark"),
    ('\u{202f}', "a narrow no-break space"),
    ('\u{2212}', "a minus sign"),
    ('\u{3000}', "an ideographic space"),
];

impl fmt::Display for CharacterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.0;
        match NAMES.iter().find(|(named, _)| *named == c) {
            Some((' ', name)) => f.write_str(name),
            Some((_, name)) => write!(f, "{name} (U+{:04X})", u32::from(c)),
            None if c.is_ascii_graphic() => write!(f, "`{c}`"),
            None if is_invisible(c) => write!(f, "an invisible character (U+{:04X})", u32::from(c)),
            None => write!(f, "the character U+{:04X}", u32::from(c)),
        }
    }
}

impl CharacterName {
    /// Whether it has a name of its own.
    pub(crate) fn is_known(&self) -> bool {
        is_invisible(self.0) || NAMES.iter().any(|(named, _)| *named == self.0)
    }
}

/// Marks that take no room: zero-width spaces, joiners, directions, the byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a character is a dash that somebody's software made of `-` or `--`.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// Whether a character is a quotation mark of any kind.
pub(crate) fn is_quotation_mark(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}')
}
