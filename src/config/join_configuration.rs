//! What the sources amount to once they have been weighed and checked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use super::timeouts::Timeouts;
use crate::values::{BootstrapToken, CaCertHash, CertificateKey, Endpoint, NodeNameTemplate, Url};

/// Everything a join can be told, from whichever source, before this machine's facts fill the gaps.
/// Shape: kubeadm's internal JoinConfiguration (v1beta4 fields), plus what only kubejoin has.
#[derive(Clone, Debug)]
pub struct JoinConfiguration {
    /// How the control plane is found and trusted.
    pub discovery: DiscoveryMethod,
    /// `discovery.tlsBootstrapToken`, defaulted to the discovery token; where a kubeconfig is there instead, it may hold
    /// credentials.
    pub tls_bootstrap_token: Option<BootstrapToken>,
    /// The same, from a weaker source than the one that names the discovery file: only where that has no user of its own.
    pub fallback_token: Option<BootstrapToken>,
    /// The discovery file is named by who must not have a secret of this machine sent anywhere.
    pub discovery_file_is_foreign: bool,
    /// Whether a token may come later, where there is none.
    pub token_may_come: bool,
    /// `nodeRegistration`.
    pub node_registration: NodeRegistration,
    /// `controlPlane`; a worker has none.
    pub control_plane: Option<ControlPlaneSettings>,
    /// `caCertPath`, absolute, ends in `.crt`.
    pub ca_cert_path: PathBuf,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `patches.directory`; a path of this machine, not of the target root.
    pub patches_directory: Option<PathBuf>,
    /// `skipPhases`.
    pub skip_phases: Vec<String>,
    /// `dryRun`.
    pub dry_run: bool,
}

/// `discovery`, as configured: its files have not been read.
#[derive(Clone, Debug)]
pub enum DiscoveryMethod {
    /// `discovery.bootstrapToken`.
    Token {
        /// `apiServerEndpoint`: at least one, in the order in which they are tried.
        endpoints: Vec<Endpoint>,
        /// `token`; absent where it may come later.
        token: Option<BootstrapToken>,
        /// `caCertHashes`, or the explicit choice to go without.
        trust: DiscoveryTrust,
    },
    /// `discovery.file`, its `kubeConfigPath` being a path (that of a `file://` URL, too) of this machine.
    File(PathBuf),
    /// The same, its `kubeConfigPath` being a URL.
    Url {
        /// Where the kubeconfig is.
        url: Url,
        /// `--discovery-url-ca-file`: trusted for that server in place of the host's CA bundle; a path of this machine.
        ca_file: Option<PathBuf>,
    },
}

/// What verifies the cluster CA in token discovery, as configured.
#[derive(Clone, Debug)]
pub enum DiscoveryTrust {
    /// `caCertHashes`: at least one; any match is enough.
    Pins(Vec<CaCertHash>),
    /// `--discovery-ca-file`: the same, as certificates; a path of this machine.
    CaFile(PathBuf),
    /// `unsafeSkipCAVerification`: only the token's JWS vouches for the CA.
    UnsafeSkipCaVerification,
}

/// `nodeRegistration`.
#[derive(Clone, Debug)]
pub struct NodeRegistration {
    /// `name`; the host name where absent.
    pub name: Option<NodeNameTemplate>,
    /// `criSocket`, with its `unix://`; detected where absent.
    pub cri_socket: Option<String>,
    /// `taints`; `None` is the default of the role.
    pub taints: Option<Vec<Taint>>,
    /// `kubeletExtraArgs`, in the order given, duplicates kept.
    pub kubelet_extra_args: Vec<(String, String)>,
    /// `ignorePreflightErrors`, lower case.
    pub ignore_preflight_errors: Vec<String>,
    /// `imagePullPolicy`, for the images of a control plane.
    pub image_pull_policy: ImagePullPolicy,
}

/// `controlPlane`.
#[derive(Clone, Debug)]
pub struct ControlPlaneSettings {
    /// `localAPIEndpoint.advertiseAddress`; detected where absent.
    pub advertise_address: Option<IpAddr>,
    /// `localAPIEndpoint.bindPort`.
    pub bind_port: u16,
    /// `certificateKey`; without it the shared certificates have to be there as files.
    pub certificate_key: Option<CertificateKey>,
}

/// `nodeRegistration.imagePullPolicy` (core/v1 `PullPolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImagePullPolicy {
    /// `Always`.
    Always,
    /// `IfNotPresent`, kubeadm's default.
    #[default]
    IfNotPresent,
    /// `Never`.
    Never,
}

impl ImagePullPolicy {
    /// As Kubernetes writes it.
    pub fn name(self) -> &'static str {
        match self {
            ImagePullPolicy::Always => "Always",
            ImagePullPolicy::IfNotPresent => "IfNotPresent",
            ImagePullPolicy::Never => "Never",
        }
    }
}

impl FromStr for ImagePullPolicy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let all = [ImagePullPolicy::Always, ImagePullPolicy::IfNotPresent, ImagePullPolicy::Never];
        all.into_iter().find(|policy| policy.name() == text).ok_or(())
    }
}

/// A core/v1 Taint of `nodeRegistration.taints`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// `key`.
    pub key: String,
    /// `value`, may be empty.
    pub value: String,
    /// `effect`.
    pub effect: String,
}
