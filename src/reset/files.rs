//! What goes, as steps of the one writer. Pure.

use super::plan::ResetPlan;
use crate::node::paths;
use crate::rootfs::{FileSet, TargetPath, temporary_in};

/// Below these the kubelet mounts volumes; it mounts nothing elsewhere (`pkg/kubelet/config/defaults.go`).
const PODS: TargetPath = TargetPath::fixed("/var/lib/kubelet/pods");
const PLUGINS: TargetPath = TargetPath::fixed("/var/lib/kubelet/plugins");

/// Temporary files of kubeadm (`constants.TempDir`).
const TMP: TargetPath = TargetPath::fixed("/etc/kubernetes/tmp");

/// What CNI plug-ins have: their configuration, and their state.
pub(super) const CNI_CONFIGURATION: TargetPath = TargetPath::fixed("/etc/cni/net.d");
pub(super) const CNI_STATE: TargetPath = TargetPath::fixed("/var/lib/cni");

/// Kubeconfigs that kubeadm removes beside `kubelet.conf` (`cmd/phases/reset/cleanupnode.go`).
const KUBECONFIGS: [TargetPath; 4] = [
    paths::ADMIN_CONF,
    TargetPath::fixed("/etc/kubernetes/super-admin.conf"),
    TargetPath::fixed("/etc/kubernetes/controller-manager.conf"),
    TargetPath::fixed("/etc/kubernetes/scheduler.conf"),
];

/// Files of kubeadm in a directory of certificates (`constants/constants.go`).
const PKI_BASES: [&str; 10] = [
    "ca",
    "apiserver",
    "apiserver-kubelet-client",
    "apiserver-etcd-client",
    "front-proxy-ca",
    "front-proxy-client",
    "etcd/ca",
    "etcd/server",
    "etcd/peer",
    "etcd/healthcheck-client",
];

/// What makes the kubelet run static Pods, and what those and the administrator authenticate with. `has_pki` where the
/// certificates go, too.
pub(super) fn credentials(plan: &ResetPlan, has_pki: bool, cleanup_tmp_dir: bool) -> FileSet {
    let mut files = FileSet::new();
    files.emptied(paths::MANIFESTS);
    let directory = &plan.configuration.certificates_dir;
    if has_pki && plan.configuration.has_default_certificates_dir() {
        files.emptied(directory.clone());
    } else if has_pki {
        // Another directory may hold other things: an administrator's, or by a slip of the hand half of the system.
        let names = PKI_BASES.iter().flat_map(|base| [format!("{base}.crt"), format!("{base}.key")]);
        let names = names.chain(["sa.key".to_owned(), "sa.pub".to_owned()]);
        for path in names.filter_map(|name| directory.join(&name).ok()) {
            files.gone(path);
        }
    }
    for path in KUBECONFIGS {
        files.gone(path);
    }
    if cleanup_tmp_dir {
        files.emptied(TMP);
    }
    files.absent(temporary_in(&paths::KUBERNETES));
    files
}

/// What the kubelet has mounted, on a system that runs.
pub(super) fn mounts(plan: &ResetPlan) -> FileSet {
    let mut files = FileSet::new();
    if plan.target.is_this_system() {
        let flags = plan.configuration.unmount_flags;
        files.unmounted(PODS, flags).unmounted(PLUGINS, flags);
    }
    files
}

/// What the kubelet has written, and what CNI plug-ins have where that goes, too.
pub(super) fn state(plan: &ResetPlan) -> FileSet {
    let mut files = FileSet::new();
    files.emptied(paths::KUBELET);
    if plan.cni {
        files.emptied(CNI_CONFIGURATION).emptied(CNI_STATE);
    }
    files
}

/// etcd's data: what etcd makes in its directory, and nothing that others have put there.
pub(super) fn etcd_data(directory: &TargetPath) -> FileSet {
    let mut files = FileSet::new();
    if let Ok(member) = directory.join("member") {
        files.gone(member);
    }
    files
}
