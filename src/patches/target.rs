//! What kubeadm patches.

/// A target of kubeadm 1.37 (`cmd/kubeadm/app/util/patches/patches.go`, `knownTargets`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchTarget {
    /// The static Pod of etcd.
    Etcd,
    /// The static Pod of the API server.
    KubeApiserver,
    /// The static Pod of the controller manager.
    KubeControllerManager,
    /// The static Pod of the scheduler.
    KubeScheduler,
    /// The kubelet's `config.yaml`.
    KubeletConfiguration,
    /// The Deployment of CoreDNS, which no join writes.
    CorednsDeployment,
    /// The DaemonSet of kube-proxy, which no join writes.
    KubeproxyDaemonset,
}

/// In the order in which kubeadm tries them at the beginning of a file's name.
pub const TARGETS: [PatchTarget; 7] = [
    PatchTarget::Etcd,
    PatchTarget::KubeApiserver,
    PatchTarget::KubeControllerManager,
    PatchTarget::KubeScheduler,
    PatchTarget::KubeletConfiguration,
    PatchTarget::CorednsDeployment,
    PatchTarget::KubeproxyDaemonset,
];

impl PatchTarget {
    /// As at the beginning of a file's name; of a component it is the name of the static Pod and of its container, too.
    pub fn name(self) -> &'static str {
        match self {
            PatchTarget::Etcd => "etcd",
            PatchTarget::KubeApiserver => "kube-apiserver",
            PatchTarget::KubeControllerManager => "kube-controller-manager",
            PatchTarget::KubeScheduler => "kube-scheduler",
            PatchTarget::KubeletConfiguration => "kubeletconfiguration",
            PatchTarget::CorednsDeployment => "corednsdeployment",
            PatchTarget::KubeproxyDaemonset => "kubeproxydaemonset",
        }
    }

    /// The component of the control plane whose static Pod has this name.
    pub fn component(name: &str) -> Option<PatchTarget> {
        TARGETS.into_iter().find(|target| target.is_component() && target.name() == name)
    }

    /// Whether it is the static Pod of a component of the control plane.
    pub fn is_component(self) -> bool {
        matches!(
            self,
            PatchTarget::Etcd
                | PatchTarget::KubeApiserver
                | PatchTarget::KubeControllerManager
                | PatchTarget::KubeScheduler
        )
    }
}
