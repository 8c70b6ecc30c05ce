//! What the node is going to be.

use super::error::PlanError;
use crate::config::Taint;
use crate::host::HostFacts;
use crate::kubelet::overrides::KubeletOverrides;
use crate::rootfs::TargetPath;
use crate::values::NodeName;

/// Used where nothing is detected (kubeadm `constants_unix.go`).
pub const DEFAULT_CRI_SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

/// The node, and what its kubelet is told.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// The Node's name.
    pub name: NodeName,
    /// A user gave the name; else it is the host's.
    pub name_is_given: bool,
    /// The kubelet must be told its name, because the host has another, or one that is not known yet.
    pub override_hostname: bool,
    /// `unix://` URL of the container runtime.
    pub cri_socket: String,
    /// Where the cluster CA is written.
    pub ca_cert_path: TargetPath,
    /// Taints that the kubelet registers its Node with.
    pub taints: Vec<Taint>,
    /// Flags for the kubelet, in the order given.
    pub kubelet_extra_args: Vec<(String, String)>,
    /// What stands in the place of the cluster's KubeletConfiguration, or is applied to it.
    pub kubelet_overrides: KubeletOverrides,
    /// systemd-resolved runs on the node, or will (decides `resolvConf`).
    pub systemd_resolved_active: bool,
}

/// The socket that is given, or the one that answers, or kubeadm's default.
///
/// # Errors
/// Several answer.
pub fn cri_socket(given: Option<String>, host: &HostFacts) -> Result<String, PlanError> {
    match (given, host.cri_sockets.as_slice()) {
        (Some(given), _) => Ok(given),
        (None, []) => Ok(DEFAULT_CRI_SOCKET.to_owned()),
        (None, [one]) => Ok(one.clone()),
        (None, several) => Err(PlanError::SeveralRuntimes(several.to_vec())),
    }
}
