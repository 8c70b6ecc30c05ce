//! The kubelet of a node: what overrides its configuration, and whether it runs and is well.

use std::time::Duration;

use super::chain::{Chain, SECTION};
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::health;
use crate::plan::JoinPlan;
use crate::report::Report;
use crate::rootfs::{Root, TargetPath};
use crate::services::KUBELET;
use crate::yaml;

/// How long a kubelet may take to answer that it is well.
const HEALTH_WAIT: Duration = Duration::from_secs(3);
/// Of `KUBELET_EXTRA_ARGS` and the like: environment files of the packages.
const FLAG_FILES: [TargetPath; 3] = [
    TargetPath::fixed("/etc/default/kubelet"),
    TargetPath::fixed("/etc/sysconfig/kubelet"),
    TargetPath::fixed("/etc/conf.d/kubelet"),
];
/// Directories that a kubelet reads drop-ins of its configuration from; the flag names it (1.30 and newer).
const DROP_INS: [TargetPath; 2] =
    [TargetPath::fixed("/etc/kubernetes/kubelet.conf.d"), TargetPath::fixed("/var/lib/kubelet/config.d")];
const CONFIG_DIR: &str = "--config-dir";
/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 1 << 18;
/// Fields that the cluster or a join sets, and that nobody else may: without them pods have no DNS, there are no static pods, and
/// the certificate expires.
const OF_THE_JOIN: [&str; 3] = ["clusterDNS", "staticPodPath", "rotateCertificates"];

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

/// What overrides the configuration that a join has written. The kubelet runs with it: a warning.
pub(super) fn overrides(chain: &mut Chain<'_>, root: &Root, configuration: &KubeletConfiguration) {
    if !configuration.rotates_certificates() {
        let text =
            "rotateCertificates is false in /var/lib/kubelet/config.yaml: the kubelet lets its certificate expire";
        chain.report.warn(SECTION, None, text);
    }
    let named = FLAG_FILES.into_iter().filter_map(|path| directory_in(&text(root, &path)?));
    for directory in named.chain(DROP_INS) {
        for name in root.list(&directory).ok().flatten().unwrap_or_default() {
            let Some(path) = directory.join(&name).ok().filter(|_| name.ends_with(".conf")) else { continue };
            let Some(text) = text(root, &path) else { continue };
            let Ok(document) = yaml::parse_one(&text) else { continue };
            let set = OF_THE_JOIN.iter().filter(|field| document.value.get(**field).is_some());
            let set: Vec<_> = set.copied().collect();
            if !set.is_empty() {
                let text =
                    format_args!("{path} overrides {} of the configuration that a join has written", set.join(", "));
                chain.report.warn(SECTION, None, text);
            }
        }
    }
    chain.good("kubelet drop-ins", "");
}

fn text(root: &Root, path: &TargetPath) -> Option<String> {
    let bytes = root.read(path, MAX_FILE_BYTES).ok()??;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The directory that a flag in this text names.
fn directory_in(text: &str) -> Option<TargetPath> {
    let flags = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = flags.flat_map(|line| line.split(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'')));
    words.find(|word| *word == CONFIG_DIR)?;
    words.find(|word| !word.is_empty())?.parse().ok()
}
