//! JSON forms that several sinks share.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::error::{Code, Finding};

/// A duration as programs get it.
pub(super) fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A finding. Every key is always there.
pub(super) fn finding(finding: &Finding) -> Value {
    json!({
        "name": finding.check, "severity": finding.severity.name(), "message": finding.message, "hint": finding.hint,
        "code": finding.code.map(|code| code.name),
    })
}

/// Keeps a finding, once however many attempts had it.
pub(super) fn keep(findings: &mut Vec<Value>, found: &Finding) {
    let found = finding(found);
    if !findings.contains(&found) {
        findings.push(found);
    }
}

/// The fields of an error beside its message and its findings.
pub(super) fn failure(code: &Code, hint: &str) -> Map<String, Value> {
    object([
        ("outcome", "failed".into()),
        ("code", code.name.into()),
        ("class", code.class.name().into()),
        ("exit", code.class.exit_status().into()),
        ("hint", hint.into()),
    ])
}

/// An object of these fields.
pub(super) fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
