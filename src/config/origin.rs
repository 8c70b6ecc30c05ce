//! Where a value comes from: every message about it names that place.

use std::fmt;

/// The place where somebody wrote a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The positional argument of `join`.
    Argument,
    /// A flag, with its dashes.
    Flag(&'static str),
    /// A parameter of the kernel command line, with its prefix.
    Kernel(&'static str),
    /// A field of the configuration file.
    Field {
        /// As Kubernetes writes it, such as `nodeRegistration.taints[0].key`.
        path: String,
        /// Counted from 1.
        line: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Argument => f.write_str("the argument of join"),
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Kernel(parameter) => write!(f, "{parameter}= of the kernel command line"),
            Origin::Field { path, line } => write!(f, "{path} (line {line})"),
        }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub origin: Origin,
}

impl<T> Given<T> {
    pub(super) fn new(value: T, origin: Origin) -> Self {
        Given { value, origin }
    }
}
