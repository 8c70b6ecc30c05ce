//! A configuration on its way: kubeadm's fields as texts with their origins, before anything is checked. Whatever the
//! source, checking happens once, in [`Draft::check`], and reports everything that is wrong.

use std::path::PathBuf;

use super::error::{Problem, Warning};
use super::origin::{Given, Origin};
use super::settings::list;
use super::{DiscoveryMethod, DiscoveryTrust, ImagePullPolicy, JoinConfiguration, NodeRegistration, Taint, Timeouts};
use crate::phase::{self, Applies};
use crate::secret::Secret;
use crate::values::{BootstrapToken, CaCertHash, Endpoint};

/// kubeadm's default of `caCertPath` (`apis/kubeadm/v1beta4/defaults_unix.go`).
pub(super) const DEFAULT_CA_CERT_PATH: &str = "/etc/kubernetes/pki/ca.crt";

/// Fields of a JoinConfiguration, unchecked.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Each may be a list with commas.
    pub(super) endpoints: Vec<Given<String>>,
    pub(super) discovery_token: Option<Given<Secret>>,
    pub(super) tls_bootstrap_token: Option<Given<Secret>>,
    pub(super) ca_cert_hashes: Vec<Given<String>>,
    pub(super) unsafe_skip_ca_verification: bool,
    /// `--discovery-ca-file`.
    pub(super) ca_file: Option<Given<PathBuf>>,
    /// `--discovery-url-ca-file`.
    pub(super) url_ca_file: Option<Given<PathBuf>>,
    /// `discovery.bootstrapToken` is there, perhaps without anything in it.
    pub(super) bootstrap_token: Option<Origin>,
    /// `discovery.file.kubeConfigPath`.
    pub(super) file: Option<Given<String>>,
    pub(super) control_plane: Option<Given<ControlPlane>>,
    pub(super) node_name: Option<Given<String>>,
    pub(super) cri_socket: Option<Given<String>>,
    pub(super) taints: Option<Vec<DraftTaint>>,
    pub(super) kubelet_extra_args: Vec<(String, String)>,
    pub(super) ignore_preflight_errors: Vec<String>,
    pub(super) image_pull_policy: ImagePullPolicy,
    /// On where absent.
    pub(super) image_pull_serial: Option<bool>,
    /// `patches` is there, perhaps without anything in it.
    pub(super) patches: Option<Origin>,
    /// `patches.directory`; kubeadm checks nothing about it.
    pub(super) patches_directory: Option<PathBuf>,
    pub(super) ca_cert_path: Option<Given<String>>,
    pub(super) timeouts: Timeouts,
    pub(super) skip_phases: Vec<Given<String>>,
    pub(super) dry_run: bool,
}

/// A taint, and the part of it that has no meaning for a Node to come.
#[derive(Clone, Debug)]
pub(super) struct DraftTaint {
    pub(super) taint: Taint,
    /// `timeAdded`, in UTC.
    pub(super) time_added: Option<String>,
}

/// `controlPlane`.
#[derive(Clone, Debug, Default)]
pub(super) struct ControlPlane {
    /// `localAPIEndpoint.advertiseAddress`; detected where absent.
    pub(super) advertise_address: Option<Given<String>>,
    /// `localAPIEndpoint.bindPort`.
    pub(super) bind_port: Option<Given<i32>>,
    /// `certificateKey`.
    pub(super) certificate_key: Option<Given<Secret>>,
}

/// Characters of a certificate key: 32 bytes in hexadecimal (kubeadm `CertificateKeySize`).
const CERTIFICATE_KEY_LENGTH: usize = 64;

impl ControlPlane {
    /// `ValidateJoinControlPlane` of kubeadm.
    fn check(&self, problems: &mut Vec<Problem>) {
        if let Some(Given { value, origin }) = self.advertise_address.as_ref().filter(|given| !given.value.is_empty())
            && value.parse::<std::net::IpAddr>().is_err()
        {
            problems.push(Problem::AdvertiseAddress(origin.clone(), value.clone()));
        }
        if let Some(Given { value, origin }) = &self.bind_port
            && !(0..=65535).contains(value)
        {
            problems.push(Problem::BindPort(origin.clone(), *value));
        }
        if let Some(Given { value, origin }) = &self.certificate_key {
            let key = value.expose();
            if key.len() != CERTIFICATE_KEY_LENGTH || !key.bytes().all(|b| b.is_ascii_hexdigit()) {
                problems.push(Problem::CertificateKey(origin.clone()));
            }
        }
    }
}

impl Draft {
    /// What a join cannot do yet; a file that says so can be validated and migrated all the same.
    pub(super) fn unsupported(&self) -> Vec<Problem> {
        self.control_plane.iter().map(|given| Problem::NotYetSupported(given.origin.clone())).collect()
    }

    /// Checks everything. `problems` may hold some already; there is a configuration only if it stays empty.
    pub(super) fn check(self, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Option<JoinConfiguration> {
        let discovery = self.discovery(problems, warnings);
        let tls_bootstrap_token = token(&self.tls_bootstrap_token, problems);
        let ca_cert_path = match self.ca_cert_path {
            Some(Given { value, origin }) if !value.is_empty() => {
                if !value.starts_with('/') || !value.ends_with(".crt") {
                    problems.push(Problem::CaCertPath(origin, value.clone()));
                }
                PathBuf::from(value)
            }
            _ => PathBuf::from(DEFAULT_CA_CERT_PATH),
        };
        for Given { value, origin } in &self.skip_phases {
            match phase::find(value).map(|phase| phase.applies) {
                Some(Applies::Retired) => warnings.push(Warning::RetiredPhase(origin.clone(), value.clone())),
                Some(_) => {}
                None => problems.push(Problem::Phase(origin.clone(), value.clone())),
            }
        }
        if let Some(control_plane) = &self.control_plane {
            control_plane.value.check(problems);
        }
        let node_registration = NodeRegistration {
            name: self.node_name.and_then(|given| checked(given, problems, Problem::NodeName)),
            cri_socket: self.cri_socket.and_then(|given| cri_socket(given, problems, warnings)),
            taints: self.taints.map(|taints| taints.into_iter().map(|taint| taint.taint).collect()),
            kubelet_extra_args: self.kubelet_extra_args,
            ignore_preflight_errors: ignored_checks(&self.ignore_preflight_errors, problems),
            image_pull_policy: self.image_pull_policy,
            image_pull_serial: self.image_pull_serial.unwrap_or(true),
        };
        if !problems.is_empty() {
            return None;
        }
        let discovery = discovery?;
        let discovery_token = match &discovery {
            DiscoveryMethod::Token { token, .. } => Some(token.clone()),
            DiscoveryMethod::File(_) | DiscoveryMethod::Url { .. } => None,
        };
        Some(JoinConfiguration {
            tls_bootstrap_token: tls_bootstrap_token.or(discovery_token),
            discovery,
            node_registration,
            ca_cert_path,
            timeouts: self.timeouts,
            patches_directory: self.patches_directory.filter(|path| !path.as_os_str().is_empty()),
            skip_phases: self.skip_phases.into_iter().map(|given| given.value).collect(),
            dry_run: self.dry_run,
        })
    }

    fn discovery(&self, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Option<DiscoveryMethod> {
        match &self.file {
            Some(file) => self.file_discovery(file, problems, warnings),
            None => self.token_discovery(problems, warnings),
        }
    }

    fn file_discovery(
        &self,
        file: &Given<String>,
        problems: &mut Vec<Problem>,
        warnings: &mut Vec<Warning>,
    ) -> Option<DiscoveryMethod> {
        // What an old version lists beside a file was never asked.
        let endpoint =
            self.endpoints.iter().map(|given| &given.origin).find(|origin| !matches!(origin, Origin::Field { .. }));
        let beside = self.bootstrap_token.as_ref().or(endpoint);
        if let Some(origin) = beside {
            problems.push(Problem::TwoDiscoveries(origin.clone()));
        }
        let unused = self.ca_cert_hashes.first().map(|given| &given.origin).into_iter();
        let unused = unused.chain(self.ca_file.as_ref().map(|given| &given.origin));
        warnings.extend(unused.cloned().map(Warning::NotForFiles));
        let path = kubeconfig_path(file, problems)?;
        if !path.contains("://") {
            warnings.extend(self.url_ca_file.iter().map(|given| Warning::NoUrl(given.origin.clone())));
            return Some(DiscoveryMethod::File(path.into()));
        }
        let url = checked(Given::new(path, file.origin.clone()), problems, Problem::Url)?;
        Some(DiscoveryMethod::Url { url, ca_file: self.url_ca_file.as_ref().map(|given| given.value.clone()) })
    }

    fn token_discovery(&self, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Option<DiscoveryMethod> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for Given { value, origin } in &self.endpoints {
            for text in list(value) {
                let endpoint = checked(Given::new(text, origin.clone()), problems, Problem::Endpoint);
                endpoints.extend(endpoint.filter(|endpoint| !endpoints.contains(endpoint)));
            }
        }
        if endpoints.is_empty() && !problems.iter().any(|problem| matches!(problem, Problem::Endpoint(..))) {
            missing("apiServerEndpoint", Problem::NoEndpoint, problems);
        }
        if self.discovery_token.is_none() {
            missing("token", Problem::NoToken, problems);
        }
        let token = token(&self.discovery_token, problems);
        warnings.extend(self.url_ca_file.iter().map(|given| Warning::NoUrl(given.origin.clone())));
        let trust = self.trust(problems, warnings);
        Some(DiscoveryMethod::Token { endpoints, token: token?, trust: trust? })
    }

    fn trust(&self, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Option<DiscoveryTrust> {
        // An empty list is the wish to go without; a list of which one item is wrong is not.
        let pins: Vec<CaCertHash> =
            self.ca_cert_hashes.iter().filter_map(|given| checked(given.clone(), problems, Problem::Pin)).collect();
        let has_pins = !self.ca_cert_hashes.is_empty();
        if (has_pins || self.ca_file.is_some()) && self.unsafe_skip_ca_verification {
            warnings.push(Warning::UnsafeSkipIgnored);
        }
        match (has_pins, &self.ca_file) {
            (true, Some(Given { origin, .. })) => {
                problems.push(Problem::TwoTrusts(origin.clone()));
                None
            }
            (true, None) => Some(DiscoveryTrust::Pins(pins)),
            (false, Some(Given { value, .. })) => Some(DiscoveryTrust::CaFile(value.clone())),
            (false, None) if self.unsafe_skip_ca_verification => Some(DiscoveryTrust::UnsafeSkipCaVerification),
            (false, None) => {
                missing("caCertHashes", Problem::NoPin, problems);
                None
            }
        }
    }
}

/// A path, or an `https://` URL; other schemes are refused. Whether there is a file is found out by who opens it: kubeadm
/// looks here already, but the machine that a file is validated on need not be the one that joins.
pub(super) fn kubeconfig_path(given: &Given<String>, problems: &mut Vec<Problem>) -> Option<String> {
    let Given { value, origin } = given;
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let path = match scheme.to_ascii_lowercase().as_str() {
        "" => value.clone(),
        "https" => value.clone(),
        // As Go's net/url: what stands between the slashes is a host, which nobody asks.
        "file" => rest.find('/').map(|start| rest[start..].to_owned()).unwrap_or_default(),
        _ => {
            problems.push(Problem::DiscoveryFile(origin.clone(), value.clone()));
            return None;
        }
    };
    if path.is_empty() {
        problems.push(Problem::DiscoveryFile(origin.clone(), value.clone()));
        return None;
    }
    Some(path)
}

/// Notes that something is missing, unless a field of `bootstrapToken` is there and has been refused for its type.
fn missing(field: &str, problem: Problem, problems: &mut Vec<Problem>) {
    let wanted = format!("discovery.bootstrapToken.{field}");
    let refused = problems.iter().any(|problem| {
        matches!(problem, Problem::Type { origin: Origin::Field { path, .. }, .. } if path.starts_with(&wanted))
    });
    if !refused {
        problems.push(problem);
    }
}

/// Parses one value, or notes what is wrong with it.
pub(super) fn checked<T: std::str::FromStr>(
    given: Given<String>,
    problems: &mut Vec<Problem>,
    problem: impl Fn(Origin, T::Err) -> Problem,
) -> Option<T> {
    match given.value.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.push(problem(given.origin, error));
            None
        }
    }
}

/// Parses a token. The one that was only copied from the other is not complained about a second time.
fn token(given: &Option<Given<Secret>>, problems: &mut Vec<Problem>) -> Option<BootstrapToken> {
    let Given { value, origin } = given.as_ref()?;
    match value.expose().parse() {
        Ok(token) => Some(token),
        Err(error) => {
            let problem = Problem::Token(origin.clone(), error);
            if !problems.contains(&problem) {
                problems.push(problem);
            }
            None
        }
    }
}

/// A path, or a URL of the scheme `unix`. kubeadm puts `unix://` before anything that does not begin with `unix`, so that
/// `tcp://x` passes there as `unix://tcp://x` and only the kubelet complains; here it is refused.
fn cri_socket(given: Given<String>, problems: &mut Vec<Problem>, warnings: &mut Vec<Warning>) -> Option<String> {
    let Given { value, origin } = given;
    if value.is_empty() {
        return None;
    }
    let (path, has_scheme) = match value.strip_prefix("unix://") {
        Some(path) => (path, true),
        None => (value.as_str(), false),
    };
    if !path.starts_with('/') || path.contains(|c: char| c.is_control() || c.is_whitespace()) {
        problems.push(Problem::CriSocket(origin, value));
        return None;
    }
    if !has_scheme {
        warnings.push(Warning::CriSocketScheme(origin));
    }
    Some(format!("unix://{path}"))
}

/// Lower case, sorted, each once; `all` stands alone (kubeadm `ValidateIgnorePreflightErrors`).
fn ignored_checks(names: &[String], problems: &mut Vec<Problem>) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    names.sort();
    names.dedup();
    if names.len() > 1 && names.iter().any(|name| name == "all") {
        problems.push(Problem::IgnoreAll);
    }
    names
}
