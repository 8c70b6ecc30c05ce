//! Where a value comes from: every message about it names that place.

use std::fmt;

use crate::values::Shown;

/// The place where somebody wrote a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The positional argument of `join`.
    Argument,
    /// A flag, without its dashes.
    Flag(&'static str),
    /// A parameter of the kernel command line, without `kubejoin.`.
    Parameter(&'static str),
    /// What was found in one of the places where a machine has its settings: a path, or what the firmware calls it.
    Entry(String),
    /// A field of the configuration file.
    Field {
        /// As Kubernetes writes it, such as `nodeRegistration.taints[0].key`.
        path: String,
        /// Counted from 1.
        line: usize,
    },
    /// Nobody wrote it: a default of this program.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Argument => f.write_str("the argument of join"),
            Origin::Flag(flag) => write!(f, "--{flag}"),
            Origin::Parameter(parameter) => write!(f, "kubejoin.{parameter}= of the kernel command line"),
            Origin::Entry(entry) => f.write_str(entry),
            Origin::Field { path, line } => write!(f, "{} (line {line})", Shown(path)),
            Origin::Default => f.write_str("a default"),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithOrigin<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub origin: Origin,
}

impl<T> WithOrigin<T> {
    /// A value that was written there.
    pub fn new(value: T, origin: Origin) -> Self {
        WithOrigin { value, origin }
    }
}
