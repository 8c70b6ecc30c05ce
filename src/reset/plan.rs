//! What a reset is to do, every default resolved.

use std::path::PathBuf;

use crate::clock::Clock;
use crate::config::ResetConfiguration;
use crate::node::paths;
use crate::phase::{RESET_PHASES, ResetPhase, find_of_reset};
use crate::plan::{Mode, Target};
use crate::rootfs::Root;

/// A reset.
#[derive(Clone, Debug)]
pub struct ResetPlan {
    /// Of which root.
    pub target: Target,
    /// What was configured.
    pub configuration: ResetConfiguration,
    /// What is done of it.
    pub phases: Phases,
    /// Whether it is done, or shown.
    pub mode: Mode,
    /// What the kubeconfig of the administrator is called; a path of this machine.
    pub kubeconfig: PathBuf,
    /// What CNI plug-ins have left goes, too.
    pub cni: bool,
    /// Images go, too.
    pub images: bool,
    /// Which clock judges certificates.
    pub clock: Clock,
    /// The user that this program runs as.
    pub euid: u32,
}

/// The administrator's kubeconfig in a root.
pub(super) fn default_kubeconfig(root: &Root) -> PathBuf {
    root.outside(&paths::ADMIN_CONF)
}

/// Phases that are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phases(Vec<ResetPhase>);

impl Phases {
    /// All but those of these names.
    pub fn without(skipped: &[String]) -> Self {
        let is_skipped = |phase: &ResetPhase| skipped.iter().any(|name| find_of_reset(name) == Some(*phase));
        Phases(RESET_PHASES.into_iter().filter(|phase| !is_skipped(phase)).collect())
    }

    /// One alone.
    pub fn only(phase: ResetPhase) -> Self {
        Phases(vec![phase])
    }

    /// Whether a phase is run.
    pub fn contains(&self, phase: ResetPhase) -> bool {
        self.0.contains(&phase)
    }
}
