//! The set of a worker: which checks, under which names, in which order.

use super::cluster_checks::{self, ClusterRequirements};
use super::control_plane::{self, ControlPlaneRequirements};
use super::engine::{Check, Engine, Scope};
use super::error::PreflightError;
use super::subject::Subject;
use super::{files, images, kubelet, kubelet_flags, machine, mounts, runtime, system, target};
use crate::config::ImagePullPolicy;
use crate::node::paths;
use crate::node::state::NodeState;
use crate::phase::Phase;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::rootfs::Root;

/// A machine whose checks have passed, as far as they need no cluster.
pub struct LocalChecksPassed<'a>(Subject<'a>);

/// Ends the join by itself, before the others (kubeadm `RunRootCheckOnly`).
fn root_check<'a>() -> Check<Subject<'a>> {
    Check::new("IsPrivilegedUser", Scope::RunningSystem, machine::privileged_user)
}

/// Made later than in kubeadm, where the network can be asked meanwhile.
fn version_check<'a>() -> Check<Subject<'a>> {
    Check::new("KubeletVersion", Scope::RunningSystem, kubelet::version)
}

/// Of the same answer.
fn flags_check<'a>() -> Check<Subject<'a>> {
    Check::new("KubeletFlags", Scope::RunningSystem, kubelet_flags::accepted)
}

/// kubeadm's, in its order, then ours.
pub(super) fn checks<'a>() -> [Check<Subject<'a>>; 23] {
    use Scope::{RunningKernel, RunningSystem, Target};
    [
        Check::named(|_| Some(files::name(&paths::KUBELET_CONF)), Target, files::kubelet_conf),
        Check::named(|_| Some(files::name(&paths::BOOTSTRAP_KUBELET_CONF)), Target, files::bootstrap_kubelet_conf),
        Check::new("CRI", RunningSystem, runtime::ready),
        Check::new("ContainerRuntimeVersion", RunningSystem, runtime::version),
        Check::new("Swap", RunningSystem, machine::swap),
        Check::new("FileExisting-losetup", RunningSystem, |subject| machine::in_path(subject, "losetup")),
        Check::new("FileExisting-mount", RunningSystem, |subject| machine::in_path(subject, "mount")),
        Check::new("FileExisting-cp", RunningSystem, |subject| machine::in_path(subject, "cp")),
        Check::new("SystemVerification", RunningSystem, system::verification),
        Check::new("Hostname", Target, machine::hostname),
        version_check(),
        Check::new("Service-kubelet", RunningSystem, kubelet::service),
        Check::new("Port-10250", RunningSystem, kubelet::port),
        Check::named(files::ca_cert_name, Target, files::ca_cert),
        Check::new("HTTPProxy", Target, machine::http_proxy),
        Check::named(machine::forwarding_name, RunningSystem, machine::forwarding),
        Check::named(system::memory_name, RunningKernel, system::memory),
        Check::new("TargetMounted", Target, mounts::mounted),
        Check::new("TargetWritable", Target, target::writable),
        Check::new("DirectoryOwner", Target, target::directory_owner),
        Check::new("DefaultHostname", Target, target::default_name),
        flags_check(),
        Check::new("Clock", Target, target::clock),
    ]
}

/// Makes every check that means something here, reports what is only worth a warning, and fails with the rest.
///
/// `plan.options.ignore_preflight_errors` makes warnings of errors: lower-case names, or `all`.
///
/// # Errors
/// One, with every error that was not ignored.
pub fn run<'a>(
    plan: &'a JoinPlan,
    root: &'a Root,
    state: &'a NodeState,
    report: &'a Report,
) -> Result<LocalChecksPassed<'a>, PreflightError> {
    let subject = Subject::new(plan, root, state, plan.target.init_system(), report);
    let engine = engine(&subject);
    report.info(Phase::Preflight, "Checking this machine");
    engine.run(&[root_check()], &subject)?;
    let checks = checks();
    let left_out = engine.left_out(&checks, &subject);
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        report.info(Phase::Preflight, format_args!("left out, the target root is not running: {left_out}"));
    }
    if plan.target.is_this_system() && plan.options.phases.contains(Phase::KubeletStart) {
        subject.ask_kubelet();
    }
    let mut errors = engine.errors(&checks, &subject);
    // There is no later any more.
    if !errors.is_empty() && subject.end_of_waiting() {
        errors.extend(engine.errors(&[version_check(), flags_check()], &subject));
    }
    PreflightError::fail_if_any(errors)?;
    Ok(LocalChecksPassed(subject))
}

impl LocalChecksPassed<'_> {
    /// Checks whether this machine can be the control plane that its cluster's configuration describes.
    ///
    /// # Errors
    /// As [`run`].
    pub fn as_control_plane(&self, requirements: ControlPlaneRequirements<'_>) -> Result<(), PreflightError> {
        control_plane::run(&engine(&self.0), &self.0, requirements)
    }

    /// Sees to it that the container runtime has the images of a control plane.
    ///
    /// # Errors
    /// As [`run`].
    pub fn pull_images(&self, images: &[String], policy: ImagePullPolicy) -> Result<(), PreflightError> {
        images::run(&engine(&self.0), &self.0, images, policy)
    }

    /// Checks this machine against what its cluster requires.
    ///
    /// # Errors
    /// As [`run`].
    pub fn after_discovery(&self, requirements: &ClusterRequirements<'_>) -> Result<(), PreflightError> {
        cluster_checks::run(&engine(&self.0), &self.0, requirements)
    }
}

/// The engine as this join wants it.
pub(super) fn engine<'a>(subject: &Subject<'a>) -> Engine<'a> {
    let plan = subject.plan;
    let is_this_system = plan.target.is_this_system();
    Engine {
        section: Phase::Preflight.name(),
        ignored: &plan.options.ignore_preflight_errors,
        is_this_system,
        is_this_kernel: is_this_system || plan.host.is_initramfs,
        report: subject.report,
    }
}
