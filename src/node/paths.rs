//! The table of paths inside the target root. kubeadm's and the kubelet's own (`cmd/kubeadm/app/constants/constants.go`,
//! client-go `util/certificate/certificate_store.go`).

use crate::rootfs::TargetPath;

/// Cluster configuration of this node; 0755.
pub const KUBERNETES: TargetPath = TargetPath::fixed("/etc/kubernetes");
/// Certificates that are not the kubelet's own; 0755.
pub const PKI: TargetPath = TargetPath::fixed("/etc/kubernetes/pki");
/// Static pods; 0755. Empty on a worker.
pub const MANIFESTS: TargetPath = TargetPath::fixed("/etc/kubernetes/manifests");
/// The kubelet's kubeconfig; 0600. The commit point: where it exists, the node has joined.
pub const KUBELET_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/kubelet.conf");
/// What kubeadm hands the token to the kubelet in; written only where the kubelet does the TLS
/// bootstrap; removed after that, and where a failed join left it.
pub const BOOTSTRAP_KUBELET_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/bootstrap-kubelet.conf");
/// The administrator's kubeconfig, on control planes; 0600.
pub const ADMIN_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/admin.conf");
/// The kubelet's state; 0700.
pub const KUBELET: TargetPath = TargetPath::fixed("/var/lib/kubelet");
/// KubeletConfiguration; 0644.
pub const KUBELET_CONFIG: TargetPath = TargetPath::fixed("/var/lib/kubelet/config.yaml");
/// What of it is this node's alone; 0644.
pub const INSTANCE_CONFIG: TargetPath = TargetPath::fixed("/var/lib/kubelet/instance-config.yaml");
/// Flags for the kubelet, as an environment file; 0644.
pub const KUBEADM_FLAGS: TargetPath = TargetPath::fixed("/var/lib/kubelet/kubeadm-flags.env");
/// The kubelet's certificates; 0755.
pub const KUBELET_PKI: TargetPath = TargetPath::fixed("/var/lib/kubelet/pki");
/// The certificate and key in use: a symbolic link with absolute target.
pub const CLIENT_CURRENT: TargetPath = TargetPath::fixed("/var/lib/kubelet/pki/kubelet-client-current.pem");
/// The key of a request that is not answered yet; 0600. The kubelet's own name for it.
pub const PENDING_KEY: TargetPath = TargetPath::fixed("/var/lib/kubelet/pki/kubelet-client.key.tmp");
/// API servers in the settings that lead to the cluster and are not the one in `kubelet.conf`; 0600. It keeps a node from asking
/// about them at every boot.
pub const VERIFIED_ENDPOINTS: TargetPath = TargetPath::fixed("/var/lib/kubelet/kubejoin-endpoints");

/// A join of a control plane has been begun, and has not ended; 0600. Written before anything else of it, removed last.
pub const UNFINISHED_CONTROL_PLANE: TargetPath = TargetPath::fixed("/var/lib/kubelet/kubejoin-control-plane");
/// A reset has been begun, and has not ended; 0600. It counts only where `kubelet.conf` is gone, which is removed next.
pub const UNFINISHED_RESET: TargetPath = TargetPath::fixed("/etc/kubernetes/kubejoin-reset");
/// What makes a node a control plane.
pub const API_SERVER_MANIFEST: TargetPath = TargetPath::fixed("/etc/kubernetes/manifests/kube-apiserver.yaml");
/// The member of etcd.
pub const ETCD_MANIFEST: TargetPath = TargetPath::fixed("/etc/kubernetes/manifests/etcd.yaml");

/// Where locks are, one for each root: on the system that runs, not in the target root.
pub const LOCKS: &str = "/run/kubejoin";

/// `kubelet-client-YYYY-MM-DD-hh-mm-ss.pem`; 0600. The time is that of the certificate's issue, in UTC, and not the moment of
/// writing: an interrupted run writes the same file again.
pub fn client_certificate(issued_at: u64) -> TargetPath {
    let at = time::OffsetDateTime::from_unix_timestamp(i64::try_from(issued_at).unwrap_or(0))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let name = format!(
        "kubelet-client-{:04}-{:02}-{:02}-{:02}-{:02}-{:02}.pem",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    // A fixed directory and digits with dashes: always a valid path.
    KUBELET_PKI.join(&name).unwrap_or(CLIENT_CURRENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_named_as_the_kubelet_names_them() {
        let path = client_certificate(1_795_415_467);
        assert_eq!(path.as_str(), "/var/lib/kubelet/pki/kubelet-client-2026-11-23-06-31-07.pem");
    }
}
