//! Where configuration and host meet: every default resolved, every name checked. Pure; after it nothing reads argv, the
//! environment, `/proc` or the wall clock.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::config::{Extras, JoinConfiguration, Taint, Timeouts};
use crate::error::{Code, Explain, codes};
use crate::host::HostFacts;
use crate::kubeconfig::ClusterAccess;
use crate::kubelet::given::Given;
use crate::net::dial::Proxies;
use crate::net::tls::TrustRoots;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::rootfs::{TargetPath, TargetPathError};
use crate::values::{BootstrapToken, CaCertHash, Endpoint, NodeName, NodeNameError, Url};

/// Used where nothing is detected (kubeadm `constants_unix.go`).
pub const DEFAULT_CRI_SOCKET: &str = "unix:///var/run/containerd/containerd.sock";

/// A join with nothing left to decide.
#[derive(Clone, Debug)]
pub struct JoinPlan {
    /// The Node's name.
    pub node_name: NodeName,
    /// The kubelet must be told its name, because the host has another, or one that is not known yet.
    pub override_hostname: bool,
    /// The operator gave the name; else it is the host's.
    pub name_is_given: bool,
    /// `unix://` URL of the container runtime.
    pub cri_socket: String,
    /// How the cluster is found and proved.
    pub discovery: Discovery,
    /// What lies on the way to servers.
    pub proxies: Proxies,
    /// What the kubelet is to talk to, where that is not what discovery finds.
    pub server: Option<Endpoint>,
    /// Authenticates the request for a certificate; where there is none, the discovery file has to hold what does.
    pub bootstrap_token: Option<BootstrapToken>,
    /// Where the cluster CA is written.
    pub ca_cert_path: TargetPath,
    /// Taints that the kubelet registers its Node with.
    pub taints: Vec<Taint>,
    /// Flags for the kubelet, in the order given.
    pub kubelet_extra_args: Vec<(String, String)>,
    /// Waits.
    pub timeouts: Timeouts,
    /// Preflight checks whose errors are warnings.
    pub ignore_preflight_errors: Vec<String>,
    /// The target root.
    pub rootfs: PathBuf,
    /// Which of kubeadm's phases are gone through.
    pub phases: Phases,
    /// Who asks for the node's certificate.
    pub bootstrap: Bootstrap,
    /// Commit and start, or only show.
    pub run: Run,
    /// Which clock judges certificates.
    pub clock: Clock,
    /// Step the system clock to the proved server's.
    pub set_clock: bool,
    /// Spreads retries over a fleet: a stable hash of this machine's identity.
    pub seed: u64,
    /// What the operator gave for the kubelet's configuration.
    pub given: Given,
    /// This machine.
    pub host: HostFacts,
}

/// How the cluster is found and proved; files that were named for it have been read.
#[derive(Clone, Debug)]
pub enum Discovery {
    /// By a token that has signed cluster-info.
    Token {
        /// Whom to ask, one after the other; at least one.
        endpoints: Vec<Endpoint>,
        /// Proves cluster-info.
        token: BootstrapToken,
        /// Proves the CA.
        trust: Trust,
    },
    /// By a kubeconfig.
    File {
        /// What it says.
        access: Box<ClusterAccess>,
        /// What proves its server where it has no CA itself.
        web_roots: Option<TrustRoots>,
    },
    /// By a kubeconfig that a web server has.
    Url {
        /// Where.
        url: Url,
        /// What proves that server.
        roots: UrlRoots,
        /// What proves the API server where the kubeconfig has no CA itself.
        web_roots: TrustRoots,
    },
}

/// What proves the cluster CA in token discovery.
#[derive(Clone, Debug)]
pub enum Trust {
    /// A CA of one of these keys: at least one.
    Pins(Vec<CaCertHash>),
    /// Only the token's signature vouches for the CA.
    UnsafeSkipCaVerification,
}

/// What proves the web server of a discovery URL.
#[derive(Clone, Debug)]
pub enum UrlRoots {
    /// The operator's own choice, `--discovery-url-ca-file`.
    Given(TrustRoots),
    /// What this host trusts on the web, or, where it has no such list, what Mozilla does.
    Web(TrustRoots),
}

impl UrlRoots {
    /// As trust anchors.
    pub fn roots(&self) -> &TrustRoots {
        match self {
            UrlRoots::Given(roots) | UrlRoots::Web(roots) => roots,
        }
    }
}

impl Discovery {
    /// Whether a CA is known to be, or not to be, the cluster's without asking anybody.
    pub fn knows_authority(&self, certificate: &Certificate) -> Option<bool> {
        match self {
            Discovery::Token { trust: Trust::Pins(pins), .. } => {
                Some(pins.contains(&CaCertHash(certificate.public_key_digest())))
            }
            Discovery::File { access, .. } if !access.authorities.is_empty() => {
                let key = certificate.public_key_info();
                Some(access.authorities.iter().any(|own| own.public_key_info() == key))
            }
            Discovery::Token { .. } | Discovery::File { .. } | Discovery::Url { .. } => None,
        }
    }

    /// Whether the operator has named this server.
    pub fn names(&self, endpoint: &Endpoint) -> bool {
        match self {
            Discovery::Token { endpoints, .. } => endpoints.contains(endpoint),
            Discovery::File { .. } | Discovery::Url { .. } => true,
        }
    }

    /// The endpoint that kubeadm's checks are about: the first one of token discovery.
    pub fn checked_endpoint(&self) -> Option<&Endpoint> {
        match self {
            Discovery::Token { endpoints, .. } => endpoints.first(),
            Discovery::File { .. } | Discovery::Url { .. } => None,
        }
    }
}

/// Which of kubeadm's phases are gone through: all, all but those of `--skip-phases`, or the one of `join phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// `preflight`.
    pub preflight: bool,
    /// `kubelet-start`, with discovery and, unless the kubelet does it, TLS bootstrap.
    pub kubelet_start: bool,
    /// `kubelet-wait-bootstrap`: what was started is waited for.
    pub wait: bool,
}

/// Who asks for the node's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// This program, before the kubelet is started.
    Here,
    /// The kubelet, with the token in `bootstrap-kubelet.conf`: `--skip-phases tls-bootstrap`, kubeadm's way.
    Kubelet,
}

/// What is done with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Commit it and start the kubelet.
    Join,
    /// Show it; change nothing, here or in the cluster.
    DryRun,
}

/// A configuration that does not fit this machine.
#[derive(Debug)]
pub enum PlanError {
    /// The name is none that a Node can have.
    NodeName {
        /// Where it came from.
        source: NameSource,
        /// Why not.
        problem: NodeNameError,
    },
    /// Several container runtimes are there.
    SeveralRuntimes(Vec<String>),
    /// A phase without which there is no join here.
    CannotSkip(Phase),
    /// A path cannot be one inside the target root.
    Path(TargetPathError),
    /// Neither a token nor a user in the discovery file.
    NoCredentials,
}

/// Where a node name came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSource {
    /// `kubeletExtraArgs`.
    HostnameOverride,
    /// The host.
    Hostname,
}

impl JoinPlan {
    /// Resolves everything.
    pub fn new(
        configuration: JoinConfiguration,
        extras: Extras,
        discovery: Discovery,
        proxies: Proxies,
        host: HostFacts,
        clock: Clock,
    ) -> Result<Self, PlanError> {
        if let (Discovery::File { access, .. }, None) = (&discovery, &configuration.tls_bootstrap_token)
            && access.credentials.is_none()
        {
            return Err(PlanError::NoCredentials);
        }
        let registration = configuration.node_registration;
        let name_is_given = registration.name.is_some() || has_hostname_override(&registration.kubelet_extra_args);
        let node_name = node_name(registration.name, &registration.kubelet_extra_args, &host)?;
        let phases = Phases::without(&configuration.skip_phases);
        if phases.kubelet_start && skips(&configuration.skip_phases, Phase::Discovery) {
            return Err(PlanError::CannotSkip(Phase::Discovery));
        }
        let skips_tls_bootstrap = skips(&configuration.skip_phases, Phase::TlsBootstrap);
        let cri_socket = cri_socket(registration.cri_socket, &host)?;
        let ca_cert_path = configuration.ca_cert_path.to_string_lossy().parse().map_err(PlanError::Path)?;
        Ok(JoinPlan {
            override_hostname: host.kubelet_hostname.as_deref() != Some(node_name.as_str()),
            seed: seed(&[host.machine_id.as_deref(), host.system_uuid.as_deref(), Some(node_name.as_str())]),
            node_name,
            name_is_given,
            cri_socket,
            discovery,
            proxies,
            server: extras.server,
            bootstrap_token: configuration.tls_bootstrap_token,
            ca_cert_path,
            taints: registration.taints.unwrap_or_default(),
            kubelet_extra_args: registration.kubelet_extra_args,
            timeouts: configuration.timeouts,
            ignore_preflight_errors: registration.ignore_preflight_errors,
            rootfs: extras.rootfs.unwrap_or_else(|| PathBuf::from("/")),
            phases,
            bootstrap: if skips_tls_bootstrap { Bootstrap::Kubelet } else { Bootstrap::Here },
            run: if configuration.dry_run { Run::DryRun } else { Run::Join },
            clock,
            set_clock: extras.set_clock,
            given: Given::default(),
            host,
        })
    }

    /// The same with what [`crate::operator_files`] has read.
    pub fn with(self, given: Given) -> Self {
        JoinPlan { given, ..self }
    }

    /// Whether the target is this very system, so that a kubelet can be started in it.
    pub fn is_this_system(&self) -> bool {
        self.rootfs == Path::new("/")
    }
}

impl Phases {
    /// The one phase of `join phase`; ours are part of `kubelet-start` and never alone.
    pub fn only(phase: Phase) -> Self {
        Phases {
            preflight: phase == Phase::Preflight,
            kubelet_start: phase == Phase::KubeletStart,
            wait: phase == Phase::KubeletWaitBootstrap,
        }
    }

    fn without(skipped: &[String]) -> Self {
        Phases {
            preflight: !skips(skipped, Phase::Preflight),
            kubelet_start: !skips(skipped, Phase::KubeletStart),
            wait: !skips(skipped, Phase::KubeletWaitBootstrap),
        }
    }
}

fn skips(phases: &[String], phase: Phase) -> bool {
    phases.iter().any(|name| name == phase.name())
}

/// The socket that is given, or the one that answers, or kubeadm's default.
///
/// # Errors
/// Several answer.
pub fn cri_socket(given: Option<String>, host: &HostFacts) -> Result<String, PlanError> {
    match (given, host.cri_sockets.as_slice()) {
        (Some(given), _) => Ok(given),
        (None, []) => Ok(DEFAULT_CRI_SOCKET.to_owned()),
        (None, [one]) => Ok(one.clone()),
        (None, several) => Err(PlanError::SeveralRuntimes(several.to_vec())),
    }
}

fn has_hostname_override(extra_args: &[(String, String)]) -> bool {
    extra_args.iter().any(|(name, _)| name == "hostname-override")
}

/// `hostname-override` beats the name, which beats the host's (`cmd/kubeadm/app/cmd/phases/join/kubelet.go`).
///
/// # Errors
/// The name that counts is none that a Node can have.
pub fn node_name(
    given: Option<NodeName>,
    extra_args: &[(String, String)],
    host: &HostFacts,
) -> Result<NodeName, PlanError> {
    let parse = |text: &str, source| text.parse().map_err(|problem| PlanError::NodeName { source, problem });
    match extra_args.iter().rev().find(|(name, _)| name == "hostname-override") {
        Some((_, value)) => parse(value, NameSource::HostnameOverride),
        None => given.map_or_else(|| parse(&host.hostname, NameSource::Hostname), Ok),
    }
}

/// FNV-1a: stable across releases and machines, which std's hasher does not promise.
fn seed(parts: &[Option<&str>]) -> u64 {
    let bytes = parts.iter().flatten().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::NodeName { source: NameSource::HostnameOverride, problem } => {
                write!(f, "kubeletExtraArgs hostname-override: {problem}")
            }
            PlanError::NodeName { source: NameSource::Hostname, problem } => {
                write!(f, "this machine's host name cannot be a node name: {problem}")
            }
            PlanError::SeveralRuntimes(found) => {
                write!(f, "several container runtimes are running: {}", found.join(", "))
            }
            PlanError::CannotSkip(phase) => {
                write!(f, "the phase {} cannot be skipped: without it no cluster is proved", phase.name())
            }
            PlanError::Path(problem) => write!(f, "caCertPath: {problem}"),
            PlanError::NoCredentials => f.write_str(
                "there is no token, and no credentials in the discovery file, to request a certificate with",
            ),
        }
    }
}

impl std::error::Error for PlanError {}

impl Explain for PlanError {
    fn code(&self) -> &'static Code {
        match self {
            PlanError::NodeName { .. } => &codes::CONFIG_NODE_NAME,
            PlanError::SeveralRuntimes(_) => &codes::CONFIG_SEVERAL_RUNTIMES,
            PlanError::NoCredentials => &codes::CONFIG_INCOMPLETE,
            PlanError::CannotSkip(_) => &codes::USAGE,
            PlanError::Path(_) => &codes::CONFIG_INVALID,
        }
    }

    fn hint(&self) -> String {
        match self {
            PlanError::CannotSkip(_) => {
                "take it out of --skip-phases or skipPhases, or skip kubelet-start, which it is a part of".to_owned()
            }
            PlanError::NoCredentials => {
                "pass --tls-bootstrap-token from `kubeadm token create` on the control plane, or \
                 write a user with credentials into the discovery file"
                    .to_owned()
            }
            _ => self.code().action.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_taken_where_kubeadm_takes_it() {
        let host = HostFacts { hostname: "host".to_owned(), ..HostFacts::default() };
        let given: NodeName = "given".parse().unwrap();
        let args = [("hostname-override".to_owned(), "arg".to_owned())];
        for (name, args, expected) in
            [(None, &[][..], "host"), (Some(given.clone()), &[], "given"), (Some(given), &args, "arg")]
        {
            assert_eq!(node_name(name, args, &host).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn a_host_without_a_name_is_told_so() {
        let host = HostFacts { hostname: "(none)".to_owned(), ..HostFacts::default() };
        assert!(matches!(node_name(None, &[], &host), Err(PlanError::NodeName { source: NameSource::Hostname, .. })));
    }
}
