//! What shapes a `config.yaml` beside the KubeletConfiguration itself.

use crate::cluster::cluster_configuration::ClusterConfiguration;
use crate::patches::Patches;

/// What the file is made of beside the raw KubeletConfiguration.
#[derive(Clone, Copy, Debug)]
pub struct KubeletInputs<'a> {
    /// What `kubeadm-config` says; fields of the KubeletConfiguration are compared with it only where it says something.
    pub cluster: &'a ClusterConfiguration,
    /// `nodeRegistration.criSocket`, with its `unix://`. It replaces `containerRuntimeEndpoint`, whatever a patch says.
    pub cri_socket: &'a str,
    /// Whether systemd-resolved runs on the machine that is joined.
    pub resolved_active: bool,
    /// The user's patches, applied to what all the rest gave.
    pub patches: &'a Patches,
}
