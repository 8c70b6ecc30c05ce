//! What the cluster says a node should be like: `kubelet-config`, or `kubelet-config-1.xx` up to 1.23, and `kubeadm-config`.
//! All may be missing or forbidden; then kubeadm's defaults apply, and it is said where they are needed. A configuration
//! that came with the image takes the place of the first.

use std::fmt;

use crate::error::{Code, Explain, codes};
use crate::kube::client::{Client, Wanted};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::{ConfigMap, Node};
use crate::kubelet::cluster_configuration::ClusterConfiguration;
use crate::kubelet::configuration;
use crate::net::retry::Retry;
use crate::phase::Phase;
use crate::plan::JoinPlan;
use crate::report::Report;

/// The cluster's wishes for its nodes.
#[derive(Clone, Debug, Default)]
pub struct ClusterConfig {
    /// The KubeletConfiguration, where there is one.
    pub kubelet: Option<KubeletText>,
    /// `ClusterConfiguration` of the ConfigMap `kubeadm-config`, or kubeadm's defaults.
    pub cluster: ClusterConfiguration,
}

/// A KubeletConfiguration, unparsed.
#[derive(Clone, Debug)]
pub struct KubeletText {
    /// As it came.
    pub text: String,
    /// The object or the file, for messages.
    pub origin: String,
}

/// The cluster's wishes could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    error: KubeError,
    /// The server that was asked is one that cluster-info names and the operator has not typed.
    is_only_announced: bool,
}

/// Reads the cluster's wishes, and the Node of our name, in one round trip; in a second one what a cluster up to 1.23
/// has. `None` for the Node where there is none, or where the token may not look.
pub fn fetch(
    client: &mut Client,
    plan: &JoinPlan,
    retry: Retry,
    report: &Report,
) -> Result<(ClusterConfig, Option<Node>), FetchError> {
    let is_only_announced = !plan.discovery.names(client.endpoint());
    ask(client, plan, retry, report).map_err(|error| FetchError { error, is_only_announced })
}

fn ask(
    client: &mut Client,
    plan: &JoinPlan,
    retry: Retry,
    report: &Report,
) -> Result<(ClusterConfig, Option<Node>), KubeError> {
    let given = plan.given.kubelet_config.as_ref();
    let mut wanted = vec![Wanted::config_map("kube-system", "kubeadm-config")];
    if given.is_none() {
        wanted.push(Wanted::config_map("kube-system", "kubelet-config"));
    }
    let node = Wanted::node(plan.node_name.as_str());
    let (config_maps, node) = retry.run(
        || {
            let (config_maps, node) = client.config_maps_and_node(&wanted, &node)?;
            // What may be missing is no error here; what is transient, or a refused token, is.
            let config_maps = config_maps.into_iter().map(optional).collect::<Result<Vec<_>, _>>()?;
            Ok((config_maps, optional(node)?))
        },
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )?;
    let node = node.unwrap_or_else(|absence| {
        if !absence.is_not_found() {
            let text = format_args!("{absence}; whether a Node of this name exists is not known");
            report.warn(Phase::Discovery, Some(absence.code()), text);
        }
        None
    });
    let mut answers = wanted.iter().zip(config_maps);
    // `exchange` gives an answer to each, so that the first one is there.
    let cluster = answers.next().map(|(wanted, found)| cluster_configuration(found, wanted));
    let (cluster, problem) = match cluster {
        Some(Ok(cluster)) => (cluster, None),
        Some(Err(problem)) => (ClusterConfiguration::default(), Some(problem)),
        None => (ClusterConfiguration::default(), None),
    };
    let kubelet = match (given, answers.next()) {
        (Some(given), _) => Some(KubeletText { text: given.text.clone(), origin: given.path.display().to_string() }),
        (None, Some((wanted, found))) => kubelet_text(client, found, wanted, &cluster, retry, report)?,
        (None, None) => None,
    };
    // A cluster that was not made by kubeadm lacks it and nobody misses it.
    let needed = kubelet.as_ref().is_none_or(|kubelet| configuration::needs_cluster_configuration(&kubelet.text));
    if let (Some((code, text)), true) = (problem, needed) {
        report.warn(Phase::Discovery, Some(code), format_args!("{text}; kubeadm's defaults apply"));
    }
    Ok((ClusterConfig { kubelet, cluster }, node))
}

/// Why there is no ClusterConfiguration: a code and a text.
type NoCluster = (&'static Code, String);

fn cluster_configuration(found: Optional<ConfigMap>, wanted: &Wanted) -> Result<ClusterConfiguration, NoCluster> {
    let text = data(found, "ClusterConfiguration", wanted).map_err(|text| (&codes::CLUSTER_CONFIG_MISSING, text))?;
    ClusterConfiguration::read(&text).map_err(|error| (&codes::CLUSTER_CONFIG_UNUSABLE, format!("{wanted}: {error}")))
}

/// `kubelet-config`. Up to 1.23 it had the control plane's minor in its name, and the token may read no other.
fn kubelet_text(
    client: &mut Client,
    found: Optional<ConfigMap>,
    wanted: &Wanted,
    cluster: &ClusterConfiguration,
    retry: Retry,
    report: &Report,
) -> Result<Option<KubeletText>, KubeError> {
    let missing = match data(found, "kubelet", wanted) {
        Ok(text) => return Ok(Some(KubeletText { text, origin: wanted.to_string() })),
        Err(missing) => missing,
    };
    let missing = match cluster.release() {
        Some((major, minor)) if (major, minor) < (1, 24) => {
            let wanted = Wanted::config_map("kube-system", &format!("kubelet-config-{major}.{minor}"));
            let found = retry.run(
                || optional(client.config_map(&wanted)),
                |error, pause| report.retrying(Phase::Discovery, error, pause),
            )?;
            match data(found, "kubelet", &wanted) {
                Ok(text) => return Ok(Some(KubeletText { text, origin: wanted.to_string() })),
                Err(missing) => missing,
            }
        }
        _ => missing,
    };
    let code: &'static Code = &codes::CLUSTER_CONFIG_MISSING;
    report.warn(Phase::Discovery, Some(code), format_args!("{missing}; kubeadm's defaults apply"));
    Ok(None)
}

/// An object that need not be there, and why it is not.
type Optional<T> = Result<Option<T>, KubeError>;

trait Absence {
    fn is_not_found(&self) -> bool;
}

impl Absence for KubeError {
    fn is_not_found(&self) -> bool {
        matches!(self.cause, KubeCause::NotFound(_))
    }
}

/// Tells an object that is not there, or that the token may not read, from an error.
fn optional<T>(result: Result<T, KubeError>) -> Result<Optional<T>, KubeError> {
    match result {
        Ok(object) => Ok(Ok(Some(object))),
        Err(error) if matches!(error.cause, KubeCause::NotFound(_) | KubeCause::Forbidden(_)) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// The text of a key, or why there is none.
fn data(found: Optional<ConfigMap>, key: &str, wanted: &Wanted) -> Result<String, String> {
    match found {
        Ok(Some(mut config_map)) => config_map.data.remove(key).ok_or_else(|| format!("{wanted} has no key {key:?}")),
        Ok(None) => Err(format!("{wanted} is not there")),
        Err(error) => Err(error.to_string()),
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            KubeError { cause: KubeCause::Net(net), object } if self.is_only_announced => {
                write!(f, "{object}: the API server that cluster-info names cannot be used: {net}")
            }
            error => error.fmt(f),
        }
    }
}

impl std::error::Error for FetchError {}

impl Explain for FetchError {
    fn code(&self) -> &'static Code {
        self.error.code()
    }

    fn hint(&self) -> String {
        match &self.error.cause {
            KubeCause::Net(net) if self.is_only_announced => format!(
                "make {} work from this machine, or pass --server with an address for the kubelet that does",
                net.route.endpoint()
            ),
            _ => self.error.hint(),
        }
    }
}
