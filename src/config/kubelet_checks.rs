//! What the kubelet will refuse once it has been started, long after the token has been used: flags, labels and taints.
//!
//! kubeadm passes them on unread. What every kubelet refuses is a problem; what depends on its release, which may be
//! another one than this machine's, is a warning that says which.

use super::findings::Findings;
use super::origin::{Origin, WithOrigin};
use super::problem::Problem;
use super::warning::Warning;
use crate::values::{Misprint, check_label_key, check_label_value, may_be_set_by_kubelets};

/// The effects of a taint.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Flags that kubelets do not have any more, by the minor release of the first one without them (`cmd/kubelet/app/options`
/// of every release from 1.9 to 1.37; those of klog went with `component-base` 1.26).
const REMOVED_FLAGS: [(u32, &str); 15] = [
    (10, "init-config-dir require-kubeconfig"),
    (
        11,
        "enable-custom-metrics experimental-allowed-unsafe-sysctls experimental-qos-reserved rkt-api-endpoint rkt-path",
    ),
    (12, "cadvisor-port docker-disable-shared-pid"),
    (14, "experimental-fail-swap-on"),
    (15, "allow-privileged host-ipc-sources host-network-sources host-pid-sources"),
    (16, "containerized"),
    (19, "bootstrap-checkpoint-path experimental-dockershim"),
    (20, "redirect-container-streaming"),
    (21, "enable-cadvisor-json-endpoints"),
    (23, "experimental-bootstrap-kubeconfig seccomp-profile-root"),
    (
        24,
        "cni-bin-dir cni-cache-dir cni-conf-dir docker-endpoint dynamic-config-dir \
         experimental-check-node-capabilities-before-mount image-pull-progress-deadline network-plugin network-plugin-mtu \
         non-masquerade-cidr",
    ),
    (
        26,
        "add-dir-header alsologtostderr log-backtrace-at log-dir log-file log-file-max-size logtostderr one-output \
         skip-headers skip-log-headers stderrthreshold",
    ),
    (27, "container-runtime master-service-namespace"),
    (31, "iptables-drop-bit iptables-masquerade-bit keep-terminated-pod-volumes"),
    (34, "cloud-config register-schedulable"),
];

/// The one flag that kubeadm itself has written: up to 1.34.
const PAUSE_IMAGE: (u32, &str) = (35, "pod-infra-container-image");

/// Checks `kubeletExtraArgs`.
pub(super) fn check_flags(args: &[(String, WithOrigin<String>)], findings: &mut Findings) {
    for (name, WithOrigin { value, origin }) in args {
        check_name(name, origin, findings);
        // The init system cuts the variable that these flags are written to at white space outside of quotation marks.
        let is_cut = value.trim_end().contains(char::is_whitespace) && !value.contains(['"', '\'']);
        if is_cut {
            findings.problems.push(Problem::KubeletFlagSpace { origin: origin.clone(), name: name.clone() });
        } else if Misprint::find(value) == Some(Misprint::Template)
            && !["node-labels", REGISTER_WITH_TAINTS].contains(&&**name)
        {
            findings.warnings.push(Warning::KubeletFlagTemplate { origin: origin.clone(), name: name.clone() });
        }
        match name.as_str() {
            "node-labels" if !is_cut => check_labels(value, origin, findings),
            REGISTER_WITH_TAINTS if !is_cut => check_taint_flag(value, origin, findings),
            "cloud-provider" if !value.is_empty() && value != "external" => {
                findings.warnings.push(Warning::CloudProvider(origin.clone()));
            }
            _ => {}
        }
    }
}

const REGISTER_WITH_TAINTS: &str = "register-with-taints";

fn check_name(name: &str, origin: &Origin, findings: &mut Findings) {
    let bare = name.trim_start_matches('-');
    if name.is_empty() {
        findings.problems.push(Problem::KubeletFlagWithoutName(origin.clone()));
    } else if bare != name {
        findings.problems.push(Problem::KubeletFlagDashes { origin: origin.clone(), name: name.to_owned() });
    } else if !name.bytes().all(|b| b.is_ascii_graphic()) {
        findings.problems.push(Problem::KubeletFlagName { origin: origin.clone(), name: name.to_owned() });
    }
    let removed = REMOVED_FLAGS.iter().chain([&PAUSE_IMAGE]).find(|(_, names)| names.split(' ').any(|n| n == bare));
    if let Some((minor, _)) = removed {
        let warning = Warning::KubeletFlagRemoved { origin: origin.clone(), name: bare.to_owned(), minor: *minor };
        findings.warnings.push(warning);
    }
}

/// `key=value` with commas between, as the kubelet reads them (`cli/flag/configuration_map.go`).
fn check_labels(value: &str, origin: &Origin, findings: &mut Findings) {
    for label in value.split(',').map(str::trim).filter(|label| !label.is_empty()) {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        if let Err(error) = check_label_key(key).and_then(|()| check_label_value(value)) {
            let label = label.to_owned();
            findings.problems.push(Problem::NodeLabel { origin: origin.clone(), label, error });
        } else if !may_be_set_by_kubelets(key) {
            // A warning, because a newer kubelet may have a longer list.
            findings.warnings.push(Warning::NodeLabel { origin: origin.clone(), key: key.to_owned() });
        }
    }
}

/// `key[=value]:effect` with commas between (`pkg/util/taints/taints.go`).
fn check_taint_flag(value: &str, origin: &Origin, findings: &mut Findings) {
    for taint in value.split(',').filter(|_| !value.is_empty()) {
        let (pair, effect) = taint.split_once(':').unwrap_or((taint, ""));
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        check_taint(key, value, effect, origin, findings);
    }
}

/// Checks a taint, of whichever source.
pub(super) fn check_taint(key: &str, value: &str, effect: &str, origin: &Origin, findings: &mut Findings) {
    for (what, text, result) in [("key", key, check_label_key(key)), ("value", value, check_label_value(value))] {
        if let Err(error) = result {
            let text = text.to_owned();
            findings.problems.push(Problem::Taint { origin: origin.clone(), what, text, error });
        }
    }
    if !EFFECTS.contains(&effect) {
        findings.problems.push(Problem::TaintEffect(origin.clone(), effect.to_owned()));
    }
}
