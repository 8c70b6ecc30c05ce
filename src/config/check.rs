//! From a draft to a configuration. Whatever the source, checking happens here, once, and reports everything that is wrong.

use std::net::IpAddr;
use std::path::PathBuf;

use super::draft::{ControlPlane, DEFAULT_CA_CERT_PATH, Draft, DraftTaint};
use super::findings::Findings;
use super::join_configuration::{
    ControlPlaneSettings, DiscoveryMethod, DiscoveryTrust, JoinConfiguration, NodeRegistration,
};
use super::kubelet_checks::{check_flags, check_taint};
use super::origin::{Origin, WithOrigin};
use super::problem::Problem;
use super::settings::list;
use super::token_need::TokenNeed;
use super::warning::Warning;
use crate::phase::{self, Applies};
use crate::secret::Secret;
use crate::values::{BootstrapToken, CaCertHash, Endpoint};

/// kubeadm's default of `localAPIEndpoint.bindPort` (`cmd/kubeadm/app/constants/constants.go`, `KubeAPIServerPort`).
const DEFAULT_BIND_PORT: u16 = 6443;

/// Checks everything. There is a configuration only where no problem has been found, here or before.
pub(super) fn check(draft: Draft, need: TokenNeed, findings: &mut Findings) -> Option<JoinConfiguration> {
    let discovery = discovery(&draft, need, findings);
    let tls_bootstrap_token = token(&draft.tls_bootstrap_token, findings);
    let ca_cert_path = ca_cert_path(draft.ca_cert_path, findings);
    skipped_phases(&draft.skip_phases, findings);
    let control_plane = draft.control_plane.map(|given| control_plane(given.value, findings));
    check_flags(&draft.kubelet_extra_args, findings);
    for DraftTaint { taint, origin, .. } in draft.taints.iter().flatten() {
        check_taint(&taint.key, &taint.value, &taint.effect, origin, findings);
    }
    let node_registration = NodeRegistration {
        name: draft.node_name.and_then(|given| parsed(given, findings, Problem::NodeName)),
        cri_socket: draft.cri_socket.and_then(|given| cri_socket(given, findings)),
        taints: draft.taints.map(|taints| taints.into_iter().map(|taint| taint.taint).collect()),
        kubelet_extra_args: draft.kubelet_extra_args.into_iter().map(|(name, given)| (name, given.value)).collect(),
        ignore_preflight_errors: ignored_checks(&draft.ignore_preflight_errors, findings),
        image_pull_policy: draft.image_pull_policy,
    };
    if !findings.problems.is_empty() {
        return None;
    }
    let discovery = discovery?;
    let discovery_token = match &discovery {
        DiscoveryMethod::Token { token, .. } => token.clone(),
        DiscoveryMethod::File(_) | DiscoveryMethod::Url { .. } => None,
    };
    let (tls_bootstrap_token, fallback_token) =
        if draft.token_is_fallback { (None, tls_bootstrap_token) } else { (tls_bootstrap_token, None) };
    Some(JoinConfiguration {
        tls_bootstrap_token: tls_bootstrap_token.or(discovery_token),
        fallback_token,
        discovery_file_is_foreign: draft.file_is_foreign,
        token_may_come: need == TokenNeed::Later,
        discovery,
        node_registration,
        control_plane,
        ca_cert_path,
        timeouts: draft.timeouts,
        patches_directory: draft.patches_directory.filter(|path| !path.as_os_str().is_empty()),
        skip_phases: draft.skip_phases.into_iter().map(|given| given.value).collect(),
        dry_run: draft.dry_run,
    })
}

/// How the cluster is to be found.
fn discovery(draft: &Draft, need: TokenNeed, findings: &mut Findings) -> Option<DiscoveryMethod> {
    match &draft.file {
        Some(file) => file_discovery(draft, file, findings),
        None => token_discovery(draft, need, findings),
    }
}

fn file_discovery(draft: &Draft, file: &WithOrigin<String>, findings: &mut Findings) -> Option<DiscoveryMethod> {
    // What an old version lists beside a file was never asked.
    let endpoint =
        draft.endpoints.iter().map(|given| &given.origin).find(|origin| !matches!(origin, Origin::Field { .. }));
    if let Some(origin) = draft.bootstrap_token.as_ref().or(endpoint) {
        findings.problems.push(Problem::TwoDiscoveries(origin.clone()));
    }
    let unused = draft.ca_cert_hashes.first().map(|given| &given.origin).into_iter();
    let unused = unused.chain(draft.ca_file.as_ref().map(|given| &given.origin));
    findings.warnings.extend(unused.cloned().map(Warning::NotForFiles));
    let path = kubeconfig_path(file, &mut findings.problems)?;
    if !path.contains("://") {
        warn_of_unused_url_ca_file(draft, findings);
        return Some(DiscoveryMethod::File(path.into()));
    }
    let url = parsed(WithOrigin::new(path, file.origin.clone()), findings, Problem::Url)?;
    Some(DiscoveryMethod::Url { url, ca_file: draft.url_ca_file.as_ref().map(|given| given.value.clone()) })
}

fn token_discovery(draft: &Draft, need: TokenNeed, findings: &mut Findings) -> Option<DiscoveryMethod> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for WithOrigin { value, origin } in &draft.endpoints {
        for text in list(value) {
            let endpoint = parsed(WithOrigin::new(text, origin.clone()), findings, Problem::Endpoint);
            endpoints.extend(endpoint.filter(|endpoint| !endpoints.contains(endpoint)));
        }
    }
    if endpoints.is_empty() && !findings.problems.iter().any(|problem| matches!(problem, Problem::Endpoint(..))) {
        missing("apiServerEndpoint", Problem::NoEndpoint, findings);
    }
    if draft.discovery_token.is_none() && need == TokenNeed::Now {
        missing("token", Problem::NoToken, findings);
    }
    let token = token(&draft.discovery_token, findings);
    warn_of_unused_url_ca_file(draft, findings);
    let trust = trust(draft, findings);
    Some(DiscoveryMethod::Token { endpoints, token, trust: trust? })
}

fn trust(draft: &Draft, findings: &mut Findings) -> Option<DiscoveryTrust> {
    // An empty list leaves the pins out; a list of which one item is wrong does not.
    let pins: Vec<CaCertHash> =
        draft.ca_cert_hashes.iter().filter_map(|given| parsed(given.clone(), findings, Problem::Pin)).collect();
    let has_pins = !draft.ca_cert_hashes.is_empty();
    if (has_pins || draft.ca_file.is_some()) && draft.unsafe_skip_ca_verification {
        findings.warnings.push(Warning::UnsafeSkipIgnored);
    }
    match (has_pins, &draft.ca_file) {
        (true, Some(WithOrigin { origin, .. })) => {
            findings.problems.push(Problem::TwoTrusts(origin.clone()));
            None
        }
        (true, None) => Some(DiscoveryTrust::Pins(pins)),
        (false, Some(WithOrigin { value, .. })) => Some(DiscoveryTrust::CaFile(value.clone())),
        (false, None) if draft.unsafe_skip_ca_verification => Some(DiscoveryTrust::UnsafeSkipCaVerification),
        (false, None) => {
            missing("caCertHashes", Problem::NoPin, findings);
            None
        }
    }
}

fn warn_of_unused_url_ca_file(draft: &Draft, findings: &mut Findings) {
    findings.warnings.extend(draft.url_ca_file.iter().map(|given| Warning::NoUrl(given.origin.clone())));
}

/// A path, or an `https://` URL; other schemes are refused. Whether there is a file is found out by who opens it: kubeadm
/// looks here already, but the machine that a file is validated on need not be the one that joins.
pub(super) fn kubeconfig_path(given: &WithOrigin<String>, problems: &mut Vec<Problem>) -> Option<String> {
    let WithOrigin { value, origin } = given;
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let path = match scheme.to_ascii_lowercase().as_str() {
        "" => value.clone(),
        "https" => value.clone(),
        // As Go's net/url: what stands between the slashes is a host, which is ignored.
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
fn missing(field: &str, problem: Problem, findings: &mut Findings) {
    let wanted = format!("discovery.bootstrapToken.{field}");
    let refused = findings.problems.iter().any(|problem| {
        matches!(problem, Problem::Type { origin: Origin::Field { path, .. }, .. } if path.starts_with(&wanted))
    });
    if !refused {
        findings.problems.push(problem);
    }
}

/// Parses one value, or notes what is wrong with it.
pub(super) fn parsed<T: std::str::FromStr>(
    given: WithOrigin<String>,
    findings: &mut Findings,
    problem: impl Fn(Origin, T::Err) -> Problem,
) -> Option<T> {
    match given.value.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            findings.problems.push(problem(given.origin, error));
            None
        }
    }
}

/// Parses a token. The one that was only copied from the other is not complained about a second time.
fn token(given: &Option<WithOrigin<Secret>>, findings: &mut Findings) -> Option<BootstrapToken> {
    let WithOrigin { value, origin } = given.as_ref()?;
    match value.expose().parse() {
        Ok(token) => Some(token),
        Err(error) => {
            let problem = Problem::Token(origin.clone(), error);
            if !findings.problems.contains(&problem) {
                findings.problems.push(problem);
            }
            None
        }
    }
}

fn ca_cert_path(given: Option<WithOrigin<String>>, findings: &mut Findings) -> PathBuf {
    match given {
        Some(WithOrigin { value, origin }) if !value.is_empty() => {
            if !value.starts_with('/') || !value.ends_with(".crt") {
                findings.problems.push(Problem::CaCertPath(origin, value.clone()));
            }
            PathBuf::from(value)
        }
        _ => PathBuf::from(DEFAULT_CA_CERT_PATH),
    }
}

fn skipped_phases(names: &[WithOrigin<String>], findings: &mut Findings) {
    for WithOrigin { value, origin } in names {
        match phase::find(value).map(|phase| phase.applies) {
            Some(Applies::Retired) => {
                findings.warnings.push(Warning::RetiredPhase(origin.clone(), value.clone()));
            }
            Some(_) => {}
            None => findings.problems.push(Problem::Phase(origin.clone(), value.clone())),
        }
    }
}

/// `ValidateJoinControlPlane` of kubeadm. What is wrong leaves its default behind; nothing is made of it then.
fn control_plane(given: ControlPlane, findings: &mut Findings) -> ControlPlaneSettings {
    let address = given.advertise_address.filter(|address| !address.value.is_empty()).and_then(|address| {
        let problem = Problem::AdvertiseAddress(address.origin, address.value.clone());
        address.value.parse::<IpAddr>().map_err(|_| findings.problems.push(problem)).ok()
    });
    let port = given.bind_port.and_then(|WithOrigin { value, origin }| {
        u16::try_from(value).map_err(|_| findings.problems.push(Problem::BindPort(origin, value))).ok()
    });
    let certificate_key = given.certificate_key.and_then(|WithOrigin { value, origin }| {
        value.expose().parse().map_err(|_| findings.problems.push(Problem::CertificateKey(origin))).ok()
    });
    ControlPlaneSettings {
        // The unspecified address stands for none, as in kubeadm (apimachinery `ResolveBindAddress`).
        advertise_address: address.filter(|address| !address.is_unspecified()),
        bind_port: port.filter(|port| *port != 0).unwrap_or(DEFAULT_BIND_PORT),
        certificate_key,
    }
}

/// A path, or a URL of the scheme `unix`. kubeadm puts `unix://` before anything that does not begin with `unix`, so that
/// `tcp://x` passes there as `unix://tcp://x` and only the kubelet complains; here it is refused.
pub(super) fn cri_socket(given: WithOrigin<String>, findings: &mut Findings) -> Option<String> {
    let WithOrigin { value, origin } = given;
    if value.is_empty() {
        return None;
    }
    // With one slash it is the same URL, without a host.
    let after_scheme = value.strip_prefix("unix://").or_else(|| value.strip_prefix("unix:"));
    let path = after_scheme.unwrap_or(&value);
    if !path.starts_with('/') || path.contains(|c: char| c.is_control() || c.is_whitespace()) {
        findings.problems.push(Problem::CriSocket(origin, value));
        return None;
    }
    // The default of kubeadm up to 1.23. No kubelet since 1.24 has it, and what runs the containers now is looked for.
    if path.ends_with("/dockershim.sock") {
        findings.warnings.push(Warning::Dockershim(origin));
        return None;
    }
    if path.ends_with("/docker.sock") {
        findings.problems.push(Problem::DockerSocket(origin));
        return None;
    }
    if after_scheme.is_none() {
        findings.warnings.push(Warning::CriSocketScheme(origin));
    }
    Some(format!("unix://{path}"))
}

/// Lower case, sorted, each once; `all` stands alone (kubeadm `ValidateIgnorePreflightErrors`).
pub(super) fn ignored_checks(given: &[WithOrigin<String>], findings: &mut Findings) -> Vec<String> {
    let mut names: Vec<String> = given.iter().map(|name| name.value.to_lowercase()).collect();
    names.sort();
    names.dedup();
    if names.len() > 1 && names.iter().any(|name| name == "all") {
        findings.problems.push(Problem::IgnoreAll);
    }
    names
}
