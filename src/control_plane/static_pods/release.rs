//! What differs between the releases of kubeadm whose manifests are written here.

use super::error::StaticPodError;
use crate::cluster::cluster_configuration::ClusterConfiguration;

/// First and last minor of Kubernetes 1 whose static Pods are known.
const SUPPORTED: std::ops::RangeInclusive<u32> = 28..=37;

/// Where the links in `/etc/ssl/certs` may lead: what of this exists on the host is mounted, by the cluster's release.
pub const HOST_CA_DIRECTORIES: [&str; 6] = [
    "/etc/pki",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
];

/// A release of Kubernetes whose static Pods are known. What follows was read in kubeadm 1.28.15, 1.29.15, 1.30.4, 1.31.0,
/// 1.31.14, 1.32.0, 1.32.13, 1.33.13, 1.34.0, 1.34.2, 1.35.4, 1.36.0, 1.36.3 and 1.37.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    minor: u32,
}

impl Release {
    /// The release of a cluster.
    ///
    /// # Errors
    /// It is older or newer than those that are known, or the ClusterConfiguration does not say it.
    pub fn of(cluster: &ClusterConfiguration) -> Result<Self, StaticPodError> {
        match cluster.release() {
            Some((1, minor)) if SUPPORTED.contains(&minor) => Ok(Release { minor }),
            _ => Err(StaticPodError::Release { version: cluster.kubernetes_version().map(str::to_owned) }),
        }
    }

    /// Major and minor number.
    pub fn number(self) -> (u32, u32) {
        (1, self.minor)
    }

    /// Whether a component's own arguments are sorted in among the defaults, and not put behind them. The change was made
    /// for 1.36 and brought back to 1.32; an early patch release of 1.32 to 1.35 still sorts.
    pub(super) fn sorts_all_arguments(self) -> bool {
        self.minor < 32
    }

    /// Whether modes of authorization that kubeadm does not know are taken out of the user's own argument.
    pub(super) fn filters_authorization_modes(self) -> bool {
        self.minor < 30
    }

    /// Whether `apiServer.timeoutForControlPlane` is how long a component may take to start.
    pub(super) fn has_timeout_for_control_plane(self) -> bool {
        self.minor < 30
    }

    /// Whether probes name the port `probe-port`.
    pub(super) fn names_probe_port(self) -> bool {
        self.minor >= 34
    }

    /// Whether the scheduler is asked at `/livez` and `/readyz`, and no longer at `/healthz`.
    pub(super) fn scheduler_has_livez(self) -> bool {
        self.minor >= 32
    }

    /// Whether etcd is asked at `/livez` and `/readyz`, and no longer at `/health`.
    pub(super) fn etcd_has_livez(self) -> bool {
        self.minor >= 31
    }

    /// Whether the controller manager mounts the directory of flexible volume plugins.
    pub(super) fn mounts_flex_volumes(self) -> bool {
        self.minor < 36
    }

    /// Which of [`HOST_CA_DIRECTORIES`] are looked for.
    pub(super) fn ca_directories(self) -> impl Iterator<Item = &'static str> {
        let whole = self.minor < 31;
        HOST_CA_DIRECTORIES.into_iter().filter(move |path| match *path {
            "/etc/pki" => whole,
            "/etc/pki/ca-trust" | "/etc/pki/tls/certs" => !whole,
            _ => true,
        })
    }

    /// Whether etcd's flags are those of 3.6, where its version cannot be told from the image.
    pub(super) fn expects_etcd_3_6(self) -> bool {
        self.minor >= 36
    }

    /// The tag of etcd's image that a late kubeadm of the release brings (`SupportedEtcdVersion`).
    pub(super) fn etcd_tag(self) -> &'static str {
        match self.minor {
            ..=30 => "3.5.16-0",
            31..=33 => "3.5.24-0",
            34 => "3.6.5-0",
            35 => "3.6.6-0",
            36 => "3.6.8-0",
            _ => "3.7.0-0",
        }
    }
}
