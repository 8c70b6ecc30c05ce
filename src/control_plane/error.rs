//! Why this machine does not become a control plane.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kube::error::KubeError;

/// Why this machine does not become a control plane.
#[derive(Clone, PartialEq, Eq)]
pub enum ControlPlaneError {
    /// The target root is not that of the running system.
    NotThisSystem,
    /// The cluster's configuration names no address that stays when a control plane goes.
    NoStableEndpoint,
    /// kubeadm-config could not be read.
    NoClusterConfiguration(String),
    /// A file or a flag says something that cannot be used: which, and why.
    Invalid(String),
    /// What would be uploaded is not all here, or of no use: which files, and why.
    NotUploaded(String),
    /// The Secret kubeadm-certs is gone.
    NoSharedCertificates,
    /// This node has joined as a worker.
    JoinedAsWorker,
    /// This node has joined as a control plane.
    JoinedAsControlPlane,
    /// A phase that was skipped, or not asked for, has not been gone through.
    Missing {
        /// Which phase makes it.
        phase: &'static str,
        /// What is not there.
        path: String,
    },
    /// The API server gave none, or not what was asked for.
    Kube(KubeError),
    /// No pod of etcd says where it is.
    NoEtcdPods {
        /// How many there are.
        pods: usize,
    },
    /// The kubelet starts only when the unit that runs this has ended.
    KubeletQueued,
    /// The kubelet has not registered its Node.
    NotRegistered,
    /// A static pod of this machine is not ready.
    NotReady {
        /// Which.
        component: &'static str,
        /// What it is at.
        state: String,
    },
}

impl From<KubeError> for ControlPlaneError {
    fn from(error: KubeError) -> Self {
        ControlPlaneError::Kube(error)
    }
}

impl fmt::Display for ControlPlaneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ControlPlaneError::NotThisSystem => f.write_str(
                "a control plane joins on the running system: its etcd has to start and be made a voter, and the target root does not run",
            ),
            ControlPlaneError::NoStableEndpoint => f.write_str(
                "the cluster's configuration has no controlPlaneEndpoint: its nodes would know the address of one control plane only",
            ),
            ControlPlaneError::NoClusterConfiguration(why) => write!(f, "a control plane is made of kubeadm-config, and {why}"),
            ControlPlaneError::Invalid(what) | ControlPlaneError::NotUploaded(what) => f.write_str(what),
            ControlPlaneError::NoSharedCertificates => f.write_str(
                "the Secret kube-system/kubeadm-certs is not there: kubeadm deletes it two hours after it was uploaded",
            ),
            ControlPlaneError::JoinedAsWorker => f.write_str("this machine has joined the cluster as a worker"),
            ControlPlaneError::JoinedAsControlPlane => {
                f.write_str("this machine has joined the cluster as a control plane, and is not made a worker")
            }
            ControlPlaneError::Missing { phase, path } => {
                write!(f, "{path} is not there: the phase {phase} makes it, and has been left out")
            }
            ControlPlaneError::Kube(error) => error.fmt(f),
            ControlPlaneError::NoEtcdPods { pods: 0 } => {
                f.write_str("the cluster has no pod with the labels component=etcd, tier=control-plane")
            }
            ControlPlaneError::NoEtcdPods { pods } => {
                write!(f, "none of {pods} etcd pods has the annotation kubeadm.kubernetes.io/etcd.advertise-client-urls")
            }
            ControlPlaneError::KubeletQueued => f.write_str(
                "the kubelet, which starts etcd and the API server, is ordered behind this unit: the join goes on when this is run again",
            ),
            ControlPlaneError::NotRegistered => f.write_str("the kubelet of this machine has not registered its Node yet"),
            ControlPlaneError::NotReady { component, state } => write!(f, "{component} of this machine: {state}"),
        }
    }
}

debug_as_display!(ControlPlaneError);

impl std::error::Error for ControlPlaneError {}

impl Explain for ControlPlaneError {
    fn code(&self) -> &'static Code {
        match self {
            ControlPlaneError::NotThisSystem => &codes::CONTROL_PLANE_NEEDS_RUNNING_SYSTEM,
            ControlPlaneError::NoStableEndpoint => &codes::CONTROL_PLANE_NO_STABLE_ENDPOINT,
            ControlPlaneError::NoClusterConfiguration(_) => &codes::CONTROL_PLANE_NO_CLUSTER_CONFIGURATION,
            ControlPlaneError::Invalid(_) => &codes::CONFIG_INVALID,
            ControlPlaneError::NotUploaded(_) => &codes::CERTS_MISSING,
            ControlPlaneError::NoSharedCertificates => &codes::CERTS_SECRET_MISSING,
            ControlPlaneError::JoinedAsWorker | ControlPlaneError::JoinedAsControlPlane => {
                &codes::CONTROL_PLANE_OTHER_ROLE
            }
            ControlPlaneError::Missing { .. } => &codes::CONTROL_PLANE_PHASE_MISSING,
            ControlPlaneError::Kube(error) => error.code(),
            ControlPlaneError::NoEtcdPods { .. } => &codes::ETCD_NO_PODS,
            ControlPlaneError::KubeletQueued => &codes::CONTROL_PLANE_KUBELET_QUEUED,
            ControlPlaneError::NotRegistered => &codes::KUBELET_NOT_REGISTERED,
            ControlPlaneError::NotReady { .. } => &codes::CONTROL_PLANE_NOT_READY,
        }
    }

    fn hint(&self) -> String {
        match self {
            ControlPlaneError::Kube(error) => error.hint(),
            ControlPlaneError::JoinedAsControlPlane => {
                "leave out the join; or reset this machine first, which removes its member of etcd".to_owned()
            }
            ControlPlaneError::NotUploaded(_) => {
                "run it on a control plane; where its certificates are elsewhere, name the directory with --cert-dir"
                    .to_owned()
            }
            _ => self.code().hint.to_owned(),
        }
    }

    fn may_retry(&self) -> bool {
        match self {
            ControlPlaneError::Kube(error) => error.may_retry(),
            _ => self.code().class == crate::error::Class::Transient,
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            ControlPlaneError::Kube(error) => error.retry_after(),
            _ => None,
        }
    }
}
