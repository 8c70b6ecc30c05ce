//! The phases of a join, as names: those that this program goes through, and every one that kubeadm has or had.

/// A phase of the workflow. Names are kubeadm's where kubeadm has one; children are named without their parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Checks of this machine, before anything is sent or changed.
    Preflight,
    /// Whom we trust, and where: cluster-info, pins, JWS, chain.
    Discovery,
    /// A control plane: the certificates that all control planes share are there.
    DownloadCerts,
    /// A control plane: its own certificates.
    Certs,
    /// A control plane: the kubeconfigs of the administrator and of its components.
    Kubeconfig,
    /// A control plane: the static pods of its components.
    ControlPlane,
    /// A control plane: etcd has a quorum.
    CheckEtcd,
    /// Key, request, approval, certificate (kubeadm leaves this to the kubelet).
    TlsBootstrap,
    /// Everything is written, and the kubelet started.
    KubeletStart,
    /// A control plane: a member of etcd is added, started, and made a voter.
    EtcdJoin,
    /// The kubelet is healthy and its Node exists.
    KubeletWaitBootstrap,
    /// A control plane: its Node has the label and the taint of one.
    MarkControlPlane,
    /// A control plane: its components run.
    WaitControlPlane,
}

impl Phase {
    /// The name as printed in brackets.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Preflight => "preflight",
            Phase::Discovery => "discovery",
            Phase::DownloadCerts => "download-certs",
            Phase::Certs => "certs",
            Phase::Kubeconfig => "kubeconfig",
            Phase::ControlPlane => "control-plane",
            Phase::CheckEtcd => "check-etcd",
            Phase::TlsBootstrap => "tls-bootstrap",
            Phase::KubeletStart => "kubelet-start",
            Phase::EtcdJoin => "etcd-join",
            Phase::KubeletWaitBootstrap => "kubelet-wait-bootstrap",
            Phase::MarkControlPlane => "mark-control-plane",
            Phase::WaitControlPlane => "wait-control-plane",
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
    /// What it is, and to whom it applies.
    pub applies: Applies,
}

/// What a name stands for, and to whom it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// One of kubeadm's that does something on every node.
    EveryNode(Phase),
    /// A part of `kubelet-start` that only this program names.
    SubPhase(Phase),
    /// One that does something on a control plane only.
    ControlPlane(Phase),
    /// The child that stands for all its siblings.
    AllSiblings,
    /// It has children, which are those of a control plane.
    Parent,
    /// Older releases had it, for control planes.
    Retired,
}

/// Every phase of kubeadm 1.37 (`cmd/kubeadm/app/cmd/join.go`) in its order, ours, and those of older releases.
pub static NAMES: [PhaseSpec; 19] = [
    named("preflight", Applies::EveryNode(Phase::Preflight)),
    named("control-plane-prepare", Applies::Parent),
    named("control-plane-prepare/all", Applies::AllSiblings),
    named("control-plane-prepare/download-certs", Applies::ControlPlane(Phase::DownloadCerts)),
    named("control-plane-prepare/certs", Applies::ControlPlane(Phase::Certs)),
    named("control-plane-prepare/kubeconfig", Applies::ControlPlane(Phase::Kubeconfig)),
    named("control-plane-prepare/control-plane", Applies::ControlPlane(Phase::ControlPlane)),
    named("check-etcd", Applies::ControlPlane(Phase::CheckEtcd)),
    named("discovery", Applies::SubPhase(Phase::Discovery)),
    named("tls-bootstrap", Applies::SubPhase(Phase::TlsBootstrap)),
    named("kubelet-start", Applies::EveryNode(Phase::KubeletStart)),
    named("etcd-join", Applies::ControlPlane(Phase::EtcdJoin)),
    named("kubelet-wait-bootstrap", Applies::EveryNode(Phase::KubeletWaitBootstrap)),
    named("control-plane-join", Applies::Parent),
    named("control-plane-join/all", Applies::AllSiblings),
    // Up to 1.35, and up to 1.22.
    named("control-plane-join/etcd", Applies::Retired),
    named("control-plane-join/update-status", Applies::Retired),
    named("control-plane-join/mark-control-plane", Applies::ControlPlane(Phase::MarkControlPlane)),
    named("wait-control-plane", Applies::ControlPlane(Phase::WaitControlPlane)),
];

impl PhaseSpec {
    /// What it stands for: one phase, all children of its parent, or nothing.
    pub fn phases(&self) -> impl Iterator<Item = Phase> {
        let parent = match self.applies {
            Applies::AllSiblings => self.name.strip_suffix("all"),
            _ => None,
        };
        NAMES.iter().filter_map(move |spec| match spec.applies {
            Applies::EveryNode(phase) | Applies::SubPhase(phase) if self.name == spec.name => Some(phase),
            Applies::ControlPlane(phase) => {
                let is_child = parent.is_some_and(|parent| spec.name.starts_with(parent));
                (self.name == spec.name || is_child).then_some(phase)
            }
            _ => None,
        })
    }

    /// Whether the name is that of this phase or of its parent.
    pub fn is_named_by(&self, name: &str) -> bool {
        self.name == name || self.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
    }
}

const fn named(name: &'static str, applies: Applies) -> PhaseSpec {
    PhaseSpec { name, applies }
}

/// The phase of this name, which is in lower case, as kubeadm compares them.
pub fn find(name: &str) -> Option<&'static PhaseSpec> {
    NAMES.iter().find(|phase| phase.name == name)
}

/// A phase of a reset, by kubeadm's names (`cmd/kubeadm/app/cmd/reset.go`), in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetPhase {
    /// Checks, and the question whether it is meant.
    Preflight,
    /// This machine's member of etcd leaves its cluster.
    RemoveEtcdMember,
    /// Everything on this machine.
    CleanupNode,
}

/// All of them.
pub const RESET_PHASES: [ResetPhase; 3] =
    [ResetPhase::Preflight, ResetPhase::RemoveEtcdMember, ResetPhase::CleanupNode];

impl ResetPhase {
    /// The name, as printed in brackets.
    pub fn name(self) -> &'static str {
        match self {
            ResetPhase::Preflight => "preflight",
            ResetPhase::RemoveEtcdMember => "remove-etcd-member",
            ResetPhase::CleanupNode => "cleanup-node",
        }
    }
}

/// The section that a line of a report is about.
impl From<ResetPhase> for &'static str {
    fn from(phase: ResetPhase) -> Self {
        phase.name()
    }
}

/// The phase of a reset of this name or alias.
pub fn find_of_reset(name: &str) -> Option<ResetPhase> {
    match name {
        "pre-flight" => Some(ResetPhase::Preflight),
        "cleanupnode" => Some(ResetPhase::CleanupNode),
        name => RESET_PHASES.into_iter().find(|phase| phase.name() == name),
    }
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
            assert_eq!(is_parent, phase.applies == Applies::Parent, "{}", phase.name);
            assert_eq!(find(phase.name), Some(phase), "twice");
        }
        let children: Vec<_> = children("control-plane-join").collect();
        assert_eq!(children, ["all", "etcd", "update-status", "mark-control-plane"]);
    }

    #[test]
    fn all_stands_for_the_phases_beside_it() {
        let phases = |name| find(name).unwrap().phases().collect::<Vec<_>>();
        assert_eq!(
            phases("control-plane-prepare/all"),
            [Phase::DownloadCerts, Phase::Certs, Phase::Kubeconfig, Phase::ControlPlane]
        );
        assert_eq!(phases("control-plane-join/all"), [Phase::MarkControlPlane]);
        assert_eq!(phases("etcd-join"), [Phase::EtcdJoin]);
        assert_eq!(phases("control-plane-join/etcd"), []);
    }
}
