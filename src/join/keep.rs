//! A node that has joined, and whose settings are to be obeyed: what has changed in them is verified against the cluster with
//! the node's own certificate, and then made so. Where that cannot be done now, the node stays as it is.

use std::time::Duration;

use crate::clock::Clock;
use crate::discovery::{Announced, discover};
use crate::error::Failure;
use crate::inputs::Discovery;
use crate::kubeconfig::ClusterAccess;
use crate::net::dial::Proxies;
use crate::node::state::{self, NodeIdentity};
use crate::node::{paths, registration};
use crate::phase::Phase;
use crate::plan::{Access, JoinPlan};
use crate::report::Report;
use crate::retry::Retry;
use crate::rootfs::{FileSet, Root};
use crate::values::Endpoint;

/// How long the cluster is asked about a change, by a node that is well without it.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(15);
/// The pause between two attempts.
const CHANGE_INTERVAL: Duration = Duration::from_secs(1);

/// What has to be written because the cluster has another API server for its nodes than `kubelet.conf` names. What the settings
/// say is compared first, so that a node whose settings have not changed asks nobody.
pub(super) fn new_endpoint(
    plan: &JoinPlan,
    root: &Root,
    identity: &NodeIdentity,
    report: &Report,
) -> Result<Option<NewEndpoint>, Failure> {
    let is_current = |endpoint: &Endpoint| format!("https://{endpoint}") == identity.server;
    let candidates = candidates(&plan.access);
    if candidates.iter().any(|endpoint| is_current(endpoint)) || candidates.is_empty() {
        return Ok(None);
    }
    let key = verified_key(&candidates, &identity.server);
    if root.read(&paths::VERIFIED_ENDPOINTS, MAX_VERIFIED)?.is_some_and(|known| **known == *key.as_bytes()) {
        return Ok(None);
    }
    let Some(own) = state::access(root)? else { return Ok(None) };
    // One wait for all of them: a node that is well is not held up by each.
    let retry = Retry::within(CHANGE_TIMEOUT, CHANGE_INTERVAL, CHANGE_INTERVAL, plan.options.jitter);
    let found = candidates.iter().find_map(|endpoint| match ask(plan, &own, endpoint, retry, report) {
        Ok(found) => Some(found),
        Err(Failure(error)) => {
            let text = format_args!(
                "{endpoint} is not the API server in {}, and could not be verified: {error}; this node stays with {}",
                paths::KUBELET_CONF,
                identity.server
            );
            report.warn(Phase::Discovery, Some(error.code()), text);
            None
        }
    });
    let Some(server) = found else { return Ok(None) };
    let mut files = FileSet::new();
    if is_current(&server) {
        // The settings name a server through which the cluster names this one: nothing has changed.
        files.file(paths::VERIFIED_ENDPOINTS, 0o600, key);
        return Ok(Some(NewEndpoint { server: None, files }));
    }
    report.info(Phase::KubeletStart, format_args!("The API server is {server} now, and no longer {}", identity.server));
    let Some(conf) = state::with_server(root, &server)? else {
        let text = format!("{} has fields that no join writes: change its server by hand", paths::KUBELET_CONF);
        report.warn(Phase::KubeletStart, None, text);
        return Ok(None);
    };
    files.absent(paths::VERIFIED_ENDPOINTS).file(paths::KUBELET_CONF, 0o600, conf);
    Ok(Some(NewEndpoint { server: Some(format!("https://{server}")), files }))
}

/// What has been found out about an endpoint in the settings that `kubelet.conf` does not name.
pub(super) struct NewEndpoint {
    /// The other server that `kubelet.conf` is to have, as URL; none where it is right.
    pub(super) server: Option<String>,
    /// What has to be written.
    pub(super) files: FileSet,
}

/// The API servers that the settings name.
fn candidates(access: &Access) -> Vec<&Endpoint> {
    match (&access.server, &access.discovery) {
        (Some(server), _) => vec![server],
        (None, Discovery::Token { endpoints, .. }) => endpoints.iter().collect(),
        (None, Discovery::File { kubeconfig, .. }) => vec![&kubeconfig.server],
        (None, Discovery::Url { .. }) => Vec::new(),
    }
}

/// What a join has verified: that its settings lead to `server`, which they do not name. Without it the next boot would ask.
pub(super) fn remember_endpoints(access: &Access, server: &Endpoint, files: &mut FileSet) {
    let candidates = candidates(access);
    match candidates.is_empty() || candidates.contains(&server) {
        true => files.absent(paths::VERIFIED_ENDPOINTS),
        false => files.file(paths::VERIFIED_ENDPOINTS, 0o600, verified_key(&candidates, &format!("https://{server}"))),
    };
}

/// Largest list of endpoints that is read back, in bytes.
const MAX_VERIFIED: usize = 1 << 16;

/// What is written down of endpoints that lead to the cluster and are not what `kubelet.conf` names.
fn verified_key(endpoints: &[&Endpoint], server: &str) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(ToString::to_string).collect();
    format!("{} {server}\n", endpoints.join(","))
}

/// The API server that nodes of the cluster behind `endpoint` are to use: what `--server` says, what cluster-info names, or
/// the one that was asked. The cluster's CA in `kubelet.conf` verifies it, and it has to know this node by its certificate.
fn ask(
    plan: &JoinPlan,
    own: &ClusterAccess,
    endpoint: &Endpoint,
    retry: Retry,
    report: &Report,
) -> Result<Endpoint, Failure> {
    let at = |server: &Endpoint| {
        let own = ClusterAccess { server: server.clone(), ..own.clone() };
        discover(&as_node(own, &plan.access.proxies, plan.access.clock), retry, report)
    };
    let info = at(endpoint)?.info;
    let server = match (&plan.access.server, info.announced()) {
        (None, Announced::Server(announced)) => announced.clone(),
        (None, Announced::Nothing(why)) => {
            let text = format_args!("{why}: nothing but the settings says that nodes are to use {endpoint}");
            report.warn(Phase::Discovery, None, text);
            endpoint.clone()
        }
        _ => endpoint.clone(),
    };
    let info = if server == *endpoint { info } else { at(&server)?.info };
    let identity = own.credentials.as_ref().and_then(|credentials| credentials.identity.as_ref());
    registration::knows_node(&plan.access, &plan.node.name, &info, identity, retry)?;
    Ok(server)
}

/// Access with the node's own certificate.
pub fn as_node(own: ClusterAccess, proxies: &Proxies, clock: Clock) -> Access {
    let discovery = Discovery::File { kubeconfig: Box::new(own), system_ca: None };
    Access { discovery, server: None, bootstrap_token: None, token_may_come: false, proxies: proxies.clone(), clock }
}
