//! What a check found.

use std::fmt;

use super::code::Code;

/// One thing that a check of this machine or of its cluster found. Shown in kubeadm's form, `[WARNING Name]: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's name: kubeadm's where it has the check, as `--ignore-preflight-errors` takes it.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is the matter, in one line.
    pub message: String,
    /// What to do about it, on which machine, where the message does not say that itself.
    pub hint: Option<String>,
    /// The code that an attempt would fail with; none for what is only worth a warning.
    pub code: Option<&'static Code>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It ends the run.
    Error,
    /// It may become a problem, or it is an error that the user wants ignored.
    Warning,
    /// The check could not be made, which is no reason to stop.
    Unknown,
}

impl Severity {
    /// The name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Unknown => "unknown",
        }
    }

    /// kubeadm's word, which knows nothing between a warning and an error.
    pub fn label(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning | Severity::Unknown => "WARNING",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} {}]: {}", self.severity.label(), self.check, self.message)
    }
}
