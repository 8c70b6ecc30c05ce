//! Which case a run has found, in the words of its report.

use crate::error::Failure;
use crate::node::paths;
use crate::node::state::{Conflict, NodeState, Unusable};
use crate::rootfs::Root;

/// Which case a run has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// The machine has not joined before.
    New,
    /// A join was interrupted before its commit point.
    Interrupted,
    /// The certificate has expired.
    Expired,
    /// The certificate was about to expire, and has been renewed with itself.
    Renewed,
    /// What is on the disk cannot be used.
    Damaged,
    /// The settings name another node.
    NameChanged,
    /// The settings name another cluster.
    ClusterChanged,
    /// The cluster has another API server for its nodes.
    EndpointChanged,
    /// Settings of the kubelet have changed.
    SettingsChanged,
    /// The node is as its settings describe it.
    Well,
}

impl Case {
    /// The case of a machine that is going to join.
    pub(super) fn of(state: &NodeState, root: &Root) -> Result<Case, Failure> {
        Ok(match state {
            NodeState::Unusable(Unusable::Expired) => Case::Expired,
            NodeState::Unusable(_) => Case::Damaged,
            NodeState::Superseded(Conflict::Node) => Case::NameChanged,
            NodeState::Superseded(_) => Case::ClusterChanged,
            NodeState::Nothing if root.exists(&paths::PENDING_KEY)? => Case::Interrupted,
            NodeState::Nothing | NodeState::Joined(_) | NodeState::Conflict(_) => Case::New,
        })
    }

    /// This one, where it is not that all is well; else the other.
    pub(super) fn or(self, other: Case) -> Case {
        if self == Case::Well { other } else { self }
    }

    /// The name in `result.json`.
    pub fn name(self) -> &'static str {
        match self {
            Case::New => "new",
            Case::Interrupted => "interrupted",
            Case::Expired => "expired",
            Case::Renewed => "renewed",
            Case::Damaged => "damaged",
            Case::NameChanged => "name-changed",
            Case::ClusterChanged => "cluster-changed",
            Case::EndpointChanged => "endpoint-changed",
            Case::SettingsChanged => "settings-changed",
            Case::Well => "well",
        }
    }
}
