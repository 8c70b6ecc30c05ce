//! Whether a Node of our name may be ours.
//!
//! kubeadm refuses a Node that is Ready and takes over any other (`cmd/kubeadm/app/cmd/phases/join/kubelet.go`). So do we, except that
//! the same machine may come back at once: a Node with this machine's identity is no stranger, Ready or not.

use std::fmt;

use crate::error::{Code, Explain, codes};
use crate::host::HostFacts;
use crate::kube::types::{Node, NodeInfo};
use crate::values::NodeName;

/// What is known about the Node of our name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCheck {
    /// There is none, as far as we may see.
    Unused,
    /// It is this machine's own, from a previous join.
    SameMachine,
    /// It is not Ready, and another machine's or one that cannot be told apart.
    NotReady,
}

/// The name is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNameInUse {
    node: String,
}

/// Checks the Node that was found under our name.
///
/// # Errors
/// It is Ready, and not this machine's.
pub fn check_node_name(node: Option<&Node>, name: &NodeName, host: &HostFacts) -> Result<NameCheck, NodeNameInUse> {
    let Some(node) = node else { return Ok(NameCheck::Unused) };
    if is_same_machine(&node.status.node_info, host.machine_id.as_deref(), host.system_uuid.as_deref()) {
        return Ok(NameCheck::SameMachine);
    }
    if node.is_ready() {
        return Err(NodeNameInUse { node: name.to_string() });
    }
    Ok(NameCheck::NotReady)
}

/// Both identities must be known and equal: a cloned image shares its machine id, a board without DMI has no UUID of its own.
fn is_same_machine(theirs: &NodeInfo, machine_id: Option<&str>, system_uuid: Option<&str>) -> bool {
    let same = |ours: Option<&str>, theirs: &str| {
        ours.is_some_and(|ours| !ours.is_empty() && ours.eq_ignore_ascii_case(theirs))
    };
    same(machine_id, &theirs.machine_id) && same(system_uuid, &theirs.system_uuid)
}

impl fmt::Display for NodeNameInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a Node named {:?} is in the cluster, is Ready, and is another machine", self.node)
    }
}

impl std::error::Error for NodeNameInUse {}

impl Explain for NodeNameInUse {
    fn code(&self) -> &'static Code {
        &codes::NODE_NAME_IN_USE
    }

    fn hint(&self) -> String {
        format!("join with another --node-name, or run `kubectl delete node {}` on the control plane first", self.node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_the_same_only_by_both_identities() {
        let info = |id: &str, uuid: &str| NodeInfo { machine_id: id.to_owned(), system_uuid: uuid.to_owned() };
        for (theirs, id, uuid, same) in [
            (info("a", "B"), Some("a"), Some("b"), true),
            (info("a", "b"), Some("a"), Some("c"), false),
            (info("a", "b"), Some("c"), Some("b"), false),
            (info("", ""), Some(""), Some(""), false),
            (info("a", ""), Some("a"), None, false),
        ] {
            assert_eq!(is_same_machine(&theirs, id, uuid), same, "{theirs:?}");
        }
    }
}
