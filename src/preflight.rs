//! kubeadm's checks of a worker, under kubeadm's names and in its order (`preflight/checks.go`, `checks_linux.go`; 1.37).
//!
//! A check is a row of [`CHECKS`]: when it applies and what it finds. "Could not check" is not "the check says no": it is
//! a warning and never ends a join. Where the target root is not this system, checks of a running one are left out, by
//! name. kubeadm's come first; ours are behind them, and each says which line to change.
//!
//! What needs to know the cluster's requirements is judged by [`LocalChecksPassed::after_discovery`], before anything is sent that leaves a
//! trace.

mod cluster_checks;
mod files;
mod kernel_config;
mod kubelet;
mod machine;
mod runtime;
mod system;
mod target;

pub use cluster_checks::ClusterRequirements;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use crate::cri::CriError;
use crate::error::{Code, Explain, codes};
use crate::node::state::NodeState;
use crate::phase::Phase;
use crate::plan::{JoinPlan, Mode};
use crate::report::Report;
use crate::rootfs::{Root, TargetPath};
use crate::services::InitSystem;
use crate::values::Version;

/// What a check looks at.
struct Subject<'a> {
    plan: &'a JoinPlan,
    root: &'a Root,
    existing: &'a NodeState,
    report: &'a Report,
    control: InitSystem,
    /// What several checks ask is asked once: the kubelet's version is 70 MB from a slow card.
    kubelet: OnceCell<Result<Version, kubelet::NoVersion>>,
    runtime: OnceCell<Result<runtime::Answers, CriError>>,
}

/// A machine that may become a node, as far as one can tell without its cluster.
pub struct LocalChecksPassed<'a>(Subject<'a>);

/// A check.
struct Check {
    /// kubeadm's name; `None` where kubeadm would not make this check.
    name: fn(&Subject<'_>) -> Option<Cow<'static, str>>,
    /// What has to be there for it to mean anything.
    scope: Scope,
    /// Makes it.
    run: fn(&Subject<'_>) -> Vec<Verdict>,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The tree that is written to, or the way to the cluster.
    Target,
    /// The system that runs, when it is the one that becomes a node.
    RunningSystem,
    /// The kernel that runs, when it is the one of the node: of this system, or of its initramfs.
    RunningKernel,
}

impl Scope {
    fn applies(self, plan: &JoinPlan) -> bool {
        match self {
            Scope::Target => true,
            Scope::RunningSystem => plan.target.is_this_system(),
            Scope::RunningKernel => plan.target.is_this_system() || plan.host.is_initramfs,
        }
    }
}

/// What a check says, when it does not say "well".
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// A node would not work.
    Error { text: String, hint: String },
    /// The same, because of something that has an exit class of its own.
    MachineError { code: &'static Code, text: String, hint: String },
    /// It may not work.
    Warning { text: String },
    /// Nobody knows.
    CouldNotCheck { why: String },
}

/// What a check found to be wrong, so wrong that it ends the join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// kubeadm's name of the check, as `--ignore-preflight-errors` takes it.
    pub name: String,
    /// What it says.
    pub text: String,
    /// What to do about it, on this machine.
    pub hint: String,
    /// The code that an attempt would have failed with, where it is not this room's own.
    pub code: Option<&'static Code>,
}

/// Checks that say no: all of them.
#[derive(Debug, PartialEq, Eq)]
pub struct PreflightError {
    /// At least one.
    pub findings: Vec<Finding>,
}

/// Ends the join by itself, before the others (kubeadm `RunRootCheckOnly`).
const ROOT_CHECK: Check = Check {
    name: |_| Some(Cow::Borrowed("IsPrivilegedUser")),
    scope: Scope::RunningSystem,
    run: machine::privileged_user,
};

/// kubeadm's order, then ours.
const CHECKS: [Check; 20] = [
    Check {
        name: |_| Some(files::name(&crate::node::paths::KUBELET_CONF)),
        scope: Scope::Target,
        run: files::kubelet_conf,
    },
    Check {
        name: |_| Some(files::name(&crate::node::paths::BOOTSTRAP_KUBELET_CONF)),
        scope: Scope::Target,
        run: files::bootstrap_kubelet_conf,
    },
    Check { name: |_| Some(Cow::Borrowed("CRI")), scope: Scope::RunningSystem, run: runtime::ready },
    Check {
        name: |_| Some(Cow::Borrowed("ContainerRuntimeVersion")),
        scope: Scope::RunningSystem,
        run: runtime::version,
    },
    Check { name: |_| Some(Cow::Borrowed("Swap")), scope: Scope::RunningSystem, run: machine::swap },
    Check {
        name: |_| Some(Cow::Borrowed("FileExisting-losetup")),
        scope: Scope::RunningSystem,
        run: |subject| machine::in_path(subject, "losetup"),
    },
    Check {
        name: |_| Some(Cow::Borrowed("FileExisting-mount")),
        scope: Scope::RunningSystem,
        run: |subject| machine::in_path(subject, "mount"),
    },
    Check {
        name: |_| Some(Cow::Borrowed("FileExisting-cp")),
        scope: Scope::RunningSystem,
        run: |subject| machine::in_path(subject, "cp"),
    },
    Check {
        name: |_| Some(Cow::Borrowed("SystemVerification")),
        scope: Scope::RunningSystem,
        run: system::verification,
    },
    Check { name: |_| Some(Cow::Borrowed("Hostname")), scope: Scope::Target, run: machine::hostname },
    Check { name: |_| Some(Cow::Borrowed("KubeletVersion")), scope: Scope::RunningSystem, run: kubelet::version },
    Check { name: |_| Some(Cow::Borrowed("Service-kubelet")), scope: Scope::RunningSystem, run: kubelet::service },
    Check { name: |_| Some(Cow::Borrowed("Port-10250")), scope: Scope::RunningSystem, run: kubelet::port },
    Check {
        name: |subject| Some(files::name(&subject.plan.node.ca_cert_path)),
        scope: Scope::Target,
        run: files::ca_cert,
    },
    Check { name: |_| Some(Cow::Borrowed("HTTPProxy")), scope: Scope::Target, run: machine::http_proxy },
    Check { name: machine::forwarding_name, scope: Scope::RunningSystem, run: machine::forwarding },
    Check {
        // On a running system it is a part of SystemVerification.
        name: |subject| (!subject.plan.target.is_this_system()).then_some(Cow::Borrowed("MemoryCgroup")),
        scope: Scope::RunningKernel,
        run: system::memory,
    },
    Check { name: |_| Some(Cow::Borrowed("TargetWritable")), scope: Scope::Target, run: target::writable },
    Check { name: |_| Some(Cow::Borrowed("DefaultHostname")), scope: Scope::Target, run: target::default_name },
    Check { name: |_| Some(Cow::Borrowed("Clock")), scope: Scope::Target, run: target::clock },
];

/// A check of this machine against the cluster's requirements.
struct ClusterCheck {
    name: fn(&Subject<'_>) -> Cow<'static, str>,
    scope: Scope,
    run: fn(&Subject<'_>, &ClusterRequirements<'_>) -> Vec<Verdict>,
}

/// Ours, all of them; names of kubeadm's where it has one for the same thing.
const AFTER_DISCOVERY: [ClusterCheck; 5] = [
    ClusterCheck {
        name: |_| files::name(&crate::node::paths::KUBELET_CONF),
        scope: Scope::Target,
        run: cluster_checks::kubelet_conf,
    },
    ClusterCheck {
        name: |subject| files::name(&subject.plan.node.ca_cert_path),
        scope: Scope::Target,
        run: cluster_checks::ca_cert,
    },
    ClusterCheck { name: |_| Cow::Borrowed("Swap"), scope: Scope::Target, run: cluster_checks::swap },
    ClusterCheck {
        name: |_| Cow::Borrowed("FailCgroupV1"),
        scope: Scope::RunningSystem,
        run: cluster_checks::cgroup_v1,
    },
    ClusterCheck { name: |_| Cow::Borrowed("KubeletVersion"), scope: Scope::RunningSystem, run: cluster_checks::skew },
];

/// Makes every check that means something here, reports what is only worth a warning, and fails with the rest.
///
/// `plan.options.ignore_preflight_errors` makes warnings of errors: lower-case names, or `all`.
///
/// # Errors
/// One, with every finding that was not ignored.
pub fn run<'a>(
    plan: &'a JoinPlan,
    root: &'a Root,
    existing: &'a NodeState,
    report: &'a Report,
) -> Result<LocalChecksPassed<'a>, PreflightError> {
    let control = plan.target.init_system();
    let subject = Subject::new(plan, root, existing, report, control);
    report.info(Phase::Preflight, "Checking this machine");
    check(std::slice::from_ref(&ROOT_CHECK), &subject)?;
    let skipped: Vec<_> =
        CHECKS.iter().filter(|check| !check.scope.applies(plan)).filter_map(|check| (check.name)(&subject)).collect();
    if !skipped.is_empty() {
        let skipped = skipped.join(", ");
        report.info(Phase::Preflight, format_args!("left out, the target root is not running: {skipped}"));
    }
    check(&CHECKS, &subject)?;
    Ok(LocalChecksPassed(subject))
}

impl LocalChecksPassed<'_> {
    /// Judges this machine against what its cluster wants.
    ///
    /// # Errors
    /// As [`run`].
    pub fn after_discovery(&self, requirements: &ClusterRequirements<'_>) -> Result<(), PreflightError> {
        let LocalChecksPassed(subject) = self;
        let mut findings = Vec::new();
        for check in AFTER_DISCOVERY.iter().filter(|check| check.scope.applies(subject.plan)) {
            subject.record(&(check.name)(subject), (check.run)(subject, requirements), &mut findings);
        }
        PreflightError::fail_if_any(findings)
    }
}

fn check(checks: &[Check], subject: &Subject<'_>) -> Result<(), PreflightError> {
    let mut findings = Vec::new();
    for check in checks.iter().filter(|check| check.scope.applies(subject.plan)) {
        if let Some(name) = (check.name)(subject) {
            subject.record(&name, (check.run)(subject), &mut findings);
        }
    }
    PreflightError::fail_if_any(findings)
}

/// kubeadm's `setHasItemOrAll`; the names to ignore are in lower case already.
fn is_ignored(ignored: &[String], name: &str) -> bool {
    let name = name.to_lowercase();
    ignored.iter().any(|ignored| *ignored == "all" || *ignored == name)
}

/// The file in which the target root's kernel command line is written, for a person.
fn boot_line(subject: &Subject<'_>) -> String {
    const RASPBERRY_PI: [TargetPath; 2] =
        [TargetPath::fixed("/boot/firmware/cmdline.txt"), TargetPath::fixed("/boot/cmdline.txt")];
    const GRUB: TargetPath = TargetPath::fixed("/etc/default/grub");
    let exists = |path: &&TargetPath| subject.root.exists(path).unwrap_or(false);
    if let Some(path) = RASPBERRY_PI.iter().find(exists) {
        return path.to_string();
    }
    if subject.plan.host.board.as_ref().is_some_and(|board| board.starts_with("Raspberry Pi")) {
        return format!("{} ({} before Debian 12)", RASPBERRY_PI[0], RASPBERRY_PI[1]);
    }
    if exists(&&GRUB) {
        return format!("GRUB_CMDLINE_LINUX of {GRUB} (then run `update-grub`)");
    }
    "this machine's kernel command line".to_owned()
}

impl<'a> Subject<'a> {
    fn new(
        plan: &'a JoinPlan,
        root: &'a Root,
        existing: &'a NodeState,
        report: &'a Report,
        control: InitSystem,
    ) -> Subject<'a> {
        Subject { plan, root, existing, report, control, kubelet: OnceCell::new(), runtime: OnceCell::new() }
    }

    /// The version of the kubelet that is installed here.
    fn kubelet(&self) -> Result<&Version, &kubelet::NoVersion> {
        self.kubelet.get_or_init(|| kubelet::ask(&self.plan.host.path)).as_ref()
    }

    /// What the container runtime says.
    fn runtime(&self) -> Result<&runtime::Answers, &CriError> {
        self.runtime.get_or_init(|| runtime::ask(&self.plan.node.cri_socket, self.report)).as_ref()
    }

    /// Reports what is only worth a warning, and keeps what ends the join.
    fn record(&self, name: &str, verdicts: Vec<Verdict>, findings: &mut Vec<Finding>) {
        let ignored = is_ignored(&self.plan.options.ignore_preflight_errors, name);
        for verdict in verdicts {
            let warning = match verdict {
                Verdict::Error { text, hint } if !ignored => {
                    findings.push(Finding { name: name.to_owned(), text, hint, code: None });
                    continue;
                }
                Verdict::MachineError { code, text, hint } if !ignored => {
                    findings.push(Finding { name: name.to_owned(), text, hint, code: Some(code) });
                    continue;
                }
                Verdict::Error { text, .. } | Verdict::MachineError { text, .. } | Verdict::Warning { text } => text,
                Verdict::CouldNotCheck { why } => format!("could not check: {why}"),
            };
            self.report.warn(Phase::Preflight, None, format_args!("[WARNING {name}]: {warning}"));
        }
    }

    /// Whether this run changes the system that runs.
    fn changes_this_system(&self) -> bool {
        self.plan.target.is_this_system() && self.plan.options.mode == Mode::Apply
    }
}

impl Verdict {
    fn error(text: impl Into<String>, hint: impl Into<String>) -> Vec<Self> {
        vec![Verdict::Error { text: text.into(), hint: hint.into() }]
    }

    fn warning(text: impl Into<String>) -> Vec<Self> {
        vec![Verdict::Warning { text: text.into() }]
    }

    fn could_not_check(why: impl fmt::Display) -> Vec<Self> {
        vec![Verdict::CouldNotCheck { why: why.to_string() }]
    }
}

impl PreflightError {
    fn fail_if_any(findings: Vec<Finding>) -> Result<(), PreflightError> {
        if findings.is_empty() { Ok(()) } else { Err(PreflightError { findings }) }
    }
}

impl fmt::Display for PreflightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("preflight checks failed: ")?;
        for (index, Finding { name, text, .. }) in self.findings.iter().enumerate() {
            write!(f, "{}[ERROR {name}]: {text}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for PreflightError {}

impl Explain for PreflightError {
    /// Where nothing else is wrong than what an attempt would have failed with, that.
    fn code(&self) -> &'static Code {
        let first = self.findings.first().and_then(|finding| finding.code);
        first.filter(|_| self.findings.iter().all(|finding| finding.code == first)).unwrap_or(&codes::PREFLIGHT_FAILED)
    }

    fn hint(&self) -> String {
        let names = self.findings.iter().map(|finding| finding.name.as_str()).collect::<Vec<_>>();
        // Checks that have the same answer, one after the other, are named together.
        let mut steps: Vec<(Vec<&str>, &str)> = Vec::new();
        for (Finding { hint, .. }, name) in self.findings.iter().zip(&names) {
            match steps.last_mut() {
                Some((names, last)) if last == hint => names.push(name),
                _ => steps.push((vec![name], hint)),
            }
        }
        if let [(_, hint)] = steps.as_slice()
            && hint.contains("--ignore-preflight-errors")
        {
            return (*hint).to_owned();
        }
        let step = |(names, hint): &(Vec<&str>, &str)| match steps.len() {
            1 => (*hint).to_owned(),
            _ => format!("{}: {hint}", names.join(", ")),
        };
        let steps_shown: Vec<_> = steps.iter().map(step).collect();
        let between = if steps.len() == 1 { ", or" } else { "; or" };
        format!("{}{between} pass --ignore-preflight-errors={}", steps_shown.join("; "), names.join(","))
    }
}

#[cfg(test)]
mod tests;
