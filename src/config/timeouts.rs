//! How long each part of a join is waited for.

use std::time::Duration;

/// `timeouts` of v1beta4; defaults are kubeadm's (`cmd/kubeadm/app/constants/constants.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `discovery`.
    pub discovery: Duration,
    /// `tlsBootstrap`.
    pub tls_bootstrap: Duration,
    /// `kubeletHealthCheck`.
    pub kubelet_health_check: Duration,
    /// `kubernetesAPICall`.
    pub kubernetes_api_call: Duration,
    /// `controlPlaneComponentHealthCheck`; this one and the next two have no effect on a worker.
    pub control_plane_component_health_check: Duration,
    /// `etcdAPICall`.
    pub etcd_api_call: Duration,
    /// `upgradeManifests`.
    pub upgrade_manifests: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            discovery: Duration::from_secs(300),
            tls_bootstrap: Duration::from_secs(300),
            kubelet_health_check: Duration::from_secs(240),
            kubernetes_api_call: Duration::from_secs(60),
            control_plane_component_health_check: Duration::from_secs(240),
            etcd_api_call: Duration::from_secs(120),
            upgrade_manifests: Duration::from_secs(300),
        }
    }
}
