//! What one run does, and how long it waits.

use std::time::Duration;

use crate::config::Timeouts;
use crate::phase::Phase;
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

/// Which of kubeadm's phases run: all, all but those of `--skip-phases`, or the one of `join phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// `preflight`.
    pub preflight: bool,
    /// `kubelet-start`, with discovery and, unless the kubelet does it, TLS bootstrap.
    pub kubelet_start: bool,
    /// `kubelet-wait-bootstrap`: what was started is waited for.
    pub wait: bool,
}

impl Phases {
    /// The one phase of `join phase`; ours are part of `kubelet-start` and never alone.
    pub fn only(phase: Phase) -> Self {
        Phases {
            preflight: phase == Phase::Preflight,
            kubelet_start: phase == Phase::KubeletStart,
            wait: phase == Phase::KubeletWaitBootstrap,
        }
    }

    /// `join phase kubelet-start`.
    pub fn is_kubelet_start_alone(&self) -> bool {
        *self == Phases::only(Phase::KubeletStart)
    }

    /// All but those that are skipped by name.
    pub(super) fn without(skipped: &[String]) -> Self {
        Phases {
            preflight: !skips(skipped, Phase::Preflight),
            kubelet_start: !skips(skipped, Phase::KubeletStart),
            wait: !skips(skipped, Phase::KubeletWaitBootstrap),
        }
    }
}

/// Whether `--skip-phases` names a phase.
pub(super) fn skips(skipped: &[String], phase: Phase) -> bool {
    skipped.iter().any(|name| name == phase.name())
}
