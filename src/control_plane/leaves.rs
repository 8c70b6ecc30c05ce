//! The certificates of a control plane (kubeadm `phases/certs/certlist.go`).

use super::pki_layout::{Ca, PkiLayout};
use crate::pki::issue::Usage;

/// A certificate that one of the CAs issues for a node of the control plane.
#[derive(Debug)]
pub(super) struct LeafSpec {
    /// Its files are called this, with `.crt` and `.key`.
    pub base: &'static str,
    /// Who issues it.
    pub ca: Ca,
    /// `CN`; the node's name where there is none.
    pub common_name: Option<&'static str>,
    /// What it is for.
    pub usages: &'static [Usage],
    /// Which names and addresses it has.
    pub sans: SansOf,
    /// `O` by the cluster's minor release.
    pub organization: fn(u32) -> Option<&'static str>,
}

/// Which names and addresses a certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SansOf {
    /// None: it is a client's.
    Client,
    /// Those of the API server.
    ApiServer,
    /// Those of etcd, with `etcd.local.serverCertSANs`.
    EtcdServer,
    /// Those of etcd, with `etcd.local.peerCertSANs`.
    EtcdPeer,
}

/// The group that no RBAC rule limits.
const MASTERS: &str = "system:masters";
/// The group that kubeadm binds to `cluster-admin`, since 1.29.
const CLUSTER_ADMINS: &str = "kubeadm:cluster-admins";

/// etcd asks for `clientAuth` in the certificate of a server, too: with it its gateway calls itself.
const BOTH: &[Usage] = &[Usage::Server, Usage::Client];
const CLIENT: &[Usage] = &[Usage::Client];

const LEAVES: [LeafSpec; 7] = [
    LeafSpec {
        base: "apiserver",
        ca: Ca::Cluster,
        common_name: Some("kube-apiserver"),
        usages: &[Usage::Server],
        sans: SansOf::ApiServer,
        organization: none,
    },
    client("apiserver-kubelet-client", Ca::Cluster, "kube-apiserver-kubelet-client", kubelet_client),
    client("front-proxy-client", Ca::FrontProxy, "front-proxy-client", none),
    LeafSpec { sans: SansOf::EtcdServer, ..etcd("etcd/server") },
    LeafSpec { sans: SansOf::EtcdPeer, ..etcd("etcd/peer") },
    client(HEALTHCHECK_CLIENT, Ca::Etcd, "kube-etcd-healthcheck-client", etcd_client),
    client("apiserver-etcd-client", Ca::Etcd, "kube-apiserver-etcd-client", etcd_client),
];

/// What kubeadm, and so kubejoin, talks to etcd with.
pub(super) const HEALTHCHECK_CLIENT: &str = "etcd/healthcheck-client";

/// The certificates of this control plane.
pub(super) fn leaves(layout: &PkiLayout) -> impl Iterator<Item = &'static LeafSpec> {
    let cas = layout.cas();
    LEAVES.iter().filter(|leaf| cas.contains(&leaf.ca))
}

const fn client(
    base: &'static str,
    ca: Ca,
    common_name: &'static str,
    organization: fn(u32) -> Option<&'static str>,
) -> LeafSpec {
    LeafSpec { base, ca, common_name: Some(common_name), usages: CLIENT, sans: SansOf::Client, organization }
}

const fn etcd(base: &'static str) -> LeafSpec {
    LeafSpec { base, ca: Ca::Etcd, common_name: None, usages: BOTH, sans: SansOf::Client, organization: none }
}

fn none(_minor: u32) -> Option<&'static str> {
    None
}

/// Since 1.36 a ClusterRoleBinding names the user instead: `kubeadm:apiserver-kubelet-client`.
fn kubelet_client(minor: u32) -> Option<&'static str> {
    match minor {
        ..29 => Some(MASTERS),
        29..36 => Some(CLUSTER_ADMINS),
        36.. => None,
    }
}

/// etcd does not look at it.
fn etcd_client(minor: u32) -> Option<&'static str> {
    if minor < 29 { Some(MASTERS) } else { None }
}

/// `O` of the client certificate in `admin.conf` (kubeadm `phases/kubeconfig/kubeconfig.go`).
pub(super) fn admin_organization(minor: u32) -> &'static str {
    if minor < 29 { MASTERS } else { CLUSTER_ADMINS }
}
