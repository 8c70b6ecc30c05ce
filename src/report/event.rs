//! What sinks get.

use std::time::Duration;

use serde_json::Value;

use super::level::Level;
use crate::error::{Code, Finding};

/// Outcomes of a machine that is a node.
pub(super) const NODE_OUTCOMES: [&str; 2] = ["joined", "already-joined"];

/// Something that happened, as the sinks see it. Texts have been through [`super::outgoing`].
#[derive(Debug)]
pub enum Event<'a> {
    /// A run that is made of attempts begins, perhaps anew: the phases of the attempt before are past. What it warned of is
    /// not said again in the same words.
    AttemptStarted,
    /// A phase began.
    PhaseStarted(&'static str),
    /// A phase ended after this long.
    PhaseEnded(&'static str, Duration),
    /// One line of text.
    Line {
        /// How loud.
        level: Level,
        /// What it belongs to, such as a phase; printed in brackets.
        section: &'static str,
        /// A stable code where the line is a warning that programs may want to match.
        code: Option<&'static Code>,
        /// The line, without the prefix.
        text: &'a str,
        /// What is waited for, where the line says that: the next one about the same has a longer time in it.
        reason: Option<&'a str>,
    },
    /// What a check found, where that does not end the run.
    Finding {
        /// What the check belongs to.
        section: &'static str,
        /// What it found.
        finding: &'a Finding,
    },
    /// The end, badly.
    Failed {
        /// The stable code.
        code: &'static Code,
        /// The one line.
        message: &'a str,
        /// What to do.
        hint: &'a str,
        /// The same one by one, where checks have failed.
        findings: &'a [Finding],
        /// What else a program is told.
        facts: &'a [(&'static str, Value)],
    },
    /// The end, well: a closing text of several lines.
    Done {
        /// Outcome in `result.json`: `joined`, `already-joined`, `dry-run`, `phase-done`.
        outcome: &'static str,
        /// Facts for programs: node name, server, csr name ... as key and value.
        facts: &'a [(&'static str, Value)],
        /// What the console shows.
        text: &'a str,
    },
}
