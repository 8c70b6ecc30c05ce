//! The phases of a join, as names: those that this program goes through, and every one that kubeadm has or had.

/// A phase of the workflow. Names are kubeadm's where kubeadm has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Checks of this machine, before anything is sent or changed.
    Preflight,
    /// Whom we trust, and where: cluster-info, pins, JWS, chain.
    Discovery,
    /// Key, request, approval, certificate (kubeadm leaves this to the kubelet).
    TlsBootstrap,
    /// Everything is written, and the kubelet started.
    KubeletStart,
    /// The kubelet is healthy and its Node exists.
    KubeletWaitBootstrap,
}

impl Phase {
    /// The name as typed and as printed in brackets.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Preflight => "preflight",
            Phase::Discovery => "discovery",
            Phase::TlsBootstrap => "tls-bootstrap",
            Phase::KubeletStart => "kubelet-start",
            Phase::KubeletWaitBootstrap => "kubelet-wait-bootstrap",
        }
    }
}

/// The section that a line of a report is about.
impl From<Phase> for &'static str {
    fn from(phase: Phase) -> Self {
        phase.name()
    }
}

/// A phase as `--skip-phases`, `skipPhases` and `join phase` name it.
#[derive(Debug, PartialEq, Eq)]
pub struct PhaseSpec {
    /// The name; that of a child is behind its parent's and a slash.
    pub name: &'static str,
    /// What it is to a worker.
    pub applies: Applies,
}

/// What a phase is to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// One of kubeadm's that does something.
    Worker(Phase),
    /// A part of `kubelet-start` that only this program names.
    SubPhase(Phase),
    /// Does nothing on a worker.
    ControlPlane,
    /// Like that, and it has children.
    ControlPlaneParent,
    /// Older releases had it, for control planes.
    Retired,
}

/// Every phase of kubeadm 1.37 (`cmd/kubeadm/app/cmd/join.go`) in its order, ours, and those of older releases.
pub static NAMES: [PhaseSpec; 19] = [
    named("preflight", Applies::Worker(Phase::Preflight)),
    named("control-plane-prepare", Applies::ControlPlaneParent),
    named("control-plane-prepare/all", Applies::ControlPlane),
    named("control-plane-prepare/download-certs", Applies::ControlPlane),
    named("control-plane-prepare/certs", Applies::ControlPlane),
    named("control-plane-prepare/kubeconfig", Applies::ControlPlane),
    named("control-plane-prepare/control-plane", Applies::ControlPlane),
    named("check-etcd", Applies::ControlPlane),
    named("discovery", Applies::SubPhase(Phase::Discovery)),
    named("tls-bootstrap", Applies::SubPhase(Phase::TlsBootstrap)),
    named("kubelet-start", Applies::Worker(Phase::KubeletStart)),
    named("etcd-join", Applies::ControlPlane),
    named("kubelet-wait-bootstrap", Applies::Worker(Phase::KubeletWaitBootstrap)),
    named("control-plane-join", Applies::ControlPlaneParent),
    named("control-plane-join/all", Applies::ControlPlane),
    // Up to 1.35, and up to 1.22.
    named("control-plane-join/etcd", Applies::Retired),
    named("control-plane-join/update-status", Applies::Retired),
    named("control-plane-join/mark-control-plane", Applies::ControlPlane),
    named("wait-control-plane", Applies::ControlPlane),
];

const fn named(name: &'static str, applies: Applies) -> PhaseSpec {
    PhaseSpec { name, applies }
}

/// The phase of this name, which is in lower case, as kubeadm compares them.
pub fn find(name: &str) -> Option<&'static PhaseSpec> {
    NAMES.iter().find(|phase| phase.name == name)
}

/// The names of a phase's children, without its own.
pub fn children(parent: &str) -> impl Iterator<Item = &'static str> + '_ {
    NAMES.iter().filter_map(move |phase| phase.name.strip_prefix(parent)?.strip_prefix('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_parents_have_children() {
        for phase in &NAMES {
            let is_parent = children(phase.name).next().is_some();
            assert_eq!(is_parent, phase.applies == Applies::ControlPlaneParent, "{}", phase.name);
            assert_eq!(find(phase.name), Some(phase), "twice");
        }
        let children: Vec<_> = children("control-plane-join").collect();
        assert_eq!(children, ["all", "etcd", "update-status", "mark-control-plane"]);
    }
}
