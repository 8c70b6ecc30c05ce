//! Everything that is known becomes a [`FileSet`]: every path, mode and byte, in the order of writing. No I/O.
//!
//! `kubelet.conf` comes last of what makes a node: where it exists, all the rest does.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::paths;
use crate::cluster::cluster_configuration::ClusterConfiguration;
use crate::discovery::{BootstrapCredentials, ClusterInfo};
use crate::error::{Code, Explain, debug_as_display};
use crate::kubelet::configuration::{KubeletConfigError, KubeletConfiguration, KubeletInputs};
use crate::kubelet::cri_socket::CriSocketHandover;
use crate::kubelet::raw::RawKubeletConfig;
use crate::kubelet::{flags, instance, kubeconfig};
use crate::plan::NodeSpec;
use crate::rootfs::{Entry, FileSet, TargetPath};
use crate::tls_bootstrap::Credentials;
use crate::values::Endpoint;

/// Everything of a node's tree but the kubelet's credential.
#[derive(Clone, Debug)]
pub struct NodeFiles {
    common: FileSet,
    kubelet: KubeletConfiguration,
    warnings: Vec<String>,
    server: String,
    ca_certificates: String,
    cluster_name: String,
    now: u64,
}

/// The KubeletConfiguration, or the patches of it, cannot be turned into files.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeFilesError {
    /// Where the KubeletConfiguration came from.
    origin: String,
    error: KubeletConfigError,
}

/// What the kubelet authenticates with.
#[derive(Clone, Copy, Debug)]
pub enum KubeletCredential<'a> {
    /// A certificate that has not been requested yet: the files show what will be there.
    Placeholder,
    /// This certificate.
    Issued(&'a Credentials),
    /// These first, and then a certificate that the kubelet requests itself.
    BootstrapToken(&'a BootstrapCredentials),
    /// What is in `kubelet.conf` already, which is left as it is.
    KeepExisting,
}

impl NodeFiles {
    /// Renders what does not depend on the credential; what cannot become files is refused here, before a certificate is
    /// requested. `server` is the API server that the kubelet is to use, `raw` the KubeletConfiguration; kubeadm's defaults alone where there is none.
    ///
    /// # Errors
    /// The KubeletConfiguration or a patch cannot be used.
    pub fn render(
        node: &NodeSpec,
        info: &ClusterInfo,
        server: &Endpoint,
        cluster: &ClusterConfiguration,
        raw: Option<&RawKubeletConfig>,
    ) -> Result<Self, NodeFilesError> {
        let inputs = KubeletInputs {
            cluster,
            cri_socket: &node.cri_socket,
            resolved_active: node.systemd_resolved_active,
            patches: &node.kubelet_overrides.patches,
        };
        let built = KubeletConfiguration::build(raw, inputs).map_err(|error| {
            let origin = raw.map_or("kubeadm's defaults", RawKubeletConfig::origin).to_owned();
            NodeFilesError { origin, error }
        })?;
        let hostname_override = node.override_hostname.then_some(node.name.as_str());
        let socket = CriSocketHandover::of(cluster).flags(&node.cri_socket);
        let flags = flags::render(&socket, hostname_override, &node.taints, &node.kubelet_extra_args);
        let ca_certificates = info.ca_certificates_pem();
        let mut common = FileSet::new();
        common
            .directory(paths::KUBERNETES, 0o755)
            .directory(paths::PKI, 0o755)
            .directory(paths::MANIFESTS, 0o755)
            .directory(paths::KUBELET, 0o700)
            .directory(paths::KUBELET_PKI, 0o755)
            .file(node.ca_cert_path.clone(), 0o644, ca_certificates.as_str())
            .file(paths::INSTANCE_CONFIG, 0o644, instance::render(&node.cri_socket))
            .file(paths::KUBELET_CONFIG, 0o644, built.config.to_yaml())
            .file(paths::KUBEADM_FLAGS, 0o644, flags);
        Ok(NodeFiles {
            common,
            kubelet: built.config,
            warnings: built.warnings,
            server: format!("https://{server}"),
            ca_certificates,
            cluster_name: cluster.cluster_name().to_owned(),
            now: seconds(info.clock().now()),
        })
    }

    /// The configuration that the kubelet will run with.
    pub fn kubelet(&self) -> &KubeletConfiguration {
        &self.kubelet
    }

    /// Where the KubeletConfiguration differs from kubeadm's defaults.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The whole tree, in the order of writing. `unit_links` make a root that is not running start the kubelet at boot. What
    /// lets the kubelet in comes last: where it is, all the rest is.
    pub fn with(&self, credential: KubeletCredential<'_>, unit_links: &[Entry]) -> FileSet {
        let mut files = self.common.clone();
        match credential {
            KubeletCredential::Placeholder => self.certificate(&mut files, self.now, Zeroizing::default(), unit_links),
            KubeletCredential::Issued(credentials) => {
                let pair = certificate_and_key(credentials);
                self.certificate(&mut files, credentials.issued_at(), pair, unit_links);
            }
            KubeletCredential::BootstrapToken(BootstrapCredentials { credentials, names }) => {
                let (server, ca) = (&self.server, &self.ca_certificates);
                let conf = kubeconfig::render_bootstrap(server, ca, &self.cluster_name, names, credentials);
                // A kubelet that finds a certificate of a previous join does not request one of this cluster.
                files.absent(paths::CLIENT_CURRENT).absent(paths::PENDING_KEY);
                add_all(&mut files, unit_links);
                files.secret_file(paths::BOOTSTRAP_KUBELET_CONF, 0o600, conf);
            }
            KubeletCredential::KeepExisting => {
                files.absent(paths::BOOTSTRAP_KUBELET_CONF).absent(paths::PENDING_KEY);
                add_all(&mut files, unit_links);
            }
        }
        files
    }

    fn certificate(&self, files: &mut FileSet, issued_at: u64, pair: Zeroizing<Vec<u8>>, unit_links: &[Entry]) {
        let (current, certificate) = (paths::CLIENT_CURRENT, paths::client_certificate(issued_at));
        let kubelet_conf = kubeconfig::render(&self.server, &self.ca_certificates, current.as_str());
        files
            .secret_file(certificate.clone(), 0o600, pair)
            .symlink(current, certificate.as_str())
            .absent(paths::BOOTSTRAP_KUBELET_CONF);
        add_all(files, unit_links);
        files.file(paths::KUBELET_CONF, 0o600, kubelet_conf);
        // After the commit point: before it, this key is what finds an interrupted run's request again.
        files.absent(paths::PENDING_KEY);
    }
}

/// What a renewal writes: the new pair beside the one that is in use, which `current` leads to.
pub fn renewed_pair(credentials: &Credentials, current: &TargetPath) -> FileSet {
    let certificate = paths::client_certificate(credentials.issued_at());
    let beside = current.parent().zip(certificate.file_name()).and_then(|(of, name)| of.join(name).ok());
    let certificate = beside.unwrap_or(certificate);
    let mut files = FileSet::new();
    files
        .secret_file(certificate.clone(), 0o600, certificate_and_key(credentials))
        .symlink(current.clone(), certificate.as_str())
        .absent(paths::PENDING_KEY);
    files
}

fn add_all(files: &mut FileSet, entries: &[Entry]) {
    for entry in entries {
        files.add(entry.clone());
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// All certificates, then the key, as the kubelet's store keeps them.
fn certificate_and_key(credentials: &Credentials) -> Zeroizing<Vec<u8>> {
    let key = credentials.key().to_pem();
    let chain: String = credentials.chain().iter().map(|c| c.to_pem()).collect();
    let mut bytes = Zeroizing::new(Vec::with_capacity(chain.len() + key.len()));
    bytes.extend_from_slice(chain.as_bytes());
    bytes.extend_from_slice(key.as_bytes());
    bytes
}

impl fmt::Display for NodeFilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            error @ (KubeletConfigError::Patch(_) | KubeletConfigError::Patched { .. }) => error.fmt(f),
            error => write!(f, "{}: {error}", self.origin),
        }
    }
}

debug_as_display!(NodeFilesError);

impl std::error::Error for NodeFilesError {}

impl Explain for NodeFilesError {
    fn code(&self) -> &'static Code {
        self.error.code()
    }
}
