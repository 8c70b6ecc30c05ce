//! A machine that has not joined: what would stop its join.

use super::chain::{Chain, SECTION, Weight};
use super::network::{self, once};
use crate::discovery::{ClusterInfo, Discovered};
use crate::error::Failure;
use crate::join::{cluster_config, report_cluster};
use crate::kube::access_review::Right;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::node::files::NodeFiles;
use crate::node::paths;
use crate::node::state::NodeState;
use crate::pki::key::PrivateKey;
use crate::plan::JoinPlan;
use crate::preflight::{ClusterRequirements, Diagnosis};
use crate::rootfs::Root;
use crate::tls_bootstrap::{BE_APPROVED, REQUEST, look_at_request, right_to};

/// Largest key that is read back, in bytes.
const MAX_KEY_FILE: usize = 1 << 16;

/// Links of the cluster, which hang on the way there.
const OF_CLUSTER: [&str; 4] = ["authentication", "rights", "request", "cluster configuration"];

/// Looks at all of it.
pub(super) fn look(chain: &mut Chain<'_>, plan: &JoinPlan, root: &Root, state: &NodeState) {
    let diagnosis = Diagnosis::new(plan, root, state, false, chain.report);
    chain.checks(diagnosis.clock(), Weight::Full);
    // What a clock that cannot be right would judge is not asked.
    let found = if chain.is_broken() { None } else { network::look(chain, plan) };
    let cluster = match found {
        Some(found) => cluster(chain, plan, root, found),
        None => {
            OF_CLUSTER.iter().for_each(|name| chain.not_looked_at(name, ""));
            None
        }
    };
    chain.checks(diagnosis.machine(), Weight::Full);
    match &cluster {
        Some(Cluster { files, api_server, info }) => {
            let requirements = ClusterRequirements {
                kubelet: files.kubelet(),
                api_server: api_server.as_deref(),
                ca_certificates: info.ca_certificates(),
            };
            chain.checks(diagnosis.requirements(&requirements), Weight::Full);
        }
        None => chain.not_looked_at("what the cluster requires", ""),
    }
    if plan.control_plane.is_some() {
        chain.not_looked_at("control plane", "its certificates, ports and etcd are looked at by a join alone");
    }
}

/// What a cluster makes of a node.
struct Cluster {
    files: NodeFiles,
    api_server: Option<String>,
    info: ClusterInfo,
}

/// Asks the cluster what a join asks it; `None` where a link is broken.
fn cluster(chain: &mut Chain<'_>, plan: &JoinPlan, root: &Root, found: Discovered) -> Option<Cluster> {
    let Discovered { info, server, bootstrap } = found;
    report_cluster(&plan.access, &info, chain.report);
    let mut client = Client::new(server, bootstrap.credentials.token.clone());
    let settings = match cluster_config(plan, &mut client, chain.report) {
        Ok(settings) => settings,
        Err(failure) => {
            // An API server that has refused the credentials has said so first.
            chain.broken(if failure.0.code().name.starts_with("node.") { "node name" } else { OF_CLUSTER[0] }, failure);
            OF_CLUSTER[1..].iter().for_each(|name| chain.not_looked_at(name, ""));
            return None;
        }
    };
    chain.good(OF_CLUSTER[0], "");
    if let Err(failure) = rights(chain, &mut client) {
        chain.broken(OF_CLUSTER[1], failure);
        OF_CLUSTER[2..].iter().for_each(|name| chain.not_looked_at(name, ""));
        return None;
    }
    request(chain, plan, root, &mut client, &info);
    match NodeFiles::render(&plan.node, &info, info.server(), &settings.cluster, settings.raw.as_ref()) {
        Ok(files) => {
            chain.report.warn_each(SECTION, files.warnings());
            chain.good(OF_CLUSTER[3], settings.cluster.kubernetes_version().unwrap_or_default());
            let api_server = settings.cluster.kubernetes_version().map(str::to_owned);
            Some(Cluster { files, api_server, info })
        }
        Err(error) => {
            chain.broken(OF_CLUSTER[3], error);
            None
        }
    }
}

/// Whether the credentials may request a certificate, and whether somebody has to approve it. That the question may not be
/// asked is no answer.
fn rights(chain: &mut Chain<'_>, client: &mut Client) -> Result<(), Failure> {
    match right_to(REQUEST, client) {
        Right::Granted => chain.good(OF_CLUSTER[1], "may request a certificate"),
        Right::Refused(error) => return Err(error.into()),
        Right::Unknown(error) => chain.not_seen(OF_CLUSTER[1], error),
    }
    if let Right::Refused(_) = right_to(BE_APPROVED, client) {
        let text = "no approver of the cluster grants this request by itself: somebody has to run `kubectl certificate approve`";
        chain.report.warn(SECTION, None, text);
    }
    Ok(())
}

/// The request of a join that was interrupted.
fn request(chain: &mut Chain<'_>, plan: &JoinPlan, root: &Root, client: &mut Client, info: &ClusterInfo) {
    let name = OF_CLUSTER[2];
    let key = match root.read_private(&paths::PENDING_KEY, MAX_KEY_FILE) {
        Ok(found) => found.and_then(|text| PrivateKey::from_pem(&text).ok()),
        Err(error) => return chain.not_seen(name, error),
    };
    let Some(key) = key else { return chain.good(name, "none has been made") };
    match look_at_request(client, &plan.node.name, key, info, once(REQUEST_TIMEOUT), chain.report) {
        Ok(true) => chain.good(name, "is granted"),
        Ok(false) => chain.good(name, "is not there any more; the next join makes it anew"),
        Err(error) => chain.broken(name, error),
    }
}

/// The same where no settings say where to join: what needs no cluster is looked at.
pub(super) fn look_without_settings(chain: &mut Chain<'_>, plan: &JoinPlan, root: &Root, state: &NodeState) {
    let diagnosis = Diagnosis::new(plan, root, state, false, chain.report);
    chain.not_looked_at("cluster", "");
    chain.checks(diagnosis.machine(), Weight::Full);
}
