//! What a `config.yaml` is made of.

use super::cluster_configuration::ClusterConfiguration;
use super::patches::Patches;

/// What the file is made of.
#[derive(Clone, Copy, Debug)]
pub struct KubeletInputs<'a> {
    /// Key `kubelet` of the ConfigMap `kube-system/kubelet-config`, or the text that stands in for it; kubeadm's defaults
    /// alone where there is none.
    pub config_map: Option<&'a str>,
    /// What `kubeadm-config` says; fields of `config_map` are compared with it only where it says something.
    pub cluster: &'a ClusterConfiguration,
    /// `nodeRegistration.criSocket`, with its `unix://`. It replaces `containerRuntimeEndpoint`, whatever a patch says.
    pub cri_socket: &'a str,
    /// Whether systemd-resolved runs on the machine that is joined.
    pub resolved_active: bool,
    /// The operator's patches, applied to what all the rest gave.
    pub patches: &'a Patches,
}
