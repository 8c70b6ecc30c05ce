//! Whether a Node of our name may be ours.
//!
//! kubeadm refuses a Node that is Ready and takes over any other (`cmd/kubeadm/app/cmd/phases/join/kubelet.go`). So do we, except that
//! the same machine may come back at once: a Node with this machine's identity is its own, Ready or not.
//!
//! A machine is known by two identities that do not come from the same place: the machine-id, which is on the disk, and one
//! that is not. Of what a kubelet reports, that is the system UUID where the firmware or the device tree has one of the
//! machine's own, and the boot ID, which is the same as long as the machine has not been restarted.
//!
//! A root that has no machine-id yet, as that of a machine without a disk at every boot, says nothing against the UUID: that one
//! belongs to the firmware, and a copy of a disk has another. So it is enough there, on the machine itself. What it believes
//! too much is a virtual machine that was copied together with its UUID. The machine-id that systemd makes of the UUID in a
//! virtual machine would say nothing more.
//!
//! A board without such a UUID, as a Raspberry Pi is, reports its machine-id twice; a cloned disk has it, too. The serial
//! number in its device tree is not reported by any kubelet, so there is nothing in the cluster to compare it with; and what a
//! join would write down of it on the disk is cloned together with the machine-id. After a restart such a board is therefore
//! as unknown as its clone.
//!
//! Who is unknown waits: the Node of a machine that has been restarted is not Ready within a minute of its kubelet having
//! stopped, and that of another machine stays Ready. So nobody takes a Ready Node from a machine that may be another one, and
//! a clone waits for ever, with the reason on its console. Who is known to be another machine is refused.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::host::{HostFacts, UuidSource};
use crate::kube::types::{Node, NodeInfo};
use crate::text::UntrustedText;
use crate::values::NodeName;

/// What is known about the Node of our name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCheck {
    /// There is none, as far as we may see.
    Unused,
    /// It is this machine's own, from a previous join.
    SameMachine,
    /// It is not Ready, and another machine's or one that cannot be distinguished.
    NotReady,
}

/// The name is in use.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeNameInUse {
    node: String,
    by: OwnerOfNode,
}

/// Whose a Node is, as far as identities say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnerOfNode {
    /// This machine.
    Us,
    /// This machine or another one.
    Unknown(Why),
    /// Another machine.
    Other,
}

/// Why it is not known whose a Node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The machine-id is the same, and there is nothing else: this disk, or a copy of it.
    MachineIdAlone,
    /// The UUID is the same, and the machine-id is not: this machine with another disk, or one with a UUID that is not unique.
    UuidAlone,
    /// The target root has no machine-id yet, and there is nothing else.
    NoMachineId,
}

/// Checks the Node that was found under our name.
///
/// # Errors
/// It is Ready, and not known to be this machine's.
pub fn check_node_name(node: Option<&Node>, name: &NodeName, host: &HostFacts) -> Result<NameCheck, NodeNameInUse> {
    let Some(node) = node else { return Ok(NameCheck::Unused) };
    match owner(&node.status.node_info, host) {
        OwnerOfNode::Us => Ok(NameCheck::SameMachine),
        by if node.is_ready() => Err(NodeNameInUse { node: name.to_string(), by }),
        OwnerOfNode::Unknown(_) | OwnerOfNode::Other => Ok(NameCheck::NotReady),
    }
}

/// Whose a Node is, for what goes by its name in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This machine's.
    ThisMachine,
    /// Another machine's.
    AnotherMachine {
        /// What its kubelet has reported.
        theirs: String,
        /// What this machine is known by.
        ours: String,
    },
    /// This machine's or another one's.
    Unknown,
}

/// Compares the identities that its kubelet has reported with this machine's.
pub fn owner_of(node: &Node, host: &HostFacts) -> Owner {
    let info = &node.status.node_info;
    let shown = |machine_id: &str, uuid: &str| {
        let text = format!("machine-id {machine_id}, system UUID {uuid}");
        UntrustedText::new(&text, None).to_string()
    };
    match owner(info, host) {
        OwnerOfNode::Us => Owner::ThisMachine,
        // The board, with another disk or system; whoever else has this UUID would be Ready.
        OwnerOfNode::Unknown(Why::UuidAlone) if !node.is_ready() => Owner::ThisMachine,
        OwnerOfNode::Unknown(_) => Owner::Unknown,
        OwnerOfNode::Other => Owner::AnotherMachine {
            theirs: shown(&info.machine_id, &info.system_uuid),
            ours: shown(
                host.machine_id.as_deref().unwrap_or("unknown"),
                host.system_uuid.as_ref().map_or("unknown", |uuid| &uuid.value),
            ),
        },
    }
}

fn owner(theirs: &NodeInfo, host: &HostFacts) -> OwnerOfNode {
    // Older kubelets leave the NUL at the end of what a device tree says.
    let same = |ours: &str, theirs: &str| {
        !ours.is_empty() && ours.eq_ignore_ascii_case(theirs.trim_end_matches('\0').trim_end())
    };
    let has_uuid = host.system_uuid.as_ref().map(|uuid| same(&uuid.value, &theirs.system_uuid));
    let has_own_uuid =
        has_uuid == Some(true) && host.system_uuid.as_ref().is_some_and(|uuid| uuid.source == UuidSource::Machine);
    let is_same_boot = host.boot_id.as_deref().is_some_and(|ours| same(ours, &theirs.boot_id));
    match host.machine_id.as_deref().map(|ours| same(ours, &theirs.machine_id)) {
        Some(true) if has_uuid == Some(false) => OwnerOfNode::Other,
        Some(true) if is_same_boot || has_own_uuid => OwnerOfNode::Us,
        Some(true) => OwnerOfNode::Unknown(Why::MachineIdAlone),
        Some(false) if has_own_uuid => OwnerOfNode::Unknown(Why::UuidAlone),
        Some(false) => OwnerOfNode::Other,
        // The UUID of the machine that runs says nothing about a root that may be another's.
        None if !host.is_target_machine => OwnerOfNode::Unknown(Why::NoMachineId),
        None if has_own_uuid => OwnerOfNode::Us,
        None if has_uuid == Some(false) && !theirs.system_uuid.is_empty() => OwnerOfNode::Other,
        None => OwnerOfNode::Unknown(Why::NoMachineId),
    }
}

impl fmt::Display for NodeNameInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a Node named {:?} is in the cluster, is Ready, and ", self.node)?;
        f.write_str(match self.by {
            OwnerOfNode::Unknown(Why::MachineIdAlone) => {
                "has this machine's machine-id, which a copy of its disk has, too; nothing else identifies this machine"
            }
            OwnerOfNode::Unknown(Why::UuidAlone) => {
                "has this machine's system UUID with another machine-id: it is this machine with another disk or system, or \
                 another machine with the same UUID"
            }
            OwnerOfNode::Unknown(Why::NoMachineId) => {
                "cannot be compared with this machine, whose root has no machine-id yet; nothing else identifies it"
            }
            OwnerOfNode::Us | OwnerOfNode::Other => "is another machine",
        })
    }
}

debug_as_display!(NodeNameInUse);

impl std::error::Error for NodeNameInUse {}

impl Explain for NodeNameInUse {
    fn code(&self) -> &'static Code {
        match self.by {
            OwnerOfNode::Unknown(_) => &codes::NODE_OWNER_UNKNOWN,
            OwnerOfNode::Us | OwnerOfNode::Other => &codes::NODE_NAME_IN_USE,
        }
    }

    fn hint(&self) -> String {
        let node = &self.node;
        match self.by {
            OwnerOfNode::Unknown(why) => {
                let copy = if why == Why::MachineIdAlone { ", and a machine-id of its own" } else { "" };
                format!(
                    "if it is this machine's, run this again once `kubectl get nodes` on the control plane shows {node} as \
                     NotReady, within a minute of its kubelet having stopped; if it stays Ready, it is another machine's, \
                     and this one needs another --node-name{copy}"
                )
            }
            OwnerOfNode::Us | OwnerOfNode::Other => {
                format!("join with another --node-name, or run `kubectl delete node {node}` on the control plane first")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::SystemUuid;
    use crate::kube::types::{Condition, NodeStatus};

    fn node(is_ready: bool, machine_id: &str, system_uuid: &str, boot_id: &str) -> Node {
        let status = if is_ready { "True" } else { "Unknown" };
        let ready = Condition { kind: "Ready".to_owned(), status: status.to_owned(), ..Condition::default() };
        let node_info = NodeInfo {
            machine_id: machine_id.to_owned(),
            system_uuid: system_uuid.to_owned(),
            boot_id: boot_id.to_owned(),
        };
        Node { status: NodeStatus { conditions: vec![ready], node_info } }
    }

    fn host(machine_id: &str, uuid: Option<(&str, UuidSource)>, boot_id: &str) -> HostFacts {
        HostFacts {
            machine_id: Some(machine_id.to_owned()),
            system_uuid: uuid.map(|(value, source)| SystemUuid { value: value.to_owned(), source }),
            boot_id: Some(boot_id.to_owned()),
            ..HostFacts::default()
        }
    }

    fn check(node: &Node, host: &HostFacts) -> Result<NameCheck, NodeNameInUse> {
        check_node_name(Some(node), &"n".parse().unwrap(), host)
    }

    #[test]
    fn a_machine_is_the_same_by_two_identities_of_two_places() {
        use UuidSource::{Machine, MachineId, Placeholder};
        for (theirs, ours, owner_of_node) in [
            (("a", "B", "x"), host("a", Some(("b", Machine)), "y"), OwnerOfNode::Us),
            (("a", "b\0", "x"), host("a", Some(("b", Machine)), "y"), OwnerOfNode::Us),
            (("a", "b", "x"), host("a", Some(("c", Machine)), "y"), OwnerOfNode::Other),
            (("a", "b", "x"), host("c", Some(("b", Machine)), "y"), OwnerOfNode::Unknown(Why::UuidAlone)),
            (("a", "c", "x"), host("c", Some(("b", Machine)), "y"), OwnerOfNode::Other),
            (("a", "0", "x"), host("c", Some(("0", Placeholder)), "y"), OwnerOfNode::Other),
            (("", "", ""), host("", Some(("", Machine)), ""), OwnerOfNode::Other),
            (("a", "", "x"), host("a", None, "y"), OwnerOfNode::Unknown(Why::MachineIdAlone)),
            // The machine-id twice; a UUID that many machines have.
            (("a", "a", "x"), host("a", Some(("a", MachineId)), "y"), OwnerOfNode::Unknown(Why::MachineIdAlone)),
            (("a", "0", "x"), host("a", Some(("0", Placeholder)), "y"), OwnerOfNode::Unknown(Why::MachineIdAlone)),
            // The same boot is the same machine, unless something says that it is another one.
            (("a", "b", "x"), host("a", Some(("c", Machine)), "x"), OwnerOfNode::Other),
            (("a", "a", "x"), host("a", Some(("a", MachineId)), "x"), OwnerOfNode::Us),
            (("a", "", "x"), host("a", None, "x"), OwnerOfNode::Us),
            (("a", "a", "x"), host("c", Some(("c", MachineId)), "x"), OwnerOfNode::Other),
        ] {
            let theirs = node(true, theirs.0, theirs.1, theirs.2);
            assert_eq!(owner(&theirs.status.node_info, &ours), owner_of_node, "{theirs:?} {ours:?}");
        }
    }

    #[test]
    fn a_root_without_a_machine_id_leaves_it_to_the_uuid() {
        use UuidSource::{Machine, Placeholder};
        const UNKNOWN: OwnerOfNode = OwnerOfNode::Unknown(Why::NoMachineId);
        for (theirs, uuid, is_target_machine, expected) in [
            (("a", "B", "x"), Some(("b", Machine)), true, OwnerOfNode::Us),
            (("a", "b", "x"), Some(("c", Machine)), true, OwnerOfNode::Other),
            (("a", "0", "x"), Some(("0", Placeholder)), true, UNKNOWN),
            (("a", "b", "x"), Some(("0", Placeholder)), true, OwnerOfNode::Other),
            (("a", "", "x"), Some(("b", Machine)), true, UNKNOWN),
            // A Raspberry Pi; the boot ID alone is none of two.
            (("a", "a", "x"), None, true, UNKNOWN),
            (("a", "a", "y"), None, true, UNKNOWN),
            // A card in the reader of another machine.
            (("a", "b", "x"), Some(("b", Machine)), false, UNKNOWN),
            (("a", "b", "x"), Some(("c", Machine)), false, UNKNOWN),
        ] {
            let theirs = node(true, theirs.0, theirs.1, theirs.2);
            let ours = HostFacts { machine_id: None, is_target_machine, ..host("", uuid, "y") };
            assert_eq!(owner(&theirs.status.node_info, &ours), expected, "{theirs:?} {ours:?}");
        }
    }

    #[test]
    fn who_is_unknown_waits_until_the_node_is_not_ready() {
        let ours = HostFacts { machine_id: None, ..HostFacts::default() };
        let error = check(&node(true, "a", "a", "old"), &ours).unwrap_err();
        assert_eq!((error.code(), error.may_retry()), (&codes::NODE_OWNER_UNKNOWN, true));
        assert!(error.to_string().contains("no machine-id yet"), "{error}");
        assert!(error.hint().contains("n as NotReady"), "{}", error.hint());
        assert_eq!(check(&node(false, "a", "a", "old"), &ours), Ok(NameCheck::NotReady));
    }

    #[test]
    fn a_clone_takes_no_ready_node() {
        let clone = host("a", Some(("a", UuidSource::MachineId)), "new");
        let error = check(&node(true, "a", "a", "old"), &clone).unwrap_err();
        assert_eq!((error.code(), error.may_retry()), (&codes::NODE_OWNER_UNKNOWN, true));
        assert!(error.to_string().contains("a copy of its disk"), "{error}");
        assert!(
            error.hint().contains("NotReady") && error.hint().contains("machine-id of its own"),
            "{}",
            error.hint()
        );
        // The board itself comes back when its Node is not Ready any more, as before.
        assert_eq!(check(&node(false, "a", "a", "old"), &clone), Ok(NameCheck::NotReady));
    }

    #[test]
    fn another_machine_is_refused_while_its_node_is_ready() {
        let other = host("c", Some(("d", UuidSource::Machine)), "y");
        let error = check(&node(true, "a", "b", "x"), &other).unwrap_err();
        assert_eq!((error.code(), error.may_retry()), (&codes::NODE_NAME_IN_USE, false));
        assert!(error.to_string().ends_with("is another machine"), "{error}");
        assert!(error.hint().contains("kubectl delete node n"), "{}", error.hint());
        assert_eq!(check(&node(false, "a", "b", "x"), &other), Ok(NameCheck::NotReady));
        assert_eq!(check_node_name(None, &"n".parse().unwrap(), &other), Ok(NameCheck::Unused));
    }
}
