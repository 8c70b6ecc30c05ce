//! What a join reports about the cluster it has found, the Node of its name, and what a dry run leaves out. Only reports.

use crate::clock::ClockMode;
use crate::discovery::{Announced, ClusterInfo};
use crate::error::codes;
use crate::inputs::{Discovery, Trust};
use crate::node::files::KubeletCredential;
use crate::node::name_check::NameCheck;
use crate::node::paths;
use crate::phase::Phase;
use crate::plan::{Access, JoinPlan};
use crate::report::Report;
use crate::services::InitSystem;
use crate::values::{CaCertHash, NodeName};

/// Whom the node is going to trust, and by which clock that was decided.
pub fn report_cluster(access: &Access, info: &ClusterInfo, report: &Report) {
    let hashes: Vec<_> = info.ca_certificates().iter().map(|c| CaCertHash(c.public_key_digest()).to_string()).collect();
    let text = format_args!("The cluster at {} is verified: CA {}", info.endpoint(), hashes.join(", "));
    report.info(Phase::Discovery, text);
    if let Discovery::Token { trust: Trust::UnsafeSkipCaVerification, .. } = &access.discovery {
        let text = "no hash of the CA was given: anyone who knows the token can pose as the control plane. Compare the CA above \
                    with what `kubeadm token create --print-join-command` prints there";
        report.warn(Phase::Discovery, None, text);
    }
    match info.announced() {
        Announced::Server(other) if other != info.endpoint() => {
            let own = info.endpoint();
            let text =
                format_args!("cluster-info names the API server {other}, the discovery file {own}: the file counts");
            report.warn(Phase::Discovery, None, text);
        }
        Announced::Nothing(why) => {
            report.warn(Phase::Discovery, None, format_args!("{why}; the discovery file is taken as it is"));
        }
        Announced::Server(_) | Announced::InUse => {}
    }
    if info.server() != info.endpoint() {
        let server = info.server();
        let text = format_args!("The kubelet will use {server}, as --server says; it is not asked now");
        report.info(Phase::Discovery, text);
    }
    if clock_is_replaced(access, info) {
        let at = httpdate::fmt_http_date(info.clock().now());
        let text = format_args!("This machine's clock cannot be right; certificates are checked by the server's: {at}");
        report.warn(Phase::Discovery, Some(&codes::CLOCK_REPLACED), text);
    }
}

/// Whether the verified server's time has taken the place of this machine's.
pub(super) fn clock_is_replaced(access: &Access, info: &ClusterInfo) -> bool {
    !access.clock.is_plausible() && info.clock().mode() != ClockMode::System
}

/// Whose Node of our name it is.
pub(super) fn report_node(check: NameCheck, name: &NodeName, report: &Report) {
    match check {
        NameCheck::Unused => {}
        NameCheck::SameMachine => {
            report.info(Phase::Discovery, format_args!("Node {name} is this machine's own: coming back"));
        }
        NameCheck::NotReady => {
            let text = format_args!("Node {name} exists, is not Ready and may be another machine's: taking it over");
            report.warn(Phase::Discovery, None, text);
        }
    }
}

/// What a dry run leaves out beside the files.
pub(super) fn report_dry_run(plan: &JoinPlan, credential: KubeletCredential<'_>, init: &InitSystem, report: &Report) {
    let name = &plan.node.name;
    let certificate = match credential {
        KubeletCredential::Placeholder | KubeletCredential::Issued(_) => {
            format!("Would request a certificate for system:node:{name}")
        }
        KubeletCredential::BootstrapToken(_) => {
            format!("Would let the kubelet request a certificate for system:node:{name}")
        }
        KubeletCredential::KeepExisting => format!("Would leave {} as it is", paths::KUBELET_CONF),
    };
    report.info(Phase::TlsBootstrap, certificate);
    match init {
        InitSystem::Systemd { .. } | InitSystem::OpenRc { .. } => {
            report.info(Phase::KubeletStart, "Would stop the kubelet, write the files below, and start it");
            if plan.options.phases.contains(Phase::KubeletWaitBootstrap) {
                report.info(Phase::KubeletWaitBootstrap, "Would wait for the kubelet");
            }
        }
        InitSystem::Offline => {
            report.info(Phase::KubeletStart, "Would write the files below; the kubelet starts at boot");
        }
        InitSystem::Unmanaged => {
            let text = "Would write the files below; no init system was found; start the kubelet yourself";
            report.info(Phase::KubeletStart, text);
        }
    }
}
