//! What the checks of a joining node look at.

use std::cell::{Cell, OnceCell};

use super::given_flags::{self, GivenFlag};
use super::kubelet_version::{KubeletVersion, NoVersion};
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
    /// What several checks ask is asked once.
    kubelet: KubeletVersion,
    /// Its version is waited for after discovery.
    is_version_late: Cell<bool>,
    kubelet_flags: OnceCell<Vec<GivenFlag>>,
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
        Subject {
            plan,
            root,
            state,
            init,
            report,
            kubelet: KubeletVersion::default(),
            is_version_late: Cell::new(false),
            kubelet_flags: OnceCell::new(),
            runtime: OnceCell::new(),
        }
    }

    /// Lets the kubelet load beside the network: its version is waited for after discovery. That there is none is known
    /// before.
    pub(super) fn ask_kubelet(&self) {
        self.kubelet.ask(&self.plan.host, &self.askable_flags());
        self.is_version_late.set(self.kubelet.known().is_none());
    }

    /// Whether the version has not been waited for; from now on it is.
    pub(super) fn end_of_waiting(&self) -> bool {
        self.is_version_late.replace(false)
    }

    /// The version of the kubelet that is installed here; nothing while that is not waited for.
    pub(super) fn kubelet_in_time(&self) -> Option<Result<&Version, &NoVersion>> {
        if self.is_version_late.get() { self.kubelet.known() } else { Some(self.kubelet()) }
    }

    /// The version of the kubelet that is installed here, waited for.
    pub(super) fn kubelet(&self) -> Result<&Version, &NoVersion> {
        self.kubelet.get(&self.plan.host, || self.askable_flags())
    }

    /// What the kubelet says to the flags that it will be started with, where it does not take them; nothing while that is not
    /// waited for.
    pub(super) fn kubelet_refusal(&self) -> Option<&str> {
        if self.is_version_late.get() {
            return None;
        }
        self.kubelet.refusal(&self.plan.host, || self.askable_flags())
    }

    /// The flags that the kubelet will be started with.
    pub(super) fn kubelet_flags(&self) -> &[GivenFlag] {
        self.kubelet_flags.get_or_init(|| given_flags::given(self.plan, self.root, self.state))
    }

    fn askable_flags(&self) -> Vec<String> {
        given_flags::askable(self.kubelet_flags())
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
