//! kubeadm's checks of a node, under kubeadm's names and in its order (`preflight/checks.go`, `checks_linux.go`; 1.37).
//!
//! [`engine`] makes the checks of a set and knows none of them; a set is a table, here [`worker`]. A check is a function of
//! its subject and returns what it found as a [`verdict`]. "Could not check" is not "failed": it never ends a join. [`diagnosis`] makes the same
//! checks for who asks what is wrong. Where the target root is not this system, checks of a running one are left out, by name. kubeadm's come first; ours
//! are behind them, and each names what to change.
//!
//! What needs to know the cluster is checked by [`LocalChecksPassed::after_discovery`], before anything is sent that leaves
//! a trace.

mod boot_line;
mod cluster_checks;
mod control_plane;
mod diagnosis;
mod engine;
mod error;
mod files;
mod given_flags;
mod images;
mod kernel_config;
mod kubelet;
mod kubelet_drop_ins;
mod kubelet_flags;
mod kubelet_version;
mod machine;
mod mounts;
mod ports;
mod reset;
mod runtime;
mod runtime_answers;
mod subject;
mod system;
mod target;
mod verdict;
mod worker;

pub use cluster_checks::ClusterRequirements;
pub use control_plane::ControlPlaneRequirements;
pub use diagnosis::Diagnosis;
pub use engine::Seen;
pub use error::PreflightError;
pub use reset::before_reset;
pub use worker::{LocalChecksPassed, run};

#[cfg(test)]
mod tests;
