//! An entry of the catalogue of errors.

use super::class::Class;

/// A kind of error. Names are stable: scripts match on them.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Dotted name, such as `discovery.ca-hash-mismatch`.
    pub name: &'static str,
    /// What the process exits with.
    pub class: Class,
    /// What it means, for `codes.md` and `kubejoin help errors`.
    pub meaning: &'static str,
    /// What to do, one imperative sentence that names the command and the machine to run it on.
    pub hint: &'static str,
}
