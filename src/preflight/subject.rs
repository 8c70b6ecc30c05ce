//! What the checks of a joining node look at.

use std::cell::OnceCell;

use super::kubelet_version::{self, NoVersion};
use super::runtime_answers::{self, Answers};
use crate::cri::CriError;
use crate::node::state::NodeState;
use crate::plan::{JoinPlan, Mode};
use crate::report::Report;
use crate::rootfs::Root;
use crate::services::InitSystem;
use crate::values::Version;

/// A machine that is to become a node.
pub(super) struct Subject<'a> {
    pub(super) plan: &'a JoinPlan,
    pub(super) root: &'a Root,
    pub(super) state: &'a NodeState,
    pub(super) init: InitSystem,
    pub(super) report: &'a Report,
    /// What several checks ask is asked once: the kubelet's version is 70 MB from a slow card.
    kubelet: OnceCell<Result<Version, NoVersion>>,
    runtime: OnceCell<Result<Answers, CriError>>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        plan: &'a JoinPlan,
        root: &'a Root,
        state: &'a NodeState,
        init: InitSystem,
        report: &'a Report,
    ) -> Subject<'a> {
        Subject { plan, root, state, init, report, kubelet: OnceCell::new(), runtime: OnceCell::new() }
    }

    /// The version of the kubelet that is installed here.
    pub(super) fn kubelet(&self) -> Result<&Version, &NoVersion> {
        self.kubelet.get_or_init(|| kubelet_version::ask(&self.plan.host)).as_ref()
    }

    /// The container runtime's answers.
    pub(super) fn runtime(&self) -> Result<&Answers, &CriError> {
        self.runtime.get_or_init(|| runtime_answers::ask(&self.plan.node.cri_socket, self.report)).as_ref()
    }

    /// Whether this run changes the system that runs.
    pub(super) fn changes_this_system(&self) -> bool {
        self.plan.target.is_this_system() && self.plan.options.mode == Mode::Apply
    }
}
