//! Makes the checks of a set in their order, names their verdicts, and collects what ends the run. Knows no check, and of
//! what they look at only the type.

use std::borrow::Cow;

use super::error::PreflightError;
use super::verdict::Verdict;
use crate::error::{Finding, Severity, codes};
use crate::report::Report;

/// More verdicts of one check are only counted.
const MAX_VERDICTS_OF_A_CHECK: usize = 10;

/// A row of a set: a check of an `S`.
pub(super) struct Check<S> {
    name: Name<S>,
    scope: Scope,
    run: fn(&S) -> Vec<Verdict>,
}

/// The name of a check, kubeadm's where it has the check.
enum Name<S> {
    Fixed(&'static str),
    /// `None` where the check does not apply.
    Of(fn(&S) -> Option<Cow<'static, str>>),
}

/// What has to be there for a check to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The tree that is written to, or the connection to the cluster.
    Target,
    /// The system that runs, when it is the one that becomes a node.
    RunningSystem,
    /// The kernel that runs, when it is the one of the node: of this system, or of its initramfs.
    RunningKernel,
}

/// What a check saw.
#[derive(Debug)]
pub struct Seen {
    /// Its name.
    pub check: String,
    /// What it found, in its order; nothing where all is well. `None` where it means nothing here, and was not made.
    pub findings: Option<Vec<Finding>>,
}

/// How checks are made in this run.
pub(super) struct Engine<'a> {
    /// The section that findings are reported in.
    pub(super) section: &'static str,
    /// Checks whose errors become warnings: names in lower case, or `all`.
    pub(super) ignored: &'a [String],
    /// Whether the system that runs is the one that is checked.
    pub(super) is_this_system: bool,
    /// Whether the kernel that runs is the one that is checked.
    pub(super) is_this_kernel: bool,
    pub(super) report: &'a Report,
}

impl<S> Check<S> {
    pub(super) const fn new(name: &'static str, scope: Scope, run: fn(&S) -> Vec<Verdict>) -> Self {
        Check { name: Name::Fixed(name), scope, run }
    }

    /// A check whose name depends on what it looks at; one without a name is not made.
    pub(super) const fn named(
        name: fn(&S) -> Option<Cow<'static, str>>,
        scope: Scope,
        run: fn(&S) -> Vec<Verdict>,
    ) -> Self {
        Check { name: Name::Of(name), scope, run }
    }

    pub(super) fn name(&self, subject: &S) -> Option<Cow<'static, str>> {
        match self.name {
            Name::Fixed(name) => Some(Cow::Borrowed(name)),
            Name::Of(name) => name(subject),
        }
    }
}

impl Engine<'_> {
    /// Makes every check that means something here and reports what is only worth a warning.
    ///
    /// # Errors
    /// One, with every error that is not ignored.
    pub(super) fn run<S>(&self, checks: &[Check<S>], subject: &S) -> Result<(), PreflightError> {
        PreflightError::fail_if_any(self.errors(checks, subject))
    }

    /// The same, for errors that others are added to.
    pub(super) fn errors<S>(&self, checks: &[Check<S>], subject: &S) -> Vec<Finding> {
        let mut errors = Vec::new();
        for Seen { findings, .. } in self.look(checks, subject, &|_| true) {
            for finding in findings.into_iter().flatten() {
                match finding.severity {
                    Severity::Error => errors.push(finding),
                    Severity::Warning | Severity::Unknown => self.report.finding(self.section, &finding),
                }
            }
        }
        errors
    }

    /// Makes the checks whose names are wanted, and hands over what each of them saw. Reports nothing.
    pub(super) fn look<S>(&self, checks: &[Check<S>], subject: &S, is_wanted: &dyn Fn(&str) -> bool) -> Vec<Seen> {
        let named = checks.iter().filter_map(|check| Some((check, check.name(subject)?)));
        let wanted = named.filter(|(_, name)| is_wanted(name));
        let seen = wanted.map(|(check, name)| {
            let findings = self.applies(check.scope).then(|| self.findings(&name, (check.run)(subject)));
            Seen { check: name.into_owned(), findings }
        });
        seen.collect()
    }

    /// The names of the checks that mean nothing here.
    pub(super) fn left_out<S>(&self, checks: &[Check<S>], subject: &S) -> Vec<Cow<'static, str>> {
        checks.iter().filter(|check| !self.applies(check.scope)).filter_map(|check| check.name(subject)).collect()
    }

    fn applies(&self, scope: Scope) -> bool {
        match scope {
            Scope::Target => true,
            Scope::RunningSystem => self.is_this_system,
            Scope::RunningKernel => self.is_this_kernel,
        }
    }

    /// The verdicts of a check under its name. An error that is ignored is a warning; any other has a code.
    fn findings(&self, name: &str, verdicts: Vec<Verdict>) -> Vec<Finding> {
        let is_ignored = is_ignored(self.ignored, name);
        let finding = |Verdict { severity, message, hint, code }| {
            let finding = Finding { check: name.to_owned(), severity, message, hint, code };
            match severity {
                Severity::Error if is_ignored => Finding { severity: Severity::Warning, ..finding },
                Severity::Error => Finding { code: code.or(Some(&codes::PREFLIGHT_FAILED)), ..finding },
                Severity::Warning | Severity::Unknown => finding,
            }
        };
        with_limit(verdicts).into_iter().map(finding).collect()
    }
}

/// The first verdicts of a check, and how many more there are: what it looks at may be of any length.
fn with_limit(mut verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let rest = verdicts.split_off(verdicts.len().min(MAX_VERDICTS_OF_A_CHECK));
    // An error among them still ends the run.
    let worst = rest.iter().find(|verdict| verdict.severity == Severity::Error).or(rest.first());
    verdicts.extend(worst.map(|worst| Verdict { message: format!("and {} more", rest.len()), ..worst.clone() }));
    verdicts
}

/// kubeadm's `setHasItemOrAll`; the names to ignore are in lower case already.
fn is_ignored(ignored: &[String], name: &str) -> bool {
    let name = name.to_lowercase();
    ignored.iter().any(|ignored| *ignored == "all" || *ignored == name)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::error::Explain;
    use crate::report::{Event, Sink};

    #[derive(Clone, Default)]
    struct Lines(Rc<RefCell<Vec<String>>>);

    impl Sink for Lines {
        fn accept(&mut self, event: &Event<'_>) {
            if let Event::Finding { section: "reset", finding } = event {
                self.0.borrow_mut().push(format!("{finding} ({})", finding.severity.name()));
            }
        }
    }

    #[test]
    fn many_verdicts_of_one_check_are_counted() {
        let verdicts = |count: usize| (0..count).map(|n| Verdict::warning(format!("{n}"))).collect::<Vec<_>>();
        assert_eq!(with_limit(verdicts(10)), verdicts(10));
        let limited = with_limit(verdicts(25));
        assert_eq!((limited.len(), limited[10].message.as_str()), (11, "and 15 more"));
        let late_error = with_limit([verdicts(12), vec![Verdict::error("e", "h")], verdicts(1)].concat());
        assert_eq!(late_error[10].severity, Severity::Error);
    }

    #[test]
    fn the_engine_serves_any_subject() {
        let lines = Lines::default();
        let report = Report::new(vec![Box::new(lines.clone())]);
        let ignored = ["second".to_owned()];
        let engine = Engine {
            section: "reset",
            ignored: &ignored,
            is_this_system: false,
            is_this_kernel: false,
            report: &report,
        };
        let checks: [Check<u8>; 5] = [
            Check::new("First", Scope::Target, |subject| vec![Verdict::error(format!("{subject}"), "first hint")]),
            Check::new("Second", Scope::Target, |_| vec![Verdict::error("ignored", "no hint")]),
            Check::new("Third", Scope::Target, |_| vec![Verdict::could_not_check("dark"), Verdict::warning("bright")]),
            Check::new("Fourth", Scope::RunningSystem, |_| vec![Verdict::error("left out", "")]),
            Check::named(|_| None, Scope::Target, |_| vec![Verdict::error("not applicable", "")]),
        ];
        let error = engine.run(&checks, &7).unwrap_err();
        assert_eq!(error.to_string(), "preflight checks failed: [ERROR First]: 7");
        assert_eq!(error.hint(), "first hint, or pass --ignore-preflight-errors=First");
        assert_eq!(engine.left_out(&checks, &7), ["Fourth"]);
        assert_eq!(
            *lines.0.borrow(),
            [
                "[WARNING Second]: ignored (warning)",
                "[WARNING Third]: could not check: dark (unknown)",
                "[WARNING Third]: bright (warning)",
            ]
        );
    }
}
