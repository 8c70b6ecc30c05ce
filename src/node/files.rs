//! Everything that is known becomes a [`FileSet`]: every path, mode and byte, in the order of writing. No I/O.
//!
//! `kubelet.conf` comes last of what makes a node: where it exists, all the rest does.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::cluster_config::ClusterConfig;
use crate::discovery::{BootstrapCredentials, ClusterInfo};
use crate::error::{Code, Explain};
use crate::kubelet::configuration::{KubeletConfigError, KubeletConfiguration, KubeletInputs};
use crate::kubelet::cri_socket::CriSocketHandover;
use crate::kubelet::{flags, instance, kubeconfig};
use crate::node::paths;
use crate::plan::JoinPlan;
use crate::rootfs::{Entry, FileSet};
use crate::tls_bootstrap::Credentials;

/// The tree of a node, and what is worth saying about it.
#[derive(Clone, Debug)]
pub struct NodeFiles {
    /// What is written.
    pub files: FileSet,
    /// The configuration that the kubelet will run with.
    pub kubelet: KubeletConfiguration,
    /// Where the cluster's wishes differ from kubeadm's defaults.
    pub warnings: Vec<String>,
}

/// The cluster's wishes, or the operator's patches of them, cannot be turned into files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFilesError {
    /// Where the KubeletConfiguration came from.
    origin: String,
    error: KubeletConfigError,
}

/// How the kubelet will prove who it is.
#[derive(Clone, Copy, Debug)]
pub enum Identity<'a> {
    /// With a certificate that has not been asked for yet: the identity's files show what will be there.
    NotYet,
    /// With this certificate.
    Signed(&'a Credentials),
    /// With these first, and then with a certificate that it asks for itself.
    Kubelet(&'a BootstrapCredentials),
    /// With what an operator has put into `kubelet.conf`, which is left as it is.
    Operator,
}

/// Renders the tree.
pub fn render(
    plan: &JoinPlan,
    info: &ClusterInfo,
    config: &ClusterConfig,
    identity: Identity<'_>,
    service: Vec<Entry>,
) -> Result<NodeFiles, NodeFilesError> {
    let built = KubeletConfiguration::build(KubeletInputs {
        config_map: config.kubelet.as_ref().map(|kubelet| kubelet.text.as_str()),
        cluster: &config.cluster,
        cri_socket: &plan.cri_socket,
        resolved_active: plan.host.systemd_resolved_active,
        patches: &plan.given.patches,
    })
    .map_err(|error| {
        let origin = config.kubelet.as_ref().map_or("kubeadm's defaults", |kubelet| &kubelet.origin);
        NodeFilesError { origin: origin.to_owned(), error }
    })?;
    let hostname_override = plan.override_hostname.then_some(plan.node_name.as_str());
    let socket = CriSocketHandover::of(&config.cluster).flags(&plan.cri_socket);
    let flags = flags::render(&socket, hostname_override, &plan.taints, &plan.kubelet_extra_args);
    let authorities = info.authorities_pem();
    let server = format!("https://{}", info.server());
    let mut files = FileSet::new();
    files
        .directory(paths::KUBERNETES, 0o755)
        .directory(paths::PKI, 0o755)
        .directory(paths::MANIFESTS, 0o755)
        .directory(paths::KUBELET, 0o700)
        .directory(paths::KUBELET_PKI, 0o755)
        .file(plan.ca_cert_path.clone(), 0o644, authorities.as_str())
        .file(paths::INSTANCE_CONFIG, 0o644, instance::render(&plan.cri_socket))
        .file(paths::KUBELET_CONFIG, 0o644, built.config.to_yaml())
        .file(paths::KUBEADM_FLAGS, 0o644, flags);
    // What lets the kubelet in comes last: where it is, all the rest is.
    match identity {
        Identity::NotYet | Identity::Signed(_) => {
            let (issued_at, pair) = match identity {
                Identity::Signed(credentials) => (credentials.issued_at(), certificate_and_key(credentials)),
                _ => (seconds(info.clock().now()), Zeroizing::default()),
            };
            let (current, certificate) = (paths::CLIENT_CURRENT, paths::client_certificate(issued_at));
            let kubelet_conf = kubeconfig::render(&server, &authorities, current.as_str());
            files
                .secret_file(certificate.clone(), 0o600, pair)
                .symlink(current, certificate.as_str())
                .absent(paths::BOOTSTRAP_KUBELET_CONF);
            add_all(&mut files, service);
            files.file(paths::KUBELET_CONF, 0o600, kubelet_conf);
            // After the commit point: before it, this key is what finds an interrupted run's request again.
            files.absent(paths::PENDING_KEY);
        }
        Identity::Kubelet(BootstrapCredentials { credentials, names }) => {
            let cluster = config.cluster.cluster_name();
            let conf = kubeconfig::render_bootstrap(&server, &authorities, cluster, names, credentials);
            // A kubelet that finds a certificate of an earlier life does not ask for one of this cluster.
            files.absent(paths::CLIENT_CURRENT).absent(paths::PENDING_KEY);
            add_all(&mut files, service);
            files.secret_file(paths::BOOTSTRAP_KUBELET_CONF, 0o600, conf);
        }
        Identity::Operator => {
            files.absent(paths::BOOTSTRAP_KUBELET_CONF).absent(paths::PENDING_KEY);
            add_all(&mut files, service);
        }
    }
    Ok(NodeFiles { files, kubelet: built.config, warnings: built.warnings })
}

fn add_all(files: &mut FileSet, entries: Vec<Entry>) {
    for entry in entries {
        files.add(entry);
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

impl std::error::Error for NodeFilesError {}

impl Explain for NodeFilesError {
    fn code(&self) -> &'static Code {
        self.error.code()
    }
}
