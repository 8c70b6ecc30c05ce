//! The set of a diagnosis: the checks of a worker and of its cluster, one by one and in an order of the caller's. What they find is
//! handed over and not reported.

use super::cluster_checks::{self, ClusterRequirements};
use super::engine::Seen;
use super::subject::Subject;
use super::worker::{checks, engine};
use crate::node::state::NodeState;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::rootfs::Root;

/// What only root can say: everything of a node belongs to root.
const FOR_ROOT: &str = "DirectoryOwner";
/// What is right on a machine that is going to be a node, and not on one: its files are there, and its kubelet listens.
const BEFORE_A_JOIN: [&str; 2] = ["FileAvailable-", "Port-"];

/// A machine that is looked at.
pub struct Diagnosis<'a> {
    subject: Subject<'a>,
    is_node: bool,
}

impl<'a> Diagnosis<'a> {
    /// Nothing has been looked at yet. `is_node`: it is a node, and not a machine that is to become one.
    pub fn new(plan: &'a JoinPlan, root: &'a Root, state: &'a NodeState, is_node: bool, report: &'a Report) -> Self {
        Diagnosis { subject: Subject::new(plan, root, state, plan.target.init_system(), report), is_node }
    }

    /// The clock.
    pub fn clock(&self) -> Vec<Seen> {
        // The last of the set.
        let checks = checks();
        engine(&self.subject).look(&checks[checks.len() - 1..], &self.subject, &|_| true)
    }

    /// Everything else that needs no cluster.
    pub fn machine(&self) -> Vec<Seen> {
        let checks = checks();
        engine(&self.subject).look(&checks[..checks.len() - 1], &self.subject, &|name| self.is_wanted(name))
    }

    /// What the configuration of its kubelet asks of it.
    pub fn requirements(&self, requirements: &ClusterRequirements<'_>) -> Vec<Seen> {
        let is_wanted = |name: &str| self.is_wanted(name);
        cluster_checks::look(&engine(&self.subject), &self.subject, requirements, &is_wanted)
    }

    fn is_wanted(&self, name: &str) -> bool {
        let is_for_others = name == FOR_ROOT && self.subject.plan.host.euid != 0;
        let is_past = self.is_node && BEFORE_A_JOIN.iter().any(|prefix| name.starts_with(prefix));
        !is_for_others && !is_past
    }
}
