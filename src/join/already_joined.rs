//! A join on a node that has joined: nothing is left to do but what an interruption may have left.

use super::kubelet_start;
use super::outcome::Outcome;
use crate::error::Failure;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::paths;
use crate::node::state::NodeIdentity;
use crate::phase::Phase;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::rootfs::{FileSet, Root};
use crate::services::InitSystem;

/// Removes a pending key and a bootstrap token, and starts a kubelet that does not run. Neither network nor disk is touched
/// otherwise.
pub(super) fn finish(
    plan: &JoinPlan,
    root: &Root,
    init: &InitSystem,
    identity: NodeIdentity,
    report: &Report,
) -> Result<Outcome, Failure> {
    if !identity.is_compared {
        let text = "whether it is a node of this very cluster was not checked: nothing that was given names a CA";
        report.warn(Phase::Preflight, None, text);
    }
    if let Some(server) = plan.access.server.as_ref().filter(|server| format!("https://{server}") != identity.server) {
        let text =
            format_args!("--server {server} changes nothing on a node that has joined; it has {}", identity.server);
        report.warn(Phase::Preflight, None, text);
    }
    if root.exists(&paths::PENDING_KEY)? || root.exists(&paths::BOOTSTRAP_KUBELET_CONF)? {
        let mut leftover = FileSet::new();
        // The key goes only after kubelet.conf's directory has been synced: an interruption may lie before that.
        leftover.absent(paths::BOOTSTRAP_KUBELET_CONF).absent(paths::PENDING_KEY);
        root.commit(&leftover)?;
    }
    if plan.target.is_this_system() && matches!(init.is_active(kubelet_start::SERVICE), Ok(false)) {
        report.phase(Phase::KubeletStart);
        let configuration = KubeletConfiguration::read(&kubelet_start::written_configuration(root)?)?;
        kubelet_start::start(plan, root, init, &configuration, report)?;
    }
    Ok(Outcome::AlreadyJoined(identity))
}
