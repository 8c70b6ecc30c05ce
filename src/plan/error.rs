//! A configuration that does not fit this machine.

use std::fmt;
use std::net::IpAddr;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::phase::Phase;
use crate::rootfs::TargetPathError;
use crate::values::{NameFact, NodeNameError, Quoted};

/// A configuration that does not fit this machine.
pub enum PlanError {
    /// A Node cannot have this name.
    NodeName {
        /// Where the name came from.
        source: NameSource,
        /// Why not.
        problem: NodeNameError,
    },
    /// This machine does not have what the name of the node is to be made of.
    NameFact {
        /// What.
        fact: NameFact,
        /// What is found in its place.
        found: Unusable,
    },
    /// Several container runtimes are there.
    SeveralRuntimes(Vec<String>),
    /// A phase that discovery or the certificate depends on.
    CannotSkip(Phase),
    /// A path cannot be one inside the target root.
    Path(TargetPathError),
    /// Neither a token nor a user in the discovery file.
    NoCredentials,
    /// A control plane whose kubelet bootstraps itself: it would wait for the API server that waits for it.
    ControlPlaneBootstraps,
    /// No interface has a default route and an address.
    NoAdvertiseAddress,
    /// Other control planes cannot reach this machine by it.
    AdvertiseAddress(IpAddr),
}

/// Why a fact about a machine makes no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is none.
    Missing,
    /// It is the same on many machines.
    Everybodys(String),
}

/// Where a node name came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSource {
    /// `kubeletExtraArgs`.
    HostnameOverride,
    /// The host.
    Hostname,
    /// A template, filled in with facts about the host.
    Template,
}

debug_as_display!(PlanError);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::NodeName { source: NameSource::HostnameOverride, problem } => {
                write!(f, "kubeletExtraArgs hostname-override: {problem}")
            }
            PlanError::NodeName { source: NameSource::Hostname, problem } => {
                write!(f, "this machine's host name cannot be a node name: {problem}")
            }
            PlanError::NodeName { source: NameSource::Template, problem } => {
                write!(f, "this machine's facts make no node name: {problem}")
            }
            PlanError::NameFact { fact, found: Unusable::Everybodys(text) } => {
                write!(f, "the node name has {fact}, and that of this machine is {}, as of many others", Quoted(text))
            }
            PlanError::NameFact { fact, found: Unusable::Missing } => {
                write!(f, "the node name has {fact}, and this machine has none: {}", looked_at(*fact))
            }
            PlanError::SeveralRuntimes(found) => {
                write!(f, "several container runtimes are running: {}", found.join(", "))
            }
            PlanError::CannotSkip(phase) => {
                write!(f, "the phase {} cannot be skipped: without it no cluster is verified", phase.name())
            }
            PlanError::Path(problem) => write!(f, "caCertPath: {problem}"),
            PlanError::ControlPlaneBootstraps => f.write_str(
                "the phase tls-bootstrap cannot be skipped for a control plane: its kubelet would wait for its own API server",
            ),
            PlanError::NoAdvertiseAddress => {
                f.write_str("a control plane needs an address, and no address of this machine has a default route")
            }
            PlanError::AdvertiseAddress(address) => {
                write!(f, "{address} cannot be the address of a control plane: other machines cannot use it")
            }
            PlanError::NoCredentials => f.write_str(
                "there is no token, and no credentials in the discovery file, to request a certificate with",
            ),
        }
    }
}

impl std::error::Error for PlanError {}

impl Explain for PlanError {
    fn code(&self) -> &'static Code {
        match self {
            // A driver may still be loading.
            PlanError::NameFact { fact: NameFact::Mac, .. } => &codes::NODE_NO_MAC,
            PlanError::NodeName { .. } | PlanError::NameFact { .. } => &codes::CONFIG_NODE_NAME,
            PlanError::NoAdvertiseAddress | PlanError::AdvertiseAddress(_) => &codes::CONFIG_ADVERTISE_ADDRESS,
            PlanError::SeveralRuntimes(_) => &codes::CONFIG_SEVERAL_RUNTIMES,
            PlanError::NoCredentials => &codes::CONFIG_INCOMPLETE,
            PlanError::CannotSkip(_) | PlanError::ControlPlaneBootstraps => &codes::USAGE,
            PlanError::Path(_) => &codes::CONFIG_INVALID,
        }
    }

    fn hint(&self) -> String {
        match self {
            PlanError::NameFact { fact, .. } if *fact != NameFact::Mac => {
                "give the node name another fact that this machine has of its own: {serial}, {mac}, {machine-id}, {hostname} or \
                 {uuid}"
                    .to_owned()
            }
            PlanError::ControlPlaneBootstraps => "take it out of --skip-phases or skipPhases".to_owned(),
            PlanError::CannotSkip(_) => {
                "take it out of --skip-phases or skipPhases, or skip kubelet-start, which it is a part of".to_owned()
            }
            PlanError::NoCredentials => {
                "pass --tls-bootstrap-token from `kubeadm token create` on the control plane, or \
                 write a user with credentials into the discovery file"
                    .to_owned()
            }
            _ => self.code().hint.to_owned(),
        }
    }
}

/// Where a fact is looked for.
fn looked_at(fact: NameFact) -> &'static str {
    match fact {
        NameFact::Serial => "neither its device tree nor its firmware has a serial number that this user may read",
        NameFact::Mac => "there is no wired interface with an address of its own (yet)",
        NameFact::MachineId => {
            "/etc/machine-id of the target root is empty or uninitialized, and the kernel command line has no systemd.machine_id="
        }
        NameFact::Hostname => "no host name has been set",
        NameFact::Uuid => "its firmware has none that this user may read",
    }
}
