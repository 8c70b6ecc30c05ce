//! Beyond kubeadm: whether the kubelet has registered its Node, asked with the node's own new certificate.

use std::time::{Duration, Instant};

use crate::discovery::ClusterInfo;
use crate::error::{Explain, codes};
use crate::kube::client::{Client, Wanted};
use crate::net::dial::Dialer;
use crate::net::server::Server;
use crate::phase::Phase;
use crate::pki::identity::ClientIdentity;
use crate::plan::Access;
use crate::report::Report;
use crate::tls_bootstrap::Credentials;
use crate::values::NodeName;

/// kubeadm's interval (`cmd/kubeadm/app/constants/constants.go`, `KubernetesAPICallRetryInterval`).
const INTERVAL: Duration = Duration::from_millis(500);

/// Waits until the kubelet has registered its Node; asked with the node's own new certificate, which shows that it works, too. Then
/// gives it `annotation`, a name and a value, where there is one. `false` where it did not appear in time.
pub fn registered(
    access: &Access,
    node: &NodeName,
    wait: Duration,
    info: &ClusterInfo,
    credentials: &Credentials,
    annotation: Option<(&str, &str)>,
    report: &Report,
) -> bool {
    let identity = ClientIdentity::of_key(credentials.chain(), credentials.key());
    let dialer = Dialer::new(info.endpoint().clone(), &access.proxies);
    let Ok(server) = dialer.and_then(|dialer| Server::new(dialer, info.roots(), info.clock(), Some(&identity))) else {
        return false;
    };
    let mut client = Client::new(server, None);
    let wanted = Wanted::node(node.as_str());
    let deadline = Instant::now() + wait;
    loop {
        match client.node(&wanted) {
            Ok(_) => {
                report.info(Phase::KubeletWaitBootstrap, format_args!("{wanted} is registered"));
                if let Some((name, value)) = annotation {
                    annotate(&mut client, &wanted, name, value, deadline, report);
                }
                return true;
            }
            Err(error) if Instant::now() + INTERVAL > deadline => {
                report.warn(Phase::KubeletWaitBootstrap, Some(&codes::KUBELET_NOT_REGISTERED), error);
                return false;
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
}

/// A Node without the annotation is a node all the same: what fails is a warning.
fn annotate(client: &mut Client, node: &Wanted, name: &str, value: &str, deadline: Instant, report: &Report) {
    loop {
        match client.annotate(node, name, value) {
            Ok(()) => return report.info(Phase::KubeletWaitBootstrap, format_args!("{node} is annotated with {name}")),
            Err(error) if !error.may_retry() || Instant::now() + INTERVAL > deadline => {
                let code = &codes::NODE_NOT_ANNOTATED;
                return report.warn(Phase::KubeletWaitBootstrap, Some(code), error);
            }
            Err(_) => std::thread::sleep(INTERVAL),
        }
    }
}
