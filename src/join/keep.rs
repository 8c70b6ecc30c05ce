//! A node that has joined, and whose settings are to be obeyed: what has changed in them is verified against the cluster with
//! the node's own certificate, and then made so. Where that cannot be done now, the node stays as it is.

use std::time::{Duration, SystemTime};

use super::case::Case;
use super::kubelet_start::{SERVICE, written_configuration};
use crate::discovery::{DiscoveryError, discover};
use crate::error::{Explain, Failure};
use crate::inputs::Discovery;
use crate::kubeconfig::ClusterAccess;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::paths;
use crate::node::state::{self, NodeIdentity};
use crate::phase::Phase;
use crate::plan::{Access, JoinPlan};
use crate::report::Report;
use crate::retry::{Jitter, Retry};
use crate::rootfs::{FileSet, Root};
use crate::services::InitSystem;
use crate::values::Endpoint;

/// A certificate is about to expire when less than this share of its life is left: kubelets renew theirs at the latest then
/// (client-go `certificate_manager.go`, `jitteryDuration`: between 70 and 90 %).
const LAST_SHARE: u32 = 10;

/// How long the cluster is asked about a change, by a node that is well without it.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause between two attempts.
const CHANGE_INTERVAL: Duration = Duration::from_secs(1);

/// Whether the certificate is about to expire, and no kubelet that runs renews it.
pub(super) fn is_expiring(
    root: &Root,
    init: &InitSystem,
    identity: &NodeIdentity,
    now: Option<SystemTime>,
) -> Result<bool, Failure> {
    let Some(now) = now else { return Ok(false) };
    let life = identity.not_after.duration_since(identity.not_before).unwrap_or_default();
    let left = identity.not_after.duration_since(now).unwrap_or_default();
    if left > life / LAST_SHARE {
        return Ok(false);
    }
    // What the kubelet cannot read, it does not obey either.
    let rotates =
        KubeletConfiguration::read(&written_configuration(root)?).is_ok_and(|read| read.rotates_certificates());
    Ok(!rotates || !matches!(init.is_active(SERVICE), Ok(true)))
}

/// The plan of a join that authenticates with the node's own certificate, to have a new one.
pub(super) fn renewal(plan: &JoinPlan, root: &Root) -> Result<Option<JoinPlan>, Failure> {
    let Some(own) = state::access(root)? else { return Ok(None) };
    let mut renewal = JoinPlan { access: as_node(plan, own), ..plan.clone() };
    renewal.options.timeouts.discovery = CHANGE_TIMEOUT;
    Ok(Some(renewal))
}

/// What has to be written because the cluster has another API server for its nodes than `kubelet.conf` names: the case, and
/// the files. What the settings say is compared first, so that a node whose settings have not changed asks nobody.
pub(super) fn new_endpoint(
    plan: &JoinPlan,
    root: &Root,
    identity: &NodeIdentity,
    report: &Report,
) -> Result<(Case, FileSet), Failure> {
    let unchanged = (Case::Well, FileSet::new());
    let is_current = |endpoint: &Endpoint| format!("https://{endpoint}") == identity.server;
    let candidates: Vec<&Endpoint> = match (&plan.access.server, &plan.access.discovery) {
        (Some(server), _) => vec![server],
        (None, Discovery::Token { endpoints, .. }) => endpoints.iter().collect(),
        (None, Discovery::File { kubeconfig, .. }) => vec![&kubeconfig.server],
        (None, Discovery::Url { .. }) => Vec::new(),
    };
    if candidates.iter().any(|endpoint| is_current(endpoint)) || candidates.is_empty() {
        return Ok(unchanged);
    }
    let key = verified_key(&candidates, identity);
    if root.read(&paths::VERIFIED_ENDPOINTS, MAX_VERIFIED)?.is_some_and(|known| **known == *key.as_bytes()) {
        return Ok(unchanged);
    }
    let Some(own) = state::access(root)? else { return Ok(unchanged) };
    let found = candidates.iter().find_map(|endpoint| match ask(plan, &own, endpoint, report) {
        Ok(found) => Some(found),
        Err(error) => {
            let text = format_args!(
                "{endpoint} is not the API server in {}, and could not be verified: {error}; this node stays with {}",
                paths::KUBELET_CONF,
                identity.server
            );
            report.warn(Phase::Discovery, Some(error.code()), text);
            None
        }
    });
    let Some(server) = found else { return Ok(unchanged) };
    let mut files = FileSet::new();
    if is_current(&server) {
        // The settings name a server through which the cluster names this one: nothing has changed.
        files.file(paths::VERIFIED_ENDPOINTS, 0o600, key);
        return Ok((Case::Well, files));
    }
    report.info(Phase::KubeletStart, format_args!("The API server is {server} now, and no longer {}", identity.server));
    if let Some(conf) = state::with_server(root, &server)? {
        files.absent(paths::VERIFIED_ENDPOINTS).file(paths::KUBELET_CONF, 0o600, conf);
    }
    Ok((Case::EndpointChanged, files))
}

/// Largest list of endpoints that is read back, in bytes.
const MAX_VERIFIED: usize = 1 << 16;

/// What is written down of endpoints that lead to the cluster and are not what `kubelet.conf` names.
fn verified_key(endpoints: &[&Endpoint], identity: &NodeIdentity) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    format!("{} {}\n", endpoints.join(","), identity.server)
}

/// The API server that nodes of the cluster behind `endpoint` are to use: what `--server` says, what cluster-info names, or
/// the one that was asked. The cluster's CA in `kubelet.conf` verifies it.
fn ask(plan: &JoinPlan, own: &ClusterAccess, endpoint: &Endpoint, report: &Report) -> Result<Endpoint, DiscoveryError> {
    let own = ClusterAccess { server: endpoint.clone(), ..own.clone() };
    let retry = Retry::within(CHANGE_TIMEOUT, CHANGE_INTERVAL, CHANGE_INTERVAL, Jitter::None);
    let info = discover(&as_node(plan, own), retry, report)?.info;
    Ok(match (&plan.access.server, info.announced()) {
        (None, Some(announced)) => announced.clone(),
        _ => endpoint.clone(),
    })
}

/// Access with the node's own certificate.
fn as_node(plan: &JoinPlan, own: ClusterAccess) -> Access {
    let discovery = Discovery::File { kubeconfig: Box::new(own), system_ca: None };
    Access { discovery, server: None, bootstrap_token: None, ..plan.access.clone() }
}
