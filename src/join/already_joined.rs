//! A join on a node that has joined: nothing is left to do but what an interruption may have left, and what has been corrected
//! since a kubelet would not start. An unattended run also makes so what has changed in the settings, and renews a certificate
//! that is about to expire.

use super::case::Case;
use super::outcome::Outcome;
use super::{keep, kubelet_start, renewal};
use crate::error::{Explain, Failure};
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::changes::{self, Change};
use crate::node::paths;
use crate::node::state::NodeIdentity;
use crate::phase::Phase;
use crate::plan::{ChangePolicy, JoinPlan};
use crate::report::Report;
use crate::rootfs::{FileSet, Root};
use crate::services::{self, InitSystem};
use crate::values::Endpoint;

/// Removes a pending key and a bootstrap token, writes what differs from what is asked for, and starts a kubelet that does
/// not run. A kubelet that is well is left alone; then neither network nor disk is touched.
pub(super) fn finish(
    plan: &JoinPlan,
    root: &Root,
    init: &InitSystem,
    mut identity: NodeIdentity,
    report: &Report,
) -> Result<Outcome, Failure> {
    let applies_changes = plan.options.changes == ChangePolicy::Apply;
    if !identity.is_compared {
        let text = "whether it is a node of this very cluster was not checked: nothing that was given names a CA";
        report.warn(Phase::Preflight, None, text);
    }
    let other_server = |server: &&Endpoint| !applies_changes && format!("https://{server}") != identity.server;
    if let Some(server) = plan.access.server.as_ref().filter(other_server) {
        let text =
            format_args!("--server {server} changes nothing on a node that has joined; it has {}", identity.server);
        report.warn(Phase::Preflight, None, text);
    }
    let mut case = Case::Well;
    let mut is_awaited = false;
    if applies_changes && renewal::is_due(root, &identity, plan.access.clock)? {
        match renewal::renewed(root, &identity, &plan.access.proxies, plan.access.clock, report)? {
            Some(renewed) => (identity, case) = (renewed, Case::Renewed),
            None => is_awaited = true,
        }
    }
    // The key of a renewal that nobody has approved yet finds its request again.
    if root.exists(&paths::PENDING_KEY)? && !is_awaited || root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? {
        let mut leftover = FileSet::new();
        // The key goes only after kubelet.conf's directory has been synced: an interruption may lie before that.
        leftover.absent(paths::BOOTSTRAP_KUBELET_CONF);
        if !is_awaited {
            leftover.absent(paths::PENDING_KEY);
        }
        root.commit(&leftover)?;
    }
    let this_system = plan.target.is_this_system();
    let is_well = this_system && kubelet_start::is_well(root, init)?;
    // The kubelet of a control plane uses the API server of its own machine, whatever the settings name.
    let follows_settings = applies_changes && !root.exists(&paths::API_SERVER_MANIFEST)?;
    if follows_settings && let Some(found) = keep::new_endpoint(plan, root, &identity, report)? {
        match (root.commit(&found.files), found.server) {
            (Ok(_), Some(server)) => (identity.server, case) = (server, case.or(Case::EndpointChanged)),
            (Err(error), Some(_)) => return Err(error.into()),
            // It is asked about once more at the next boot.
            (Err(error), None) => report.warn(Phase::KubeletStart, Some(error.code()), error),
            (Ok(_), None) => {}
        }
    }
    let changes = changes::changes(root, &plan.node)?;
    let applies = !is_well || applies_changes || plan.options.phases.is_kubelet_start_alone();
    report_changes(&changes, applies, report);
    if applies && !changes.is_empty() {
        root.commit(&changes::files(&changes))?;
        case = case.or(Case::SettingsChanged);
    }
    let applied = case != Case::Well;
    if this_system && (applied || !is_well) {
        report.phase(Phase::KubeletStart);
        let configuration = KubeletConfiguration::read(&kubelet_start::written_configuration(root)?)?;
        // A kubelet that runs and does not answer yet is waited for, and not started again.
        if applied || !matches!(init.is_active(services::KUBELET), Ok(true)) {
            kubelet_start::start(plan, root, init, &configuration, report)?;
        } else if plan.options.phases.contains(Phase::KubeletWaitBootstrap) {
            kubelet_start::wait_for_started(plan, root, init, &configuration, report)?;
        }
    }
    Ok(Outcome::AlreadyJoined(identity, case))
}

fn report_changes(changes: &[Change], applied: bool, report: &Report) {
    for Change { path, difference, .. } in changes {
        if applied {
            report
                .info(Phase::KubeletStart, format_args!("{path} differs from what is asked for: writing {difference}"));
        } else {
            let text = format_args!(
                "{path} differs from what is asked for, and is not applied to a kubelet that is well: it would have \
                 {difference}. `join phase kubelet-start` with the same settings applies it and restarts the kubelet"
            );
            report.warn(Phase::KubeletStart, None, text);
        }
    }
}
