//! What the cluster, or a file in its place, says of its nodes; and whose the Node of our name is.

use super::findings;
use crate::cluster::cluster_configuration::ClusterConfiguration;
use crate::cluster::fetch::{self, ClusterConfig, CredentialSource, KubeletConfigSource, Request, ServerSource};
use crate::error::Failure;
use crate::kube::client::Client;
use crate::kubelet::raw::RawKubeletConfig;
use crate::node::name_check::check_node_name;
use crate::phase::Phase;
use crate::plan::JoinPlan;
use crate::report::Report;

/// What the cluster, or a file in its place, says; and that the Node of our name may be ours.
///
/// # Errors
/// The API server does not say, what it says cannot be used, or the Node is another machine's.
pub fn cluster_config(plan: &JoinPlan, client: &mut Client, report: &Report) -> Result<ClusterSettings, Failure> {
    let file = plan.node.kubelet_overrides.kubelet_config.clone();
    let request = Request {
        node: &plan.node.name,
        kubelet_config: if file.is_some() { KubeletConfigSource::File } else { KubeletConfigSource::Cluster },
        server: match plan.access.discovery.names(client.endpoint()) {
            true => ServerSource::User,
            false => ServerSource::ClusterInfo,
        },
        credentials: match plan.access.bootstrap_token {
            Some(_) => CredentialSource::BootstrapToken,
            None => CredentialSource::DiscoveryFile,
        },
    };
    let retry = plan.options.retry(plan.options.timeouts.kubernetes_api_call);
    let (ClusterConfig { kubelet, cluster, cluster_text, cluster_missing }, node) =
        fetch::fetch(client, request, retry, report)?;
    let raw = match (file, kubelet) {
        (Some(file), _) => Some(file),
        (None, Some(found)) => Some(RawKubeletConfig::parse(&found.text, found.origin)?),
        (None, None) => None,
    };
    if let Some(missing) =
        cluster_missing.as_ref().filter(|_| raw.as_ref().is_none_or(RawKubeletConfig::needs_cluster_configuration))
    {
        let text = format_args!("{}; kubeadm's defaults apply", missing.text);
        report.warn(Phase::Discovery, Some(missing.code), text);
    }
    let check = check_node_name(node.as_ref(), &plan.node.name, &plan.host)?;
    findings::report_node(check, &plan.node.name, report);
    let text = cluster_missing.map_or(Ok(cluster_text), |missing| Err(missing.text));
    Ok(ClusterSettings { cluster, text, raw })
}

/// What the cluster, or a file in its place, says.
#[derive(Debug)]
pub struct ClusterSettings {
    /// The cluster's own.
    pub cluster: ClusterConfiguration,
    /// The same as it is written; or why it is not known.
    pub text: Result<String, String>,
    /// The kubelet's; none where kubeadm's defaults apply.
    pub raw: Option<RawKubeletConfig>,
}
