//! The links that have been looked at, and the first of them that is broken.

use std::fmt;

use serde_json::{Value, json};

use crate::error::{Failure, Finding, Severity, codes};
use crate::preflight::{PreflightError, Seen};
use crate::report::Report;

/// What lines of a diagnosis belong to.
pub const SECTION: &str = "doctor";

/// What is known of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It holds.
    Good,
    /// It is broken.
    Broken,
    /// It hangs on a broken one, or means nothing here.
    NotLookedAt,
    /// This user, or this machine, cannot see it.
    NotSeen,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Broken => "broken",
            State::NotLookedAt => "not-looked-at",
            State::NotSeen => "not-seen",
        }
    }
}

/// A link, and what was seen of it.
#[derive(Debug)]
pub(super) struct Link {
    name: String,
    state: State,
    saw: String,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.saw.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{between}{}", self.name, self.state.name(), self.saw)
    }
}

/// How much an error of a preflight check counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// As before a join: no node could be made.
    Full,
    /// The kubelet is the better judge of what has no code of its own: that is a warning.
    OnlyCodes,
}

/// A chain while it is looked at.
pub(super) struct Chain<'a> {
    pub(super) report: &'a Report,
    links: Vec<Link>,
    answer: Option<Failure>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        Chain { report, links: Vec::new(), answer: None }
    }

    pub(super) fn good(&mut self, name: &str, saw: impl fmt::Display) {
        self.add(name, State::Good, saw.to_string());
    }

    pub(super) fn not_seen(&mut self, name: &str, why: impl fmt::Display) {
        self.add(name, State::NotSeen, why.to_string());
    }

    pub(super) fn not_looked_at(&mut self, name: &str, why: impl fmt::Display) {
        self.add(name, State::NotLookedAt, why.to_string());
    }

    /// The first one is the answer. One behind it that does not hang on it is shown with the others.
    pub(super) fn broken(&mut self, name: &str, why: impl Into<Failure>) {
        let failure = why.into();
        self.add(name, State::Broken, failure.0.to_string());
        self.answer.get_or_insert(failure);
    }

    /// Whether a link is broken.
    pub(super) fn is_broken(&self) -> bool {
        self.answer.is_some()
    }

    /// Takes what preflight checks saw: each is a link.
    pub(super) fn checks(&mut self, seen: Vec<Seen>, weight: Weight) {
        for Seen { check, findings } in seen {
            let Some(findings) = findings else {
                self.not_looked_at(&check, "the target root is not running");
                continue;
            };
            let mut state = State::Good;
            for finding in findings {
                let has_code = finding.code.is_some_and(|code| code != &codes::PREFLIGHT_FAILED);
                match finding.severity {
                    // The others of the same check are more of the same.
                    Severity::Error if state == State::Broken => {}
                    Severity::Error if weight == Weight::Full || has_code => {
                        state = State::Broken;
                        self.add(&check, state, finding.message.clone());
                        self.answer.get_or_insert_with(|| PreflightError::of(finding).into());
                    }
                    Severity::Error => {
                        let finding = Finding { severity: Severity::Warning, code: None, ..finding };
                        self.report.finding(SECTION, &finding);
                    }
                    Severity::Warning => self.report.finding(SECTION, &finding),
                    Severity::Unknown => {
                        state = State::NotSeen;
                        self.not_seen(&check, finding.message);
                    }
                }
            }
            if state == State::Good {
                self.good(&check, "");
            }
        }
    }

    fn add(&mut self, name: &str, state: State, saw: String) {
        // For programs, too: what has the form of a secret is one.
        let link = Link { name: name.to_owned(), state, saw: self.report.redacted(&saw) };
        self.report.debug(1, SECTION, &link);
        self.links.push(link);
    }

    /// The end of it. `subject` is what was looked at.
    pub(super) fn ended(self, subject: &'static str) -> Examination {
        Examination { subject, links: self.links, answer: self.answer }
    }
}

/// What a diagnosis has seen.
pub struct Examination {
    /// `node`, or `machine` for one that is not a node yet.
    pub subject: &'static str,
    links: Vec<Link>,
    /// The first broken link.
    pub answer: Option<Failure>,
}

impl Examination {
    /// What was seen, for programs.
    pub fn facts(&self) -> Vec<(&'static str, Value)> {
        let link = |link: &Link| json!({ "name": link.name, "state": link.state.name(), "saw": link.saw });
        vec![("subject", self.subject.into()), ("checks", self.links.iter().map(link).collect())]
    }

    /// What could not be seen, one line each.
    pub fn unseen(&self) -> impl Iterator<Item = String> + '_ {
        self.links.iter().filter(|link| link.state == State::NotSeen).map(ToString::to_string)
    }

    /// Every link, one line each.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.links.iter().map(ToString::to_string)
    }

    /// How many links hold.
    pub fn good(&self) -> usize {
        self.links.iter().filter(|link| link.state == State::Good).count()
    }
}
