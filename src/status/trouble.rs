//! What is wrong with a node.

use std::fmt;

use crate::error::{Code, Explain, debug_as_display};

/// The first thing that is wrong.
#[derive(Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The entry of the catalogue: the one that an attempt to join fails with, or warns of.
    pub code: &'static Code,
    /// One line that names the object.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Trouble {
    /// With the catalogue's hint.
    pub fn new(code: &'static Code, message: String) -> Self {
        Trouble { code, message, hint: code.hint.to_owned() }
    }

    /// What an error of another room says.
    pub fn of(error: &dyn Explain) -> Self {
        Trouble { code: error.code(), message: error.to_string(), hint: error.hint() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

debug_as_display!(Trouble);

impl std::error::Error for Trouble {}

impl Explain for Trouble {
    fn code(&self) -> &'static Code {
        self.code
    }

    fn hint(&self) -> String {
        self.hint.clone()
    }
}
