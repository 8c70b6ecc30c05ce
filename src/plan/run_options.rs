//! What one run does, and how long it waits.

use std::time::Duration;

use crate::config::Timeouts;
use crate::phase::{self, Applies, Phase, PhaseSpec};
use crate::retry::{Jitter, Retry};

/// kubeadm's longest pause between attempts (`cmd/kubeadm/app/constants/constants.go`, `DiscoveryRetryInterval`).
const RETRY_CAP: Duration = Duration::from_secs(5);
/// The first pause between attempts.
const RETRY_FIRST: Duration = Duration::from_millis(500);

/// What this run does.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Change something, or only show it.
    pub mode: Mode,
    /// Which of kubeadm's phases run.
    pub phases: Phases,
    /// Who requests the node's certificate.
    pub tls_bootstrap: TlsBootstrapBy,
    /// Preflight checks whose errors are warnings: lower-case names, or `all`.
    pub ignore_preflight_errors: Vec<String>,
    /// Waits.
    pub timeouts: Timeouts,
    /// Spreads retries over a fleet.
    pub jitter: Jitter,
    /// How long this machine waits for its turn before the cluster is asked.
    pub turn: Duration,
    /// Step the system clock to the verified server's.
    pub set_clock: bool,
    /// What a node that has joined does about settings that have changed since.
    pub changes: ChangePolicy,
}

/// What a node that has joined does about settings that have changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangePolicy {
    /// Says what differs, and refuses another name or another cluster, as kubeadm does.
    Report,
    /// Verifies what has changed, and makes it so.
    Apply,
}

impl RunOptions {
    /// Retries until `wait` from now, spread over the fleet.
    pub fn retry(&self, wait: Duration) -> Retry {
        Retry::within(wait, RETRY_FIRST, RETRY_CAP, self.jitter)
    }
}

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Commit it and start the kubelet.
    Apply,
    /// Show it; change nothing, here or in the cluster.
    DryRun,
}

/// Who requests the node's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsBootstrapBy {
    /// This program, before the kubelet is started.
    Kubejoin,
    /// The kubelet, with the token in `bootstrap-kubelet.conf`: `--skip-phases tls-bootstrap`, kubeadm's way.
    Kubelet,
}

/// Which phases run: all, all but those of `--skip-phases`, or those of `join phase`. One bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases(u32);

impl Phases {
    /// These alone; ours are part of `kubelet-start` and never alone.
    pub fn only(phases: impl IntoIterator<Item = Phase>) -> Self {
        Phases(phases.into_iter().fold(0, |bits, phase| bits | bit(phase)))
    }

    /// All but those that are skipped by their names or their parents'. `all` skips nothing, as in kubeadm.
    pub(super) fn without(skipped: &[String]) -> Self {
        let rest = phase::NAMES.iter().filter(|spec| !skipped.iter().any(|name| spec.is_named_by(name)));
        Phases::only(rest.filter(|spec| spec.applies != Applies::AllSiblings).flat_map(PhaseSpec::phases))
    }

    /// Whether a phase runs.
    pub fn contains(self, phase: Phase) -> bool {
        self.0 & bit(phase) != 0
    }

    /// Whether any of these runs.
    pub fn any(self, phases: &[Phase]) -> bool {
        phases.iter().any(|phase| self.contains(*phase))
    }

    /// Whether there is anything of a control plane, where one is to be made.
    pub fn has_control_plane(self) -> bool {
        self.any(&PREPARE) || self.any(&JOIN)
    }

    /// Whether a control plane would have to run.
    pub fn needs_running_system(self) -> bool {
        self.contains(Phase::KubeletStart) || self.any(&JOIN)
    }

    /// `join phase kubelet-start`.
    pub fn is_kubelet_start_alone(self) -> bool {
        self == Phases::only([Phase::KubeletStart])
    }
}

/// The phases that make files of a control plane.
const PREPARE: [Phase; 4] = [Phase::DownloadCerts, Phase::Certs, Phase::Kubeconfig, Phase::ControlPlane];
/// Those that make it one.
const JOIN: [Phase; 4] = [Phase::CheckEtcd, Phase::EtcdJoin, Phase::MarkControlPlane, Phase::WaitControlPlane];

fn bit(phase: Phase) -> u32 {
    1 << phase as u32
}

/// Whether `--skip-phases` names a phase.
pub(super) fn skips(skipped: &[String], phase: Phase) -> bool {
    skipped.iter().any(|name| name == phase.name())
}
