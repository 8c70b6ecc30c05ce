//! The components of this machine are waited for, each with what it is at.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::ControlPlaneError;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::control_plane::Pod;
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::wanted::Wanted;
use crate::net::dial::Dialer;
use crate::net::server::UnverifiedServer;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::Retry;
use crate::text::UntrustedText;

/// Largest answer about health, in bytes.
const MAX_HEALTH: usize = 1 << 16;

/// So long a component takes to start where nothing is wrong with it.
const USUAL_START: Duration = Duration::from_secs(10);

/// What is waited for.
const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Waits until the API server of this machine lives (`/livez`). One that starts knows no rights yet, and refuses everybody.
///
/// # Errors
/// It does not within the time of `retry`; the last thing that it said.
pub fn wait_for_api_server(client: &mut Client, retry: Retry, report: &Report) -> Result<(), ControlPlaneError> {
    let livez = Wanted::health("/livez");
    retry.run(
        || match client.is_healthy(&livez, retry.exchange_deadline(REQUEST_TIMEOUT)) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.cause, KubeCause::Forbidden(_) | KubeCause::Unauthorized(_)) => {
                Err(ControlPlaneError::NotReady { component: COMPONENTS[0], state: error.to_string() })
            }
            Err(error) => Err(error.into()),
        },
        |error, pause| report.retrying(Phase::WaitControlPlane, error, pause),
    )?;
    report.info(Phase::WaitControlPlane, "The API server of this machine lives");
    Ok(())
}

/// Waits until the kubelet has registered the Node of this machine.
///
/// # Errors
/// It has not within the time of `retry`.
pub fn wait_for_node(
    client: &mut Client,
    node: &Wanted,
    retry: Retry,
    report: &Report,
) -> Result<(), ControlPlaneError> {
    retry.run(
        || match client.node(node, retry.exchange_deadline(REQUEST_TIMEOUT)) {
            Ok(_) => Ok(()),
            Err(KubeError { cause: KubeCause::NotFound { .. }, .. }) => Err(ControlPlaneError::NotRegistered),
            Err(error) => Err(error.into()),
        },
        |error, pause| report.retrying(Phase::WaitControlPlane, error, pause),
    )?;
    report.info(Phase::WaitControlPlane, format_args!("{node} is registered"));
    Ok(())
}

/// Waits until controller-manager and scheduler say that they are healthy, at their ports on `addresses`, as kubeadm does
/// (`cmd/kubeadm/app/util/apiclient/wait.go`). They make their own certificates, so that nobody can verify them; they are told
/// nothing, and believed nothing but that. What one is at meanwhile is what its pod says.
///
/// # Errors
/// One is not healthy within the time of `retry`, and what it is at.
pub fn wait_for_components(
    client: &mut Client,
    node: &str,
    addresses: [SocketAddr; 2],
    retry: Retry,
    report: &Report,
) -> Result<(), ControlPlaneError> {
    let wanted = Wanted::control_plane_pods(None, Some(node));
    for (component, address) in COMPONENTS[1..].iter().zip(addresses) {
        let mut server = UnverifiedServer::new(Dialer::direct(address.into()));
        retry.run(
            || {
                let deadline = retry.exchange_deadline(REQUEST_TIMEOUT);
                let answer = server.fetch("/healthz", MAX_HEALTH, deadline);
                if answer.is_ok_and(|answer| answer.head.status == 200) {
                    return Ok(());
                }
                let mut said = None;
                if retry.waited() > USUAL_START {
                    let pods = client.pods(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT))?;
                    let name = format!("{component}-{node}");
                    said = state(pods.items().find(|pod| pod.name() == name));
                }
                let state = said.unwrap_or_else(|| format!("it does not answer at {address} yet"));
                Err(ControlPlaneError::NotReady { component, state })
            },
            |error, pause| report.retrying(Phase::WaitControlPlane, error, pause),
        )?;
    }
    report.info(Phase::WaitControlPlane, "Controller-manager and scheduler of this machine run");
    Ok(())
}

/// What a component is at; `None` where it is ready.
fn state(pod: Option<Pod<'_>>) -> Option<String> {
    let Some(pod) = pod else { return Some("the kubelet has not told the cluster about its pod yet".to_owned()) };
    if pod.is_ready() {
        return None;
    }
    if !pod.has_container_status() {
        return Some(format!("its pod is {}", UntrustedText::new(pod.phase(), None)));
    }
    let what = match pod.why() {
        Some((reason, "")) => UntrustedText::new(reason, None).to_string(),
        Some((reason, message)) => UntrustedText::new(&format!("{reason}: {message}"), None).to_string(),
        None => "it runs, and its probes have not succeeded yet".to_owned(),
    };
    Some(match pod.restarts() {
        0 => what,
        count => format!("{what}; {count} restarts"),
    })
}

/// The interval between two questions (`constants.KubernetesAPICallRetryInterval` of kubeadm).
pub const INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_component_is_at_is_said() {
        let table = [
            ("\"status\":{\"phase\":\"Pending\"}", Some("its pod is Pending")),
            ("\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}", None),
            (
                "\"status\":{\"containerStatuses\":[{\"restartCount\":2,\"state\":{\"waiting\":{\"reason\":\
                 \"ImagePullBackOff\",\"message\":\"no such host\"}}}]}",
                Some("ImagePullBackOff: no such host; 2 restarts"),
            ),
            (
                "\"status\":{\"containerStatuses\":[{\"state\":{\"running\":{}}}]}",
                Some("it runs, and its probes have not succeeded yet"),
            ),
        ];
        for (status, expected) in table {
            let pod = serde_json::from_str(&format!("{{{status}}}")).unwrap();
            assert_eq!(state(Some(Pod::new(&pod))).as_deref(), expected, "{status}");
        }
        assert!(state(None).is_some());
    }
}
