//! Files of a join that must not be another node's (kubeadm's `FileAvailable-*`).
//!
//! kubeadm refuses any that exist. Here, what an earlier run of ours left is no obstacle: running again is always right.

use std::borrow::Cow;

use super::subject::Subject;
use super::verdict::Verdict;
use crate::node::paths;
use crate::node::state::{Conflict, NodeState};
use crate::pki::certificate::Certificate;
use crate::plan::TlsBootstrapBy;
use crate::rootfs::TargetPath;

/// Largest CA bundle that is read, in bytes.
const MAX_BUNDLE_BYTES: usize = 1 << 20;

/// What to do about another node's files. Never a reset of this machine for those of a root that is mounted on it.
pub(super) fn reset(subject: &Subject<'_>) -> String {
    if subject.plan.target.is_this_system() {
        return "run `kubejoin reset` on this machine if its node is to be replaced".to_owned();
    }
    let [kubernetes, kubelet] = [paths::KUBERNETES, paths::KUBELET].map(|path| subject.root.outside(&path));
    format!("remove {} and {} if that node is to be replaced", kubernetes.display(), kubelet.display())
}

/// kubeadm's name of the check: slashes become dashes.
pub(super) fn name(path: &TargetPath) -> Cow<'static, str> {
    Cow::Owned(format!("FileAvailable-{}", path.as_str().replace('/', "-")))
}

/// The identity of a node.
pub(super) fn kubelet_conf(subject: &Subject<'_>) -> Vec<Verdict> {
    match subject.state {
        NodeState::Nothing | NodeState::Joined(_) | NodeState::Unusable(_) | NodeState::Superseded(_) => Vec::new(),
        NodeState::Conflict(conflict @ Conflict::Preexisting) => vec![Verdict::error(
            format!("{} already exists, and {conflict}", paths::KUBELET_CONF),
            "remove the file if the kubelet is not to go on with them",
        )],
        NodeState::Conflict(conflict) => vec![foreign_kubelet_conf(subject, *conflict)],
    }
}

/// The identity of another node.
pub(super) fn foreign_kubelet_conf(subject: &Subject<'_>, conflict: Conflict) -> Verdict {
    Verdict::error(format!("{} already exists, and {conflict}", paths::KUBELET_CONF), reset(subject))
}

/// kubeadm's hand-over of the token to the kubelet. It is removed by our commit, so that a failed `kubeadm join` can be
/// followed by one of ours.
pub(super) fn bootstrap_kubelet_conf(subject: &Subject<'_>) -> Vec<Verdict> {
    match subject.root.exists(&paths::BOOTSTRAP_KUBELET_CONF) {
        Ok(false) => Vec::new(),
        Ok(true) => {
            let fate = match subject.plan.options.tls_bootstrap {
                TlsBootstrapBy::Kubejoin => "removed",
                TlsBootstrapBy::Kubelet => "replaced",
            };
            let path = paths::BOOTSTRAP_KUBELET_CONF;
            vec![Verdict::warning(format!("{path} is there, left by an earlier join; it will be {fate}"))]
        }
        Err(error) => vec![Verdict::could_not_check(error)],
    }
}

/// `FileAvailable` of the cluster CA; a control plane has it before it joins, or gets it with its key.
pub(super) fn ca_cert_name(subject: &Subject<'_>) -> Option<Cow<'static, str>> {
    subject.plan.control_plane.is_none().then(|| name(&subject.plan.node.ca_cert_path))
}

/// The cluster CA: ours when the node's identity is, when a run of ours is known to have been interrupted, or when it is
/// of the cluster that is joined. Where only the cluster itself can say which CA it has, that is left to
/// [`super::cluster_checks`].
pub(super) fn ca_cert(subject: &Subject<'_>) -> Vec<Verdict> {
    foreign_ca_cert(subject, |certificate| subject.plan.access.discovery.matches_ca(certificate) != Some(false))
}

/// The same, with which certificates are of the cluster.
pub(super) fn foreign_ca_cert(subject: &Subject<'_>, is_of_cluster: impl Fn(&Certificate) -> bool) -> Vec<Verdict> {
    let path = &subject.plan.node.ca_cert_path;
    let text = match subject.root.read(path, MAX_BUNDLE_BYTES) {
        Ok(None) => return Vec::new(),
        Ok(Some(text)) => text,
        Err(error) => return vec![Verdict::could_not_check(error)],
    };
    if matches!(subject.state, NodeState::Joined(_) | NodeState::Unusable(_) | NodeState::Superseded(_)) {
        return Vec::new();
    }
    // What such a run leaves: a key of its own, or the token for the kubelet.
    let left = match subject.plan.options.tls_bootstrap {
        TlsBootstrapBy::Kubejoin => paths::PENDING_KEY,
        TlsBootstrapBy::Kubelet => paths::BOOTSTRAP_KUBELET_CONF,
    };
    match subject.root.exists(&left) {
        Ok(true) => return Vec::new(),
        Ok(false) => {}
        Err(error) => return vec![Verdict::could_not_check(error)],
    }
    let certificates = Certificate::all_from_pem(&text).unwrap_or_default();
    if !certificates.is_empty() && certificates.iter().all(is_of_cluster) {
        return Vec::new();
    }
    vec![Verdict::error(format!("{path} already exists, and is not known to be of this cluster"), reset(subject))]
}
