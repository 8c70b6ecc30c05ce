//! The Node of a control plane says that it is one (`cmd/kubeadm/app/phases/markcontrolplane/markcontrolplane.go`).

use crate::config::Taint;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::error::KubeError;
use crate::kube::wanted::Wanted;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::Retry;

/// Labels of a control plane; they have no value.
const LABELS: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node.kubernetes.io/exclude-from-external-load-balancers"];

/// Labels and taints the Node in one patch, which holds only for the Node that was read; taints of others stay. What is there
/// already is not written again.
///
/// # Errors
/// The API server does not let this be done within the time of `retry`.
pub fn mark(
    client: &mut Client,
    node: &Wanted,
    taints: &[Taint],
    retry: Retry,
    report: &Report,
) -> Result<(), KubeError> {
    let written = retry.run(
        || {
            let found = client.node_to_mark(node, retry.exchange_deadline(REQUEST_TIMEOUT))?;
            match found.patch(&LABELS, taints) {
                Some(patch) => client.patch_node(node, patch, retry.exchange_deadline(REQUEST_TIMEOUT)).map(|()| true),
                None => Ok(false),
            }
        },
        |error, pause| report.retrying(Phase::MarkControlPlane, error, pause),
    )?;
    let what = if written { "has been marked" } else { "is marked" };
    report.info(Phase::MarkControlPlane, format_args!("{node} {what} as a control plane"));
    Ok(())
}
