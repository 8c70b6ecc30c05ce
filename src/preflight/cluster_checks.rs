//! What can only be checked once the cluster has been asked: this machine against the configuration that its kubelet will
//! have.

use super::engine::{Check, Engine, Scope, Seen};
use super::error::PreflightError;
use super::files;
use super::kubelet;
use super::kubelet_drop_ins;
use super::kubelet_flags;
use super::mounts;
use super::runtime;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::host::CgroupVersion;
use crate::kubelet::configuration::KubeletConfiguration;
use crate::node::paths;
use crate::node::state::{self, Conflict, NodeState};
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::rootfs::Root;
use crate::values::{Quoted, Version};

/// What the cluster requires of a node.
#[derive(Clone, Copy, Debug)]
pub struct ClusterRequirements<'a> {
    /// The configuration that will be written.
    pub kubelet: &'a KubeletConfiguration,
    /// The API server's version, such as `v1.37.2`, where it is known.
    pub api_server: Option<&'a str>,
    /// The cluster's CA.
    pub ca_certificates: &'a [Certificate],
}

impl ClusterRequirements<'_> {
    /// Whether a certificate is that of the cluster's CA, or an earlier one of the same key.
    fn matches_ca(&self, certificate: &Certificate) -> bool {
        self.ca_certificates.iter().any(|ca| ca.public_key_info() == certificate.public_key_info())
    }
}

/// A machine, and what its cluster requires of it.
struct Pair<'a> {
    machine: &'a Subject<'a>,
    requirements: &'a ClusterRequirements<'a>,
    /// What is asked of the kubelet has not been waited for until now.
    was_late: bool,
}

/// Ours, all of them; under kubeadm's name where it has one for the same thing.
fn checks<'a>() -> [Check<Pair<'a>>; 10] {
    use Scope::{RunningSystem, Target};
    [
        Check::named(
            |_| Some(files::name(&paths::KUBELET_CONF)),
            Target,
            |pair: &Pair<'_>| kubelet_conf(pair.machine, pair.requirements),
        ),
        Check::named(
            |pair: &Pair<'_>| files::ca_cert_name(pair.machine),
            Target,
            |pair| ca_cert(pair.machine, pair.requirements),
        ),
        Check::new("Swap", Target, |pair: &Pair<'_>| swap(pair.machine, pair.requirements)),
        Check::new("FailCgroupV1", RunningSystem, |pair: &Pair<'_>| cgroup_v1(pair.machine, pair.requirements)),
        Check::new("KubeletVersion", RunningSystem, |pair: &Pair<'_>| late(pair, kubelet::version)),
        Check::new("KubeletFlags", RunningSystem, |pair: &Pair<'_>| late(pair, kubelet_flags::accepted)),
        Check::new("KubeletVersion", RunningSystem, |pair: &Pair<'_>| skew(pair.machine, pair.requirements)),
        Check::new("KubeletLabels", RunningSystem, |pair: &Pair<'_>| kubelet_flags::labels(pair.machine)),
        Check::new("KubeletDropIns", Target, |pair| {
            kubelet_drop_ins::overrides(pair.machine, pair.requirements.kubelet)
        }),
        Check::new("ContainerRuntimeVersion", RunningSystem, |pair: &Pair<'_>| runtime::for_kubelet(pair.machine)),
    ]
}

/// A check of the kubelet that the network did not take longer for.
fn late(pair: &Pair<'_>, check: fn(&Subject<'_>) -> Vec<Verdict>) -> Vec<Verdict> {
    if pair.was_late { check(pair.machine) } else { Vec::new() }
}

/// Makes them all.
pub(super) fn run(
    engine: &Engine<'_>,
    machine: &Subject<'_>,
    requirements: &ClusterRequirements<'_>,
) -> Result<(), PreflightError> {
    let was_late = machine.end_of_waiting();
    if was_late {
        machine.report.debug(1, Phase::Preflight, "Waiting for `kubelet --version`");
    }
    engine.run(&checks(), &Pair { machine, requirements, was_late })
}

/// Makes them all, and hands over what each of them saw.
pub(super) fn look(
    engine: &Engine<'_>,
    machine: &Subject<'_>,
    requirements: &ClusterRequirements<'_>,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Vec<Seen> {
    engine.look(&checks(), &Pair { machine, requirements, was_late: false }, is_wanted)
}

/// The first kubelet with `failCgroupV1` true by default.
const FIRST_TO_FAIL_ON_CGROUP_V1: Version = Version { major: 1, minor: 35, patch: 0, pre_release: true };

const INTO_KUBELET_CONFIG: &str =
    "into the cluster's kubelet-config (`kubectl -n kube-system edit configmap kubelet-config`)";

/// `FileAvailable--etc-kubernetes-kubelet.conf`, where only the cluster itself could say which CA it has: an identity that
/// cannot be used any more is replaced, but not that of a node of another cluster.
pub(super) fn kubelet_conf(subject: &Subject<'_>, requirements: &ClusterRequirements<'_>) -> Vec<Verdict> {
    if !matches!(subject.state, NodeState::Unusable(_)) {
        return Vec::new();
    }
    let of_file = match state::ca_certificates(subject.root) {
        Ok(ca_certificates) => ca_certificates,
        Err(error) => return vec![Verdict::could_not_check(error)],
    };
    if of_file.is_empty() || of_file.iter().any(|own| requirements.matches_ca(own)) {
        return Vec::new();
    }
    vec![files::foreign_kubelet_conf(subject, Conflict::Cluster)]
}

/// `FileAvailable` of the cluster's CA, where only the cluster itself could say which that is: an interrupted run has left
/// it, perhaps, and nothing else that identifies its cluster.
pub(super) fn ca_cert(subject: &Subject<'_>, requirements: &ClusterRequirements<'_>) -> Vec<Verdict> {
    let discovery = &subject.plan.access.discovery;
    files::foreign_ca_cert(subject, |own| discovery.matches_ca(own).unwrap_or_else(|| requirements.matches_ca(own)))
}

/// `Swap`, against `failSwapOn`: kubeadm's warning is an error where the kubelet is known not to start. In another root what
/// will be on is what its fstab says.
pub(super) fn swap(subject: &Subject<'_>, requirements: &ClusterRequirements<'_>) -> Vec<Verdict> {
    if !requirements.kubelet.fail_swap_on() || says_no(subject, "fail-swap-on", "failSwapOn") {
        return Vec::new();
    }
    let line = swap_in_fstab(subject.root);
    let is_on = match subject.plan.target.is_this_system() {
        true => subject.plan.host.swap_areas.unwrap_or(0) > 0,
        false => line.is_some(),
    };
    if !is_on {
        return Vec::new();
    }
    let remove = match line {
        Some(number) => format!("remove line {number} of {}", mounts::FSTAB),
        None => "remove what turns it on (zram-generator, zramswap or dphys-swapfile; see `swapon --show`)".to_owned(),
    };
    let off = if subject.plan.target.is_this_system() { "run `swapoff -a` and " } else { "" };
    vec![Verdict::error(
        "swap is on, and with failSwapOn, which is true for this node, its kubelet will not start",
        format!("{off}{remove} on this machine, or write `failSwapOn: false` {INTO_KUBELET_CONFIG}"),
    )]
}

/// `FailCgroupV1`: reached only where the same error of `SystemVerification` was ignored.
pub(super) fn cgroup_v1(subject: &Subject<'_>, requirements: &ClusterRequirements<'_>) -> Vec<Verdict> {
    let fails = requirements.kubelet.value().get("failCgroupV1").and_then(serde_json::Value::as_bool).unwrap_or(true);
    let is_v1 = subject.plan.host.cgroups.version == Some(CgroupVersion::V1);
    let refuses = matches!(subject.kubelet(), Ok(kubelet) if !kubelet.is_older_than(FIRST_TO_FAIL_ON_CGROUP_V1));
    if !fails || !is_v1 || !refuses || says_no(subject, "fail-cgroupv1", "failCgroupV1") {
        return Vec::new();
    }
    vec![Verdict::error(
        "control groups are of version 1, and with failCgroupV1, which is true for this node, its kubelet will not start",
        format!(
            "write `failCgroupV1: false` {INTO_KUBELET_CONFIG}, or boot this machine with control groups of version 2"
        ),
    )]
}

/// `KubeletVersion`, against the API server, as kubeadm does it in `init` only.
pub(super) fn skew(subject: &Subject<'_>, requirements: &ClusterRequirements<'_>) -> Vec<Verdict> {
    let (Ok(kubelet), Some(api_server)) = (subject.kubelet(), requirements.api_server) else { return Vec::new() };
    let Ok(server) = api_server.parse::<Version>() else {
        return vec![Verdict::could_not_check(format_args!("the API server's version is {}", Quoted(api_server)))];
    };
    if kubelet.release() <= server.release() {
        return Vec::new();
    }
    vec![Verdict::warning(format!(
        "kubelet {kubelet} is newer than the API server ({server}), which is not a supported combination: install a kubelet of \
         {}.{} on this machine, or upgrade the control plane first",
        server.major, server.minor
    ))]
}

/// Whether something of the machine's own counts more than the configuration, and is `false`: a flag, or a drop-in.
fn says_no(subject: &Subject<'_>, flag: &str, field: &str) -> bool {
    kubelet_flags::says_no(subject, flag) || kubelet_drop_ins::say_no(subject, field)
}

/// The first line, counted from 1, that turns swap on at boot.
fn swap_in_fstab(root: &Root) -> Option<usize> {
    let turns_on = |line: &str| {
        mounts::fields(line).is_some_and(|(_, kind, options)| kind == "swap" && !mounts::has(options, "noauto"))
    };
    Some(mounts::fstab(root).lines().position(turns_on)? + 1)
}
