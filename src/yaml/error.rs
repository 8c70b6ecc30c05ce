//! What can be wrong with a text that should be YAML.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};

/// Why a text is not accepted as YAML. Lines count from 1.
#[derive(Clone, PartialEq, Eq)]
pub enum YamlError {
    /// Longer than [`super::limits::MAX_BYTES`].
    TooLarge {
        /// Length of the text, in bytes.
        bytes: usize,
    },
    /// Nested deeper than [`super::limits::MAX_DEPTH`].
    TooDeep {
        /// Where the limit was passed.
        line: usize,
    },
    /// Aliases and merges repeat more than [`super::limits::MAX_EXPANSION_BYTES`] bytes.
    ExpandsTooMuch {
        /// The alias or anchor that went over the budget.
        line: usize,
    },
    /// A control character, or one that ends a line in Go's YAML and nowhere else (U+0085, U+2028, U+2029).
    Character {
        /// Its line.
        line: usize,
        /// Its code point.
        code_point: u32,
    },
    /// Not YAML.
    Syntax {
        /// Where the parser stopped.
        line: usize,
        /// Column, counted from 1, in characters.
        column: usize,
        /// What the parser says; names no part of the text.
        problem: String,
    },
    /// An alias inside the node that carries its anchor.
    ContainsItself {
        /// The alias.
        line: usize,
    },
    /// A mapping or a list used as a key, or a null or a number beyond 63 bits: none has a JSON spelling.
    Key {
        /// The key.
        line: usize,
    },
    /// The value of a merge key `<<` is neither a mapping nor a list of mappings.
    Merge {
        /// The value.
        line: usize,
    },
    /// A tag such as `!!int` on something that is none.
    Tag {
        /// The scalar.
        line: usize,
    },
    /// `.inf` or `.nan`, which JSON cannot carry.
    NotFinite {
        /// The scalar.
        line: usize,
    },
    /// A second document where only one is wanted.
    SecondDocument {
        /// Where it begins.
        line: usize,
    },
}

impl YamlError {
    /// The line that is wrong, counted from 1; `None` when it is the whole text.
    pub fn line(&self) -> Option<usize> {
        match *self {
            YamlError::TooLarge { .. } => None,
            YamlError::TooDeep { line }
            | YamlError::ExpandsTooMuch { line }
            | YamlError::Character { line, .. }
            | YamlError::Syntax { line, .. }
            | YamlError::ContainsItself { line }
            | YamlError::Key { line }
            | YamlError::Merge { line }
            | YamlError::Tag { line }
            | YamlError::NotFinite { line }
            | YamlError::SecondDocument { line } => Some(line),
        }
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line() {
            write!(f, "line {line}: ")?;
        }
        match self {
            YamlError::TooLarge { bytes } => {
                write!(f, "{bytes} bytes of YAML, at most {} are read", super::limits::MAX_BYTES)
            }
            YamlError::TooDeep { .. } => write!(f, "nested deeper than {} levels", super::limits::MAX_DEPTH),
            YamlError::ExpandsTooMuch { .. } => {
                write!(f, "aliases repeat more than {} bytes", super::limits::MAX_EXPANSION_BYTES)
            }
            YamlError::Character { code_point, .. } => write!(f, "character U+{code_point:04X} is not allowed"),
            YamlError::Syntax { column, problem, .. } => write!(f, "column {column}: {problem}"),
            YamlError::ContainsItself { .. } => write!(f, "an alias refers to the value it is part of"),
            YamlError::Key { .. } => write!(f, "this cannot be the key of a mapping"),
            YamlError::Merge { .. } => write!(f, "the value of a merge key must be a mapping or a list of mappings"),
            YamlError::Tag { .. } => write!(f, "the value does not fit its tag"),
            YamlError::NotFinite { .. } => write!(f, "infinity and not-a-number have no place in a configuration"),
            YamlError::SecondDocument { .. } => write!(f, "a second document begins, one was expected"),
        }
    }
}

debug_as_display!(YamlError);

impl std::error::Error for YamlError {}

impl Explain for YamlError {
    fn code(&self) -> &'static Code {
        &codes::YAML_INVALID
    }
}
