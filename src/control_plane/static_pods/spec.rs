//! What the manifests are made of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::release::Release;
use crate::cluster::control_plane::ControlPlaneConfiguration;
use crate::patches::Patches;

/// What the manifests are made of beside what kubeadm always writes.
#[derive(Clone, Copy, Debug)]
pub struct StaticPodSpec<'a> {
    /// The cluster's configuration.
    pub cluster: &'a ControlPlaneConfiguration,
    /// Its release.
    pub release: Release,
    /// `localAPIEndpoint.advertiseAddress`.
    pub advertise_address: IpAddr,
    /// `localAPIEndpoint.bindPort`.
    pub bind_port: u16,
    /// The Node's name, which is that of the etcd member, too.
    pub node_name: &'a str,
    /// The image of the etcd that runs already, so that all members run the same version; a table where it is not known.
    pub etcd_image: Option<&'a str>,
    /// Those of [`super::HOST_CA_DIRECTORIES`] that exist on the host.
    pub host_ca_directories: &'a [&'a str],
    /// The variables of our own environment that end in `_proxy` and are not empty.
    pub proxy_variables: &'a [(String, String)],
    /// Whether the key of the cluster CA is on this node, so that its controller manager can sign.
    pub has_ca_key: bool,
    /// `timeouts.controlPlaneComponentHealthCheck`.
    pub component_health_timeout: Duration,
    /// The user's patches.
    pub patches: &'a Patches,
}

impl StaticPodSpec<'_> {
    /// A file in the cluster's directory of certificates (Go's `filepath.Join`).
    pub(super) fn certificate(&self, name: &str) -> String {
        format!("{}/{name}", self.cluster.cluster.certificates_dir().trim_end_matches('/'))
    }

    /// The loopback address of the advertised one's family.
    pub(super) fn loopback(&self) -> IpAddr {
        match self.advertise_address {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        }
    }

    /// The `https://` URL of a port of etcd.
    pub(super) fn etcd_url(&self, address: IpAddr, port: u16) -> String {
        format!("https://{}", SocketAddr::new(address, port))
    }
}
