//! Where the certificates and keys of a control plane are (kubeadm `constants/constants.go`).

use super::error::ControlPlaneError;
use crate::cluster::control_plane::{ControlPlaneConfiguration, Etcd};
use crate::rootfs::{TargetPath, TargetPathError};

/// Kubeconfigs of the components, in kubeadm's order; 0600.
pub const ADMIN_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/admin.conf");
pub const CONTROLLER_MANAGER_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/controller-manager.conf");
pub const SCHEDULER_CONF: TargetPath = TargetPath::fixed("/etc/kubernetes/scheduler.conf");

/// The key that service account tokens are signed with, and its public half.
pub const SERVICE_ACCOUNT_KEY: &str = "sa.key";
pub const SERVICE_ACCOUNT_PUBLIC_KEY: &str = "sa.pub";

/// The longest name below the directory of certificates.
const LONGEST: &str = "apiserver-kubelet-client.crt";

/// Where the files are: `certificatesDir`, and etcd's.
#[derive(Clone, Debug)]
pub struct PkiLayout {
    directory: TargetPath,
    etcd: EtcdPki,
}

/// Where etcd's certificates come from.
#[derive(Clone, Debug)]
pub enum EtcdPki {
    /// A member on this node, with certificates of the etcd CA.
    Local,
    /// An etcd elsewhere, with the client certificate that `etcd.external` names; an etcd without TLS has none.
    External {
        /// `caFile`.
        ca: Option<TargetPath>,
        /// `certFile`.
        certificate: Option<TargetPath>,
        /// `keyFile`.
        key: Option<TargetPath>,
    },
}

/// A CA of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ca {
    /// The cluster's own.
    Cluster,
    /// That of the client certificate with which the API server calls extension API servers.
    FrontProxy,
    /// etcd's.
    Etcd,
}

impl Ca {
    /// Its files are called this, with `.crt` and `.key`.
    pub fn base(self) -> &'static str {
        match self {
            Ca::Cluster => "ca",
            Ca::FrontProxy => "front-proxy-ca",
            Ca::Etcd => "etcd/ca",
        }
    }
}

impl PkiLayout {
    /// # Errors
    /// The directory's path is so long that no file in it can have one.
    pub fn new(certificates_dir: TargetPath, etcd: EtcdPki) -> Result<Self, TargetPathError> {
        certificates_dir.join(LONGEST)?;
        Ok(PkiLayout { directory: certificates_dir, etcd })
    }

    /// What a cluster's configuration says; `directory` takes the place of its `certificatesDir`.
    ///
    /// # Errors
    /// A path that cannot be one of a file.
    pub fn of(configuration: &ControlPlaneConfiguration, directory: Option<&str>) -> Result<Self, ControlPlaneError> {
        let path = |text: &str| {
            text.parse::<TargetPath>().map_err(|error| {
                ControlPlaneError::NoClusterConfiguration(format!("a path in it cannot be used: {error}"))
            })
        };
        let given = |text: &str| if text.is_empty() { Ok(None) } else { path(text).map(Some) };
        let etcd = match &configuration.etcd {
            Etcd::Local(_) => EtcdPki::Local,
            Etcd::External(external) => EtcdPki::External {
                ca: given(&external.ca_file)?,
                certificate: given(&external.cert_file)?,
                key: given(&external.key_file)?,
            },
        };
        PkiLayout::new(path(directory.unwrap_or(configuration.cluster.certificates_dir()))?, etcd)
            .map_err(|error| ControlPlaneError::NoClusterConfiguration(format!("its certificatesDir: {error}")))
    }

    /// `certificatesDir`; 0755.
    pub fn directory(&self) -> &TargetPath {
        &self.directory
    }

    /// Where etcd's certificates come from.
    pub fn etcd(&self) -> &EtcdPki {
        &self.etcd
    }

    /// Whether a member of etcd runs on this node.
    pub fn has_local_etcd(&self) -> bool {
        matches!(self.etcd, EtcdPki::Local)
    }

    /// The CAs of this control plane.
    pub fn cas(&self) -> &'static [Ca] {
        if self.has_local_etcd() { &[Ca::Cluster, Ca::FrontProxy, Ca::Etcd] } else { &[Ca::Cluster, Ca::FrontProxy] }
    }

    /// A file by its name below the directory, which is one of this room's own.
    pub fn path(&self, name: &str) -> TargetPath {
        // `new` has found that the longest fits.
        self.directory.join(name).unwrap_or_else(|_| self.directory.clone())
    }

    /// The certificate and the key called `base`.
    pub fn pair(&self, base: &str) -> (TargetPath, TargetPath) {
        (self.path(&format!("{base}.crt")), self.path(&format!("{base}.key")))
    }
}
