//! What the cluster says a node should be like: `kubelet-config`, or `kubelet-config-1.xx` up to 1.23, and `kubeadm-config`.
//! All may be missing or forbidden; then kubeadm's defaults apply.

use std::fmt;

use super::cluster_configuration::ClusterConfiguration;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::{ConfigMap, Node};
use crate::kube::wanted::Wanted;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::Retry;
use crate::values::NodeName;

/// What the cluster says about itself and wants of its nodes.
#[derive(Clone, Debug, Default)]
pub struct ClusterConfig {
    /// The KubeletConfiguration, where there is one and it was asked for.
    pub kubelet: Option<KubeletConfigMap>,
    /// `ClusterConfiguration` of the ConfigMap `kubeadm-config`, or kubeadm's defaults.
    pub cluster: ClusterConfiguration,
    /// The same as it is written, for who needs more of it; empty where there is none.
    pub cluster_text: String,
    /// Why it is kubeadm's defaults. A cluster that was not made by kubeadm lacks it, and nobody misses it where the
    /// KubeletConfiguration says everything.
    pub cluster_missing: Option<Missing>,
}

/// Key `kubelet` of a ConfigMap.
#[derive(Clone, Debug)]
pub struct KubeletConfigMap {
    /// The value.
    pub text: String,
    /// The ConfigMap, for messages.
    pub origin: String,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The Node that is going to be ours.
    pub node: &'a NodeName,
    /// Whether the cluster's KubeletConfiguration is used.
    pub kubelet_config: KubeletConfigSource,
    /// How the API server that is asked became known.
    pub server: ServerSource,
    /// Whose credentials are shown.
    pub credentials: CredentialSource,
}

/// Where the credentials are from that the API server is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// A bootstrap token.
    BootstrapToken,
    /// The user of a discovery file.
    DiscoveryFile,
}

/// Where the KubeletConfiguration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletConfigSource {
    /// The ConfigMap `kubelet-config`.
    Cluster,
    /// A file; the ConfigMap is not read.
    File,
}

/// How an API server became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSource {
    /// The user has named it.
    User,
    /// cluster-info names it, and the user has not.
    ClusterInfo,
}

/// The cluster's configuration could not be read.
#[derive(Clone, PartialEq, Eq)]
pub struct FetchError {
    error: Box<KubeError>,
    server: ServerSource,
    credentials: CredentialSource,
}

impl FetchError {
    fn refuses_discovery_file(&self) -> bool {
        let refused = matches!(self.error.cause, KubeCause::Unauthorized(_));
        refused && self.credentials == CredentialSource::DiscoveryFile
    }
}

/// Reads the cluster's configuration, and the Node of our name, in one round trip; in a second one what a cluster up to
/// 1.23 has. `None` for the Node where there is none, or where the token may not look.
///
/// # Errors
/// The API server cannot be asked, or refuses the token. What may be missing or forbidden is no error.
pub fn fetch(
    client: &mut Client,
    request: Request<'_>,
    retry: Retry,
    report: &Report,
) -> Result<(ClusterConfig, Option<Node>), FetchError> {
    let (server, credentials) = (request.server, request.credentials);
    ask(client, request, retry, report).map_err(|error| FetchError { error: Box::new(error), server, credentials })
}

fn ask(
    client: &mut Client,
    request: Request<'_>,
    retry: Retry,
    report: &Report,
) -> Result<(ClusterConfig, Option<Node>), KubeError> {
    let mut wanted = vec![Wanted::config_map("kube-system", "kubeadm-config")];
    if request.kubelet_config == KubeletConfigSource::Cluster {
        wanted.push(Wanted::config_map("kube-system", "kubelet-config"));
    }
    let node = Wanted::node(request.node.as_str());
    let (config_maps, node) = retry.run(
        || {
            let (config_maps, node) =
                client.config_maps_and_node(&wanted, &node, retry.exchange_deadline(REQUEST_TIMEOUT))?;
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
    let ((cluster, cluster_text), cluster_missing) = match cluster {
        Some(Ok(found)) => (found, None),
        Some(Err(missing)) => (Default::default(), Some(missing)),
        None => (Default::default(), None),
    };
    let kubelet = match answers.next() {
        Some((wanted, found)) => kubelet_config_map(client, found, wanted, &cluster, retry, report)?,
        None => None,
    };
    Ok((ClusterConfig { kubelet, cluster, cluster_text, cluster_missing }, node))
}

/// Why there is no ClusterConfiguration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// [`codes::CLUSTER_CONFIG_MISSING`] or [`codes::CLUSTER_CONFIG_UNUSABLE`].
    pub code: &'static Code,
    /// The ConfigMap and the reason.
    pub text: String,
}

fn cluster_configuration(
    found: Optional<ConfigMap>,
    wanted: &Wanted,
) -> Result<(ClusterConfiguration, String), Missing> {
    let text = data(found, "ClusterConfiguration", wanted)
        .map_err(|text| Missing { code: &codes::CLUSTER_CONFIG_MISSING, text })?;
    let cluster = ClusterConfiguration::read(&text)
        .map_err(|error| Missing { code: &codes::CLUSTER_CONFIG_UNUSABLE, text: format!("{wanted}: {error}") })?;
    Ok((cluster, text))
}

/// `kubelet-config`. Up to 1.23 it had the control plane's minor in its name, and the token may read no other.
fn kubelet_config_map(
    client: &mut Client,
    found: Optional<ConfigMap>,
    wanted: &Wanted,
    cluster: &ClusterConfiguration,
    retry: Retry,
    report: &Report,
) -> Result<Option<KubeletConfigMap>, KubeError> {
    let missing = match data(found, "kubelet", wanted) {
        Ok(text) => return Ok(Some(KubeletConfigMap { text, origin: wanted.to_string() })),
        Err(missing) => missing,
    };
    let missing = match cluster.release() {
        Some((major, minor)) if (major, minor) < (1, 24) => {
            let wanted = Wanted::config_map("kube-system", &format!("kubelet-config-{major}.{minor}"));
            let found = retry.run(
                || optional(client.config_map(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT))),
                |error, pause| report.retrying(Phase::Discovery, error, pause),
            )?;
            match data(found, "kubelet", &wanted) {
                Ok(text) => return Ok(Some(KubeletConfigMap { text, origin: wanted.to_string() })),
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
        matches!(self.cause, KubeCause::NotFound { .. })
    }
}

/// Tells an object that is not there, or that the token may not read, from an error.
fn optional<T>(result: Result<T, KubeError>) -> Result<Optional<T>, KubeError> {
    match result {
        Ok(object) => Ok(Ok(Some(object))),
        Err(error) if matches!(error.cause, KubeCause::NotFound { .. } | KubeCause::Forbidden(_)) => Ok(Err(error)),
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
        match &*self.error {
            KubeError { cause: KubeCause::Net(net), object } if self.server == ServerSource::ClusterInfo => {
                write!(f, "{object}: the API server that cluster-info names cannot be used: {net}")
            }
            error => error.fmt(f),
        }
    }
}

debug_as_display!(FetchError);

impl std::error::Error for FetchError {}

impl Explain for FetchError {
    fn code(&self) -> &'static Code {
        if self.refuses_discovery_file() { &codes::DISCOVERY_CREDENTIALS } else { self.error.code() }
    }

    fn hint(&self) -> String {
        match &self.error.cause {
            KubeCause::Net(net) if self.server == ServerSource::ClusterInfo => format!(
                "make {} work from this machine, or pass --server with an address for the kubelet that does",
                net.route.endpoint()
            ),
            _ if self.refuses_discovery_file() => self.code().hint.to_owned(),
            _ => self.error.hint(),
        }
    }
}
