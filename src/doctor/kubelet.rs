//! The kubelet of a node: whether it runs and is well.

use std::time::Duration;

use super::chain::{Chain, SECTION};
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::health;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::services::KUBELET;

/// How long a kubelet may take to answer that it is well.
const HEALTH_WAIT: Duration = Duration::from_secs(3);
/// Whether it answers that it is well; in a root that does not run, nobody asks it.
pub(super) fn is_healthy(plan: &JoinPlan, configuration: &KubeletConfiguration) -> bool {
    !plan.target.is_this_system() || configuration.healthz().is_none_or(|address| health::answers(&address))
}

/// Whether it runs and is well, and else what its log says.
pub(super) fn look(chain: &mut Chain<'_>, plan: &JoinPlan, configuration: &KubeletConfiguration) {
    let name = "kubelet healthz";
    if !plan.target.is_this_system() {
        return chain.not_looked_at(name, "the target root is not running");
    }
    let init = plan.target.init_system();
    let runs = || !matches!(init.is_active(KUBELET), Ok(false));
    // What it says while it waits is for a join.
    match health::healthy(configuration.healthz(), HEALTH_WAIT, runs, &Report::new(Vec::new())) {
        Ok(()) => chain.good(name, ""),
        Err(error) => {
            if let Some(end) = init.log_end(KUBELET) {
                chain.report.info(SECTION, format_args!("The kubelet's log ends with ({}):", end.source));
                end.lines.iter().for_each(|line| chain.report.info(SECTION, format_args!("| {line}")));
            }
            chain.broken(name, error);
        }
    }
}

/// Whether it renews its certificate, as its configuration has it.
pub(super) fn rotation(chain: &Chain<'_>, configuration: &KubeletConfiguration) {
    if !configuration.rotates_certificates() {
        let text =
            "rotateCertificates is false in /var/lib/kubelet/config.yaml: the kubelet lets its certificate expire";
        chain.report.warn(SECTION, None, text);
    }
}
