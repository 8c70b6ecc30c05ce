//! What a check found to be wrong.

use std::fmt;
use std::path::Path;

use crate::error::{Code, Severity};

/// A finding whose check has not been named yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// For an error with an exit class of its own.
    pub(super) code: Option<&'static Code>,
}

impl Verdict {
    /// A node would not work.
    pub(super) fn error(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Verdict { severity: Severity::Error, message: message.into(), hint: Some(hint.into()), code: None }
    }

    /// It may not work.
    pub(super) fn warning(message: impl Into<String>) -> Self {
        Verdict { severity: Severity::Warning, message: message.into(), hint: None, code: None }
    }

    /// Whether it would work is not known.
    pub(super) fn could_not_check(why: impl fmt::Display) -> Self {
        Verdict { severity: Severity::Unknown, message: format!("could not check: {why}"), ..Verdict::warning("") }
    }

    /// A program is installed, in a directory that PATH leaves out.
    pub(super) fn not_in_path(program: &str, installed: &Path) -> Self {
        let directory = installed.parent().unwrap_or(installed).display();
        Verdict::error(
            format!("{program} not found in system path; it is installed as {}", installed.display()),
            format!("add {directory} to PATH where kubejoin is started"),
        )
    }

    /// The same with the code that an attempt would fail with.
    pub(super) fn with_code(self, code: &'static Code) -> Self {
        Verdict { code: Some(code), ..self }
    }
}
