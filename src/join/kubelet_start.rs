//! The kubelet: enabled or started, waited for, and its Node seen in the cluster.

use std::time::Duration;

use zeroize::Zeroizing;

use super::outcome::KubeletState;
use crate::cluster::cluster_configuration::ClusterConfiguration;
use crate::discovery::ClusterInfo;
use crate::error::{Explain, Failure, codes};
use crate::kubelet::configuration::KubeletConfiguration;
use crate::kubelet::cri_socket::{self, CriSocketHandover};
use crate::node::registration::Registered;
use crate::node::{health, kubelet_bootstrap, paths};
use crate::phase::Phase;
use crate::plan::{JoinPlan, Mode, Target};
use crate::report::Report;
use crate::rootfs::{Entry, Root, RootError};
use crate::services::{self, Enablement, InitSystem, Started, enablement};
use crate::tls_bootstrap::Credentials;

/// Largest file of ours that is read back, in bytes.
const MAX_CONFIGURATION: usize = 1 << 20;

/// The links that make a root that is not running start the kubelet when it is booted; none on this system.
pub(super) fn unit_links(target: &Target, root: &Root, report: &Report) -> Result<Vec<Entry>, Failure> {
    if target.is_this_system() {
        return Ok(Vec::new());
    }
    let Enablement { entries, warnings } = enablement(root, services::KUBELET)?;
    for why in &warnings {
        report.warn(Phase::KubeletStart, Some(why.code()), format_args!("{why}; {}", why.hint()));
    }
    Ok(entries)
}

/// Starts the kubelet where it can be started, and waits until it is healthy.
pub(super) fn start(
    plan: &JoinPlan,
    root: &Root,
    init: &InitSystem,
    configuration: &KubeletConfiguration,
    report: &Report,
) -> Result<KubeletState, Failure> {
    let started = init.start(services::KUBELET).inspect_err(|_| report_end_of_log(init, Phase::KubeletStart, report));
    match started? {
        Started::Now => report.info(Phase::KubeletStart, "Starting the kubelet"),
        Started::Queued => {
            report.info(Phase::KubeletStart, "The kubelet starts when this unit is done: it is ordered behind it");
            return Ok(KubeletState::Queued);
        }
        Started::AtBoot if enablement(root, services::KUBELET)?.has_no_effect() => return Ok(KubeletState::NotEnabled),
        Started::AtBoot => return Ok(KubeletState::Enabled),
        Started::ByUser => {
            let text = "no init system was found; start the kubelet yourself";
            report.warn(Phase::KubeletStart, None, text);
            return Ok(KubeletState::Unmanaged);
        }
    }
    if !plan.options.phases.contains(Phase::KubeletWaitBootstrap) {
        return Ok(KubeletState::Started);
    }
    wait_for_started(plan, root, init, configuration, report)?;
    Ok(KubeletState::Healthy)
}

/// The same for a control plane, whose join needs the kubelet before the unit that this runs in has ended; one that runs is left
/// alone.
pub(super) fn start_control_plane(
    plan: &JoinPlan,
    root: &Root,
    init: &InitSystem,
    configuration: &KubeletConfiguration,
    report: &Report,
) -> Result<KubeletState, Failure> {
    if !matches!(init.is_active(services::KUBELET), Ok(true)) {
        let started =
            init.start_at_once(services::KUBELET).inspect_err(|_| report_end_of_log(init, Phase::KubeletStart, report));
        match started? {
            Started::Now => report.info(Phase::KubeletStart, "Starting the kubelet"),
            Started::Queued => return Ok(KubeletState::Queued),
            Started::AtBoot => return Ok(KubeletState::Enabled),
            Started::ByUser => {
                let text = "no init system was found; start the kubelet yourself: it starts etcd";
                report.warn(Phase::KubeletStart, None, text);
                return Ok(KubeletState::Unmanaged);
            }
        }
    }
    if !plan.options.phases.contains(Phase::KubeletWaitBootstrap) {
        return Ok(KubeletState::Started);
    }
    // A start that was not waited for is no end.
    wait_for(Waiting::of(plan, init), root, configuration, report)?;
    Ok(KubeletState::Healthy)
}

/// Waits for a kubelet that the init system has started: healthz, then `kubelet.conf`.
pub(super) fn wait_for_started(
    plan: &JoinPlan,
    root: &Root,
    init: &InitSystem,
    configuration: &KubeletConfiguration,
    report: &Report,
) -> Result<(), Failure> {
    wait_for(Waiting { started_by: StartedBy::ThisRun, ..Waiting::of(plan, init) }, root, configuration, report)
}

/// Whether the kubelet of this system runs, as far as the init system can say, and answers at its healthz. One question each,
/// no wait.
pub(super) fn is_well(root: &Root, init: &InitSystem) -> Result<bool, Failure> {
    if matches!(init.is_active(services::KUBELET), Ok(false)) {
        return Ok(false);
    }
    Ok(match KubeletConfiguration::read(&written_configuration(root)?) {
        Ok(configuration) => configuration.healthz().is_none_or(|address| health::answers(&address)),
        // The kubelet cannot read it either.
        Err(_) => false,
    })
}

/// Waits for the Node of a kubelet that is healthy; clusters older than 1.34 expect an annotation on it. A node that has not
/// appeared is a node all the same: what fails is a warning.
pub(super) fn wait_for_registration(
    plan: &JoinPlan,
    info: &ClusterInfo,
    cluster: &ClusterConfiguration,
    credentials: Option<&Credentials>,
    state: KubeletState,
    report: &Report,
) -> KubeletState {
    let wanted = CriSocketHandover::of(cluster).needs_annotation();
    let annotation = wanted.then_some((cri_socket::ANNOTATION, plan.node.cri_socket.as_str()));
    let wait = plan.options.timeouts.kubernetes_api_call;
    let registered = match (state, credentials) {
        (KubeletState::Healthy, Some(credentials)) => {
            let registered = Registered::wait(&plan.access, &plan.node.name, wait, info, credentials);
            registered.map_err(|error| report.warn(Phase::KubeletWaitBootstrap, Some(error.code()), error)).ok()
        }
        _ => None,
    };
    let Some(mut node) = registered else {
        if let Some((name, value)) = annotation {
            let text = format_args!("the Node has to be annotated with {name}={value} once it is registered");
            report.warn(Phase::KubeletWaitBootstrap, Some(&codes::NODE_NOT_ANNOTATED), text);
        }
        return state;
    };
    report.info(Phase::KubeletWaitBootstrap, format_args!("{node} is registered"));
    if let Some((name, value)) = annotation {
        match node.annotate(name, value) {
            Ok(()) => report.info(Phase::KubeletWaitBootstrap, format_args!("{node} is annotated with {name}")),
            Err(error) => report.warn(Phase::KubeletWaitBootstrap, Some(&codes::NODE_NOT_ANNOTATED), error),
        }
    }
    KubeletState::Registered
}

/// `kubelet-wait-bootstrap` by itself: what it has to know, which is much less than a join.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// For the kubelet's healthz.
    pub healthy: Duration,
    /// For its `kubelet.conf`.
    pub bootstrapped: Duration,
    /// Wait, or only say so.
    pub mode: Mode,
    /// The root that the kubelet runs in.
    pub target: &'a Target,
    /// Who keeps its log.
    pub init: &'a InitSystem,
    /// Whether the init system's word that it has ended counts.
    pub started_by: StartedBy,
}

/// Who started the kubelet that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// This run, by the init system: what that says of it counts.
    ThisRun,
    /// Anyone, in any way.
    Anyone,
}

impl<'a> Waiting<'a> {
    pub(super) fn of(plan: &'a JoinPlan, init: &'a InitSystem) -> Self {
        Waiting {
            healthy: plan.options.timeouts.kubelet_health_check,
            bootstrapped: plan.options.timeouts.tls_bootstrap,
            mode: plan.options.mode,
            target: &plan.target,
            init,
            started_by: StartedBy::Anyone,
        }
    }
}

/// Waits for a kubelet that anyone has started: healthz, then `kubelet.conf`; then its token is removed.
///
/// # Errors
/// It does not become healthy, or gets no certificate, in time; or its configuration cannot be read.
pub fn wait_bootstrap(waiting: Waiting<'_>, root: &Root, report: &Report) -> Result<(), Failure> {
    report.phase(Phase::KubeletWaitBootstrap);
    if !waiting.target.is_this_system() {
        report.info(Phase::KubeletWaitBootstrap, "Nothing to wait for: the target root is not running");
        return Ok(());
    }
    if waiting.mode == Mode::DryRun {
        report.info(Phase::KubeletWaitBootstrap, "Would wait for the kubelet and its certificate");
        return Ok(());
    }
    wait_for(waiting, root, &KubeletConfiguration::read(&written_configuration(root)?)?, report)
}

/// `config.yaml` as it is on the disk; empty where there is none.
///
/// # Errors
/// It cannot be read.
pub fn written_configuration(root: &Root) -> Result<Zeroizing<Vec<u8>>, RootError> {
    Ok(root.read(&paths::KUBELET_CONFIG, MAX_CONFIGURATION)?.unwrap_or_default())
}

/// The token is removed, also when the wait failed (kubeadm does the same): the next run writes it again.
fn wait_for(
    waiting: Waiting<'_>,
    root: &Root,
    configuration: &KubeletConfiguration,
    report: &Report,
) -> Result<(), Failure> {
    report.phase(Phase::KubeletWaitBootstrap);
    let init = waiting.init;
    // An init system that cannot say whether it has ended says nothing.
    let runs = || waiting.started_by == StartedBy::Anyone || !matches!(init.is_active(services::KUBELET), Ok(false));
    let waited = health::healthy(configuration.healthz(), waiting.healthy, runs, report)
        .map_err(Failure::from)
        .and_then(|()| Ok(kubelet_bootstrap::wait(root, waiting.bootstrapped, report)?));
    if waited.is_err() {
        report_end_of_log(init, Phase::KubeletWaitBootstrap, report);
    }
    if root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? {
        kubelet_bootstrap::remove_bootstrap_kubeconfig(root)?;
    }
    waited
}

/// What the kubelet itself says of its trouble, before the error: there may be no way to log in to the machine.
fn report_end_of_log(init: &InitSystem, phase: Phase, report: &Report) {
    let Some(end) = init.log_end(services::KUBELET) else { return };
    report.info(phase, format_args!("The kubelet's log ends with ({}):", end.source));
    for line in end.lines {
        report.info(phase, format_args!("| {line}"));
    }
}
