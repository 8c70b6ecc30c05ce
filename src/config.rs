//! What the user asked for: JoinConfiguration of every version, tokens, pins, endpoints, and the precedence of their
//! sources. Knows nothing of the network and nothing of this machine.

mod args_form;
mod document;
mod draft;
pub mod error;
mod fields;
pub mod kernel;
pub mod load;
pub mod migrate;
mod node_registration;
pub mod origin;
mod render;
mod resolve;
pub mod settings;
mod time_added;
mod v1alpha3;
mod v1beta2;
mod v1beta3;
mod v1beta4;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::clock::ClockMode;
use crate::values::{BootstrapToken, CaCertHash, Endpoint, NodeName, Url};

pub use args_form::ArgsForm;
pub use error::{ConfigError, Problem, Warning};
pub use load::load;
pub use origin::Origin;
pub use resolve::{Resolved, Sources, resolve};
pub use settings::{Settings, TokenFile};

/// Everything a join can be told, from whichever source, before this machine's facts fill the gaps.
/// Shape: kubeadm's internal JoinConfiguration (v1beta4 fields), plus what only kubejoin has.
#[derive(Clone, Debug)]
pub struct JoinConfiguration {
    /// How the control plane is found and trusted.
    pub discovery: DiscoveryMethod,
    /// `discovery.tlsBootstrapToken`, defaulted to the discovery token; where a kubeconfig is there instead, it may hold
    /// credentials.
    pub tls_bootstrap_token: Option<BootstrapToken>,
    /// `nodeRegistration`.
    pub node_registration: NodeRegistration,
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
        /// `token`.
        token: BootstrapToken,
        /// `caCertHashes` or the explicit wish to go without.
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
    pub name: Option<NodeName>,
    /// `criSocket`, with its `unix://`; detected where absent.
    pub cri_socket: Option<String>,
    /// `taints`; `None` is the default of the role.
    pub taints: Option<Vec<Taint>>,
    /// `kubeletExtraArgs`, in the order given, duplicates kept.
    pub kubelet_extra_args: Vec<(String, String)>,
    /// `ignorePreflightErrors`, lower case.
    pub ignore_preflight_errors: Vec<String>,
    /// `imagePullPolicy`; only a control plane has images to pull.
    pub image_pull_policy: ImagePullPolicy,
    /// `imagePullSerial`; the same.
    pub image_pull_serial: bool,
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

/// `timeouts` of v1beta4; defaults are kubeadm's (`cmd/kubeadm/app/constants/constants.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `discovery`.
    pub discovery: Duration,
    /// `tlsBootstrap`.
    pub tls_bootstrap: Duration,
    /// `kubeletHealthCheck`.
    pub kubelet_health_check: Duration,
    /// `kubernetesAPICall`.
    pub kubernetes_api_call: Duration,
    /// `controlPlaneComponentHealthCheck`; a worker has no use for this one and the next two.
    pub control_plane_component_health_check: Duration,
    /// `etcdAPICall`.
    pub etcd_api_call: Duration,
    /// `upgradeManifests`.
    pub upgrade_manifests: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            discovery: Duration::from_secs(300),
            tls_bootstrap: Duration::from_secs(300),
            kubelet_health_check: Duration::from_secs(240),
            kubernetes_api_call: Duration::from_secs(60),
            control_plane_component_health_check: Duration::from_secs(240),
            etcd_api_call: Duration::from_secs(120),
            upgrade_manifests: Duration::from_secs(300),
        }
    }
}

/// What kubejoin can be told beyond kubeadm's JoinConfiguration; flags and kernel command line only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// `--rootfs`: where the tree is written; `/` where absent.
    pub rootfs: Option<PathBuf>,
    /// `--clock`.
    pub clock: ClockMode,
    /// `--set-clock`: step the system clock once the server has been verified.
    pub set_clock: bool,
    /// `--server`: what the kubelet is to talk to, where that is not what discovery finds.
    pub server: Option<Endpoint>,
    /// `--kubelet-config`: a file with the KubeletConfiguration that is used instead of the cluster's; a path of this machine.
    pub kubelet_config: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
