//! A machine that has joined: what keeps it from being a good node.

use super::chain::{Chain, SECTION, Weight};
use super::error::NodeTrouble;
use super::kubelet;
use super::network::{self, once};
use crate::discovery::Discovered;
use crate::error::Explain;
use crate::join::{as_node, is_due, written_configuration};
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::control_plane::PodList;
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::Node;
use crate::kube::wanted::Wanted;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::changes;
use crate::node::registration::NotRegistered;
use crate::node::state::{self, Conflict, NodeIdentity, NodeState, Unusable};
use crate::pki::request::common_name;
use crate::plan::JoinPlan;
use crate::preflight::{ClusterRequirements, Diagnosis};
use crate::rootfs::Root;
use crate::text::UntrustedText;

const KUBELET_CONF: &str = "kubelet.conf";
const CERTIFICATE: &str = "certificate";
const AUTHENTICATION: &str = "authentication";
const CONFIGURATION: &str = "kubelet configuration";
const REGISTERED: &str = "Node registered";
const READY: &str = "Node Ready";
const KUBE_PROXY: &str = "kube-proxy";
/// How kubeadm labels the pods of kube-proxy.
const KUBE_PROXY_LABEL: &str = "k8s-app=kube-proxy";

/// Looks at all of it. `has_settings`: the plan is that of a join, and not one of this machine's files alone.
pub(super) fn look(chain: &mut Chain<'_>, mut plan: JoinPlan, root: &Root, state: &NodeState, has_settings: bool) {
    let identity = identity(chain, &plan, root, state);
    if identity.is_some() && has_settings {
        settings(chain, &plan, root);
    }
    let own = identity.and_then(|_| state::access(root).ok().flatten());
    if let Some(own) = own {
        plan.access = as_node(own, &plan.access.proxies, plan.access.clock);
    }
    let is_known = identity.is_some();
    let diagnosis = Diagnosis::new(&plan, root, state, true, chain.report);
    chain.checks(diagnosis.clock(), Weight::OnlyCodes);
    let found = if is_known { network::look(chain, &plan) } else { None };
    let mut asked = found.map(|found| ask(&plan, found));
    match &asked {
        Some((_, Err(error))) if !matches!(error.cause, KubeCause::NotFound { .. }) => {
            chain.broken(AUTHENTICATION, error.clone());
            asked = None;
        }
        Some(_) => chain.good(AUTHENTICATION, common_name(plan.node.name.as_str())),
        None => chain.not_looked_at(AUTHENTICATION, ""),
    }
    chain.checks(diagnosis.machine(), Weight::OnlyCodes);
    let configuration = match written_configuration(root) {
        Ok(text) => KubeletConfiguration::read(&text).map_err(|error| chain.broken(CONFIGURATION, error)).ok(),
        Err(error) => {
            chain.not_seen(CONFIGURATION, error);
            None
        }
    };
    if let Some(configuration) = &configuration {
        chain.good(CONFIGURATION, "");
        kubelet::rotation(chain, configuration);
        let is_healthy = kubelet::is_healthy(&plan, configuration);
        let requirements = ClusterRequirements { kubelet: configuration, api_server: None, ca_certificates: &[] };
        let weight = if is_healthy { Weight::OnlyCodes } else { Weight::Full };
        chain.checks(diagnosis.requirements(&requirements), weight);
        kubelet::look(chain, &plan, configuration);
    }
    in_cluster(chain, &plan, asked);
}

/// The identity of this node, where it can be used.
fn identity<'s>(chain: &mut Chain<'_>, plan: &JoinPlan, root: &Root, state: &'s NodeState) -> Option<&'s NodeIdentity> {
    let clock = plan.access.clock;
    match state {
        NodeState::Joined(identity) => {
            chain.good(KUBELET_CONF, format_args!("Node {} of {}", identity.node, identity.server));
            chain.good(CERTIFICATE, format_args!("expires at {}", httpdate::fmt_http_date(identity.not_after)));
            if is_due(root, identity, clock).unwrap_or_default() {
                let until = httpdate::fmt_http_date(identity.not_after);
                let text = format_args!(
                    "the certificate expires at {until}, and the kubelet does not renew it in time; `kubejoin ensure` does"
                );
                chain.report.warn(SECTION, None, text);
            }
            return Some(identity);
        }
        NodeState::Unusable(Unusable::Expired) => {
            let end = match state::read_any(root, None) {
                Ok(NodeState::Joined(identity)) => Some(identity.not_after),
                _ => None,
            };
            chain.good(KUBELET_CONF, "");
            chain.broken(CERTIFICATE, NodeTrouble::CertificateExpired(end, clock.now()));
        }
        // To others everything of root's is somebody else's.
        NodeState::Unusable(why @ Unusable::Exposed) if plan.host.euid != 0 => {
            chain.not_seen(KUBELET_CONF, format_args!("only root can say whether {why}"));
        }
        NodeState::Unusable(why) => chain.broken(KUBELET_CONF, NodeTrouble::FilesUnusable(why.to_string())),
        NodeState::Conflict(why @ Conflict::Preexisting) => chain.not_seen(KUBELET_CONF, why),
        NodeState::Conflict(why) | NodeState::Superseded(why) => {
            chain.broken(KUBELET_CONF, NodeTrouble::FilesUnusable(why.to_string()));
        }
        // It is there, and this user may not read it.
        NodeState::Nothing => chain.not_seen(KUBELET_CONF, "it cannot be read; run this as root"),
    }
    None
}

/// What the settings would write differently.
fn settings(chain: &mut Chain<'_>, plan: &JoinPlan, root: &Root) {
    match changes::changes(root, &plan.node) {
        Ok(found) => {
            for change in &found {
                let (path, difference) = (&change.path, &change.difference);
                let text = format_args!("{path} differs from the settings: it would have {difference}");
                chain.report.warn(SECTION, None, text);
            }
            chain.good("files", if found.is_empty() { "as the settings say" } else { "not as the settings say" });
        }
        Err(error) => chain.not_seen("files", error),
    }
}

type Asked = (Client, Result<Node, KubeError>);

/// Asks for the Node with the node's own certificate.
fn ask(plan: &JoinPlan, found: Discovered) -> Asked {
    let mut client = Client::new(found.server, found.bootstrap.credentials.token);
    let node = client.node(&Wanted::node(plan.node.name.as_str()), deadline());
    (client, node)
}

fn deadline() -> std::time::Instant {
    once(REQUEST_TIMEOUT).exchange_deadline(REQUEST_TIMEOUT)
}

/// The Node as the cluster has it.
fn in_cluster(chain: &mut Chain<'_>, plan: &JoinPlan, asked: Option<Asked>) {
    let behind = [REGISTERED, READY, KUBE_PROXY];
    if !plan.target.is_this_system() {
        // A machine that is off is NotReady for that reason.
        behind.iter().for_each(|name| chain.not_looked_at(name, "the target root is not running"));
        return;
    }
    // A Node that is not Ready is what a broken link before it looks like.
    let (Some((mut client, node)), false) = (asked, chain.is_broken()) else {
        behind.iter().for_each(|name| chain.not_looked_at(name, ""));
        return;
    };
    let node = match node {
        Ok(node) => node,
        Err(error) => {
            chain.broken(REGISTERED, NotRegistered::Node(error));
            behind[1..].iter().for_each(|name| chain.not_looked_at(name, ""));
            return;
        }
    };
    chain.good(REGISTERED, "");
    if let Err(trouble) = readiness(&node) {
        chain.broken(READY, trouble);
        chain.not_looked_at(KUBE_PROXY, "");
        return;
    }
    chain.good(READY, "");
    let wanted = Wanted::pods_of_node("kube-system", KUBE_PROXY_LABEL, plan.node.name.as_str());
    match client.pods(&wanted, deadline()) {
        Ok(pods) => match kube_proxy(&pods) {
            Ok(saw) => chain.good(KUBE_PROXY, saw),
            Err(trouble) => chain.broken(KUBE_PROXY, trouble),
        },
        Err(error) => chain.not_seen(KUBE_PROXY, format_args!("{error} ({})", error.code().name)),
    }
}

/// Whether a Node is Ready, in the words of its condition.
fn readiness(node: &Node) -> Result<(), NodeTrouble> {
    if node.is_ready() {
        return Ok(());
    }
    let said = node.status.conditions.iter().find(|condition| condition.kind == "Ready");
    let why = match said {
        Some(said) => format!("{}: {}", said.reason, said.message),
        None => "its kubelet has reported nothing yet".to_owned(),
    };
    Err(NodeTrouble::NotReady(UntrustedText::new(&why, None)))
}

/// Whether every kube-proxy of a Node is Ready. A cluster may do without.
fn kube_proxy(pods: &PodList) -> Result<&'static str, NodeTrouble> {
    match pods.items().find(|pod| !pod.is_ready()) {
        Some(pod) => {
            let (reason, message) = pod.why().unwrap_or((pod.phase(), ""));
            let text = format!("{}: {reason} {message}", pod.name());
            Err(NodeTrouble::KubeProxy(UntrustedText::new(text.trim_end(), None)))
        }
        None if pods.items().next().is_none() => Ok("there is none on this node"),
        None => Ok(""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    #[test]
    fn a_node_that_is_not_ready_says_why() {
        let said = |conditions: Value| {
            readiness(&from_value(json!({ "status": { "conditions": conditions } })).unwrap())
                .map_err(|e| e.to_string())
        };
        let not_ready = |text: &str| Err(format!("the Node is not Ready: {text}"));
        let condition =
            |status: &str| json!([{ "type": "Ready", "status": status, "reason": "R", "message": "cni: none" }]);
        assert_eq!(said(condition("True")), Ok(()));
        assert_eq!(said(condition("False")), not_ready("R: cni: none"));
        assert_eq!(said(condition("Unknown")), not_ready("R: cni: none"));
        assert_eq!(said(json!([])), not_ready("its kubelet has reported nothing yet"));
    }

    #[test]
    fn a_kube_proxy_that_does_not_run_is_named() {
        let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        let waiting = json!({ "reason": "CrashLoopBackOff", "message": "back-off" });
        let waits = json!({
            "metadata": { "name": "kube-proxy-1" }, "status": { "containerStatuses": [{ "state": { "waiting": waiting } }] },
        });
        let said =
            |items: &[&Value]| kube_proxy(&from_value(json!({ "items": items })).unwrap()).map_err(|e| e.to_string());
        assert_eq!(said(&[]), Ok("there is none on this node"));
        assert_eq!(said(&[&ready]), Ok(""));
        let text = "kube-proxy does not run on this node: kube-proxy-1: CrashLoopBackOff back-off";
        assert_eq!(said(&[&ready, &waits]), Err(text.to_owned()));
    }
}
