//! The end of a control plane's join, once its kubelet runs.

use super::control_plane::{Joining, Prepared};
use super::etcd_member::{self, EtcdMember};
use crate::control_plane::{mark, wait};
use crate::error::Failure;
use crate::kube::client::REQUEST_TIMEOUT;
use crate::kube::wanted::Wanted;
use crate::kubelet::cri_socket::{self, CriSocketHandover};
use crate::phase::Phase;
use crate::retry::Retry;

/// What is left once the kubelet runs: etcd's member becomes a voter, the components run, the Node is marked.
pub(super) fn finish(joining: Joining<'_>, prepared: &Prepared, member: Option<EtcdMember>) -> Result<(), Failure> {
    let Joining { plan, spec, report, .. } = joining;
    let (phases, timeouts) = (plan.options.phases, plan.options.timeouts);
    if let Some(member) = member {
        etcd_member::promote(joining, member)?;
    }
    if !phases.any(&[Phase::WaitControlPlane, Phase::MarkControlPlane]) {
        return Ok(());
    }
    report.phase(Phase::WaitControlPlane);
    let mut local = joining.admin_client(prepared.admin(), true)?;
    let components = || Retry::every(wait::INTERVAL, timeouts.control_plane_component_health_check);
    let call = || Retry::every(wait::INTERVAL, timeouts.kubernetes_api_call);
    wait::wait_for_api_server(&mut local, components(), report)?;
    let node = Wanted::node(plan.node.name.as_str());
    wait::wait_for_node(&mut local, &node, call(), report)?;
    if CriSocketHandover::of(&prepared.configuration.cluster).needs_annotation() {
        let retry = call();
        retry.run(
            || {
                let deadline = retry.exchange_deadline(REQUEST_TIMEOUT);
                local.annotate(&node, cri_socket::ANNOTATION, &plan.node.cri_socket, deadline)
            },
            |error, pause| report.retrying(Phase::WaitControlPlane, error, pause),
        )?;
    }
    if phases.contains(Phase::MarkControlPlane) {
        report.phase(Phase::MarkControlPlane);
        mark::mark(&mut local, &node, &spec.taints, call(), report)?;
    }
    if phases.contains(Phase::WaitControlPlane) {
        report.phase(Phase::WaitControlPlane);
        let addresses = prepared.health_addresses();
        wait::wait_for_components(&mut local, plan.node.name.as_str(), addresses, components(), report)?;
    }
    Ok(())
}
