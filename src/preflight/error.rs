//! Checks that have failed.

use std::fmt;

use crate::error::{Class, Code, Explain, Finding, codes, debug_as_display};

/// Every check that has failed.
#[derive(PartialEq, Eq)]
pub struct PreflightError {
    /// At least one, each with a code.
    findings: Vec<Finding>,
}

impl PreflightError {
    /// That of one finding alone.
    pub fn of(finding: Finding) -> PreflightError {
        PreflightError { findings: vec![finding] }
    }

    pub(super) fn fail_if_any(findings: Vec<Finding>) -> Result<(), PreflightError> {
        if findings.is_empty() { Ok(()) } else { Err(PreflightError { findings }) }
    }
}

impl fmt::Display for PreflightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("preflight checks failed: ")?;
        for (index, finding) in self.findings.iter().enumerate() {
            write!(f, "{}{finding}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

debug_as_display!(PreflightError);

impl std::error::Error for PreflightError {}

impl Explain for PreflightError {
    /// Where nothing else is wrong than what an attempt would have failed with, that; where everything is only not there yet,
    /// the first of it.
    fn code(&self) -> &'static Code {
        let mut codes = self.findings.iter().map(|finding| finding.code.unwrap_or(&codes::PREFLIGHT_FAILED));
        let first = codes.next().unwrap_or(&codes::PREFLIGHT_FAILED);
        let is_late = |code: &Code| code.class == Class::Transient;
        match codes.all(|code| code == first || is_late(first) && is_late(code)) {
            true => first,
            false => &codes::PREFLIGHT_FAILED,
        }
    }

    fn hint(&self) -> String {
        let names: Vec<_> = self.findings.iter().map(|finding| finding.check.as_str()).collect();
        // Checks that have the same hint, one after the other, are named together.
        let mut hints: Vec<(Vec<&str>, &str)> = Vec::new();
        for (finding, name) in self.findings.iter().zip(&names) {
            let hint = finding.hint.as_deref().unwrap_or(codes::PREFLIGHT_FAILED.hint);
            match hints.last_mut() {
                Some((names, last)) if *last == hint => names.push(name),
                _ => hints.push((vec![name], hint)),
            }
        }
        if let [(_, hint)] = hints.as_slice()
            && hint.contains("--ignore-preflight-errors")
        {
            return (*hint).to_owned();
        }
        let shown = |(names, hint): &(Vec<&str>, &str)| match hints.len() {
            1 => (*hint).to_owned(),
            _ => format!("{}: {hint}", names.join(", ")),
        };
        let all: Vec<_> = hints.iter().map(shown).collect();
        let between = if hints.len() == 1 { ", or" } else { "; or" };
        format!("{}{between} pass --ignore-preflight-errors={}", all.join("; "), names.join(","))
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Severity;

    #[test]
    fn a_code_of_its_own_needs_every_error_to_have_it() {
        let finding = |code| Finding {
            check: "Name".to_owned(),
            severity: Severity::Error,
            message: String::new(),
            hint: None,
            code: Some(code),
        };
        let table = [
            (vec![&codes::MACHINE_NO_SPACE], &codes::MACHINE_NO_SPACE),
            (vec![&codes::MACHINE_NO_SPACE, &codes::MACHINE_NO_SPACE], &codes::MACHINE_NO_SPACE),
            (vec![&codes::MACHINE_NO_SPACE, &codes::PREFLIGHT_FAILED], &codes::PREFLIGHT_FAILED),
            (vec![&codes::PREFLIGHT_FAILED], &codes::PREFLIGHT_FAILED),
            (vec![&codes::PREFLIGHT_NOT_MOUNTED, &codes::PREFLIGHT_RUNTIME], &codes::PREFLIGHT_NOT_MOUNTED),
            (vec![&codes::PREFLIGHT_RUNTIME, &codes::PREFLIGHT_FAILED], &codes::PREFLIGHT_FAILED),
            (vec![&codes::PREFLIGHT_FAILED, &codes::PREFLIGHT_RUNTIME], &codes::PREFLIGHT_FAILED),
            (vec![&codes::PREFLIGHT_RUNTIME, &codes::KUBELET_NOT_INSTALLED], &codes::PREFLIGHT_FAILED),
        ];
        for (found, expected) in table {
            let error = PreflightError::fail_if_any(found.into_iter().map(finding).collect()).unwrap_err();
            assert_eq!(error.code(), expected);
        }
        assert_eq!(PreflightError::fail_if_any(Vec::new()), Ok(()));
    }
}
