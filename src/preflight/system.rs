//! `SystemVerification`: kernel and control groups, as system-validators 1.12.1 checks them, and what to change.

use std::borrow::Cow;
use std::time::Duration;

use super::boot_line::boot_line;
use super::kernel_config::{self, Enabled, KernelConfigError};
use super::kubelet_version::NoVersion;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::host::{CgroupVersion, Cgroups};
use crate::phase::Phase;
use crate::services::{Commands, find};
use crate::values::Version;

/// Where no kernel older than these is still maintained.
const SUPPORTED_KERNELS: &str = "5.4, 5.10, 5.15 and everything from 6.0 on";

/// Options of the kernel without which there are no containers; one of each row is enough.
const REQUIRED: [&[&str]; 13] = [
    &["NAMESPACES"],
    &["NET_NS"],
    &["PID_NS"],
    &["IPC_NS"],
    &["UTS_NS"],
    &["CPUSETS"],
    &["MEMCG"],
    &["INET"],
    &["EXT4_FS"],
    &["PROC_FS"],
    &["NETFILTER_XT_TARGET_REDIRECT", "IP_NF_TARGET_REDIRECT"],
    &["NETFILTER_XT_MATCH_COMMENT"],
    &["FAIR_GROUP_SCHED"],
];
/// What each version of control groups needs.
const REQUIRED_V1: [&[&str]; 6] =
    [&["CGROUPS"], &["CGROUP_CPUACCT"], &["CGROUP_DEVICE"], &["CGROUP_FREEZER"], &["CGROUP_PIDS"], &["CGROUP_SCHED"]];
const REQUIRED_V2: [&[&str]; 4] = [&["CGROUPS"], &["CGROUP_BPF"], &["CGROUP_PIDS"], &["CGROUP_SCHED"]];

/// Controllers without which the kubelet does not start, and those it can do without.
const CONTROLLERS_V1: (&[&str], &[&str]) =
    (&["cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"], &["hugetlb", "blkio"]);
const CONTROLLERS_V2: (&[&str], &[&str]) =
    (&["cpu", "cpuset", "devices", "freezer", "memory", "pids"], &["hugetlb", "io"]);

/// The first kubelet that refuses control groups of version 1 (KEP 5573): with its pre-releases.
const FIRST_WITHOUT_CGROUP_V1: Version = Version { major: 1, minor: 35, patch: 0, pre_release: true };

/// Longest time for loading a module.
const MODPROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything, in kubeadm's order: kernel, control groups. The operating system, which kubeadm asks about between them, is
/// Linux wherever this program runs.
pub(super) fn verification(subject: &Subject<'_>) -> Vec<Verdict> {
    if let Some(Err(why)) = subject.kubelet_in_time() {
        return vec![why.verdict()];
    }
    let host = &subject.plan.host;
    let mut verdicts = Vec::new();
    if !is_supported(&host.kernel_release) {
        let text = format!("kernel release {} is unsupported; supported are {SUPPORTED_KERNELS}", host.kernel_release);
        verdicts.push(Verdict::warning(text));
    }
    let options = required(&host.cgroups);
    let found = kernel_options(subject, &options);
    if let Ok(enabled) = &found {
        verdicts.extend(missing_options(&options, enabled, &host.kernel_release));
    }
    verdicts.extend(control_groups(subject));
    match found {
        // Minimal images have none.
        Err(error @ KernelConfigError::NotFound) if verdicts.is_empty() => {
            subject.report.debug(1, Phase::Preflight, format_args!("SystemVerification: {error}"));
        }
        Err(error) => verdicts.push(Verdict::could_not_check(error)),
        Ok(_) => {}
    }
    verdicts
}

/// 5.4, 5.10 and 5.15 with anything behind them, and three numbers from 6 on.
fn is_supported(release: &str) -> bool {
    if ["5.4", "5.10", "5.15"].iter().any(|supported| release.starts_with(supported)) {
        return true;
    }
    let mut numbers = release.splitn(3, '.');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let major = numbers.next().filter(|text| digits(text) && !text.starts_with('0')).and_then(|text| text.parse().ok());
    major.is_some_and(|major: u32| major >= 6)
        && numbers.next().is_some_and(digits)
        && numbers.next().is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn required(cgroups: &Cgroups) -> Vec<&'static [&'static str]> {
    let of_version: &[&[&str]] = match cgroups.version {
        Some(CgroupVersion::V1) => &REQUIRED_V1,
        Some(CgroupVersion::V2) => &REQUIRED_V2,
        None => &[],
    };
    [&REQUIRED, of_version].concat()
}

/// Reads the kernel's configuration; where it is not to be found, once more with the module that has it, which is unloaded
/// again.
fn kernel_options(subject: &Subject<'_>, options: &[&[&'static str]]) -> Result<Enabled, KernelConfigError> {
    let host = &subject.plan.host;
    let read = || {
        let path = kernel_config::find(&host.prefix, &host.kernel_release)?;
        Some(kernel_config::read(&path, &options.concat()))
    };
    if let Some(found) = read() {
        return found;
    }
    let modprobe = find(&host.path, "modprobe").filter(|_| subject.changes_this_system());
    let Some(modprobe) = modprobe else { return Err(KernelConfigError::NotFound) };
    let commands = Commands::new(&host.path, MODPROBE_TIMEOUT);
    if !commands.run(&modprobe, &["configs"]).is_ok_and(|output| output.status.success()) {
        return Err(KernelConfigError::NotFound);
    }
    let found = read().unwrap_or(Err(KernelConfigError::NotFound));
    // It costs nothing but memory where it stays.
    let _ = commands.run(&modprobe, &["-r", "configs"]);
    found
}

fn missing_options(options: &[&[&str]], enabled: &Enabled, release: &str) -> Vec<Verdict> {
    let missing: Vec<_> = options.iter().filter(|names| !names.iter().any(|name| enabled.contains(name))).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let names = missing.iter().map(|names| format!("CONFIG_{}", names[0])).collect::<Vec<_>>().join(" ");
    let hint = if names == "CONFIG_EXT4_FS" {
        "pass --ignore-preflight-errors=SystemVerification if no file system of this machine is ext4".to_owned()
    } else {
        let lines = names.split(' ').map(|name| format!("{name}=y")).collect::<Vec<_>>().join(" ");
        format!("boot this machine with a kernel that has {lines}; this one is {release}")
    };
    vec![Verdict::error(format!("unexpected kernel config: {names}"), hint)]
}

fn control_groups(subject: &Subject<'_>) -> Vec<Verdict> {
    let cgroups = &subject.plan.host.cgroups;
    let Some(version) = cgroups.version else {
        return vec![Verdict::error(
            "no control groups are mounted",
            "mount them at this machine's start, as `mount -t cgroup2 none /sys/fs/cgroup` does",
        )];
    };
    let mut verdicts = Vec::new();
    if version == CgroupVersion::V1 {
        verdicts.push(subject.kubelet().map_or_else(NoVersion::verdict, |kubelet| version_1(subject, kubelet)));
    }
    let (required, optional) = if version == CgroupVersion::V1 { CONTROLLERS_V1 } else { CONTROLLERS_V2 };
    if cgroups.controllers.is_none() {
        verdicts.push(Verdict::could_not_check("the list of control group controllers cannot be read"));
        return verdicts;
    }
    let missing = |names: &[&str]| {
        let missing = names.iter().filter(|name| cgroups.has(name) == Some(false));
        Some(missing.copied().collect::<Vec<_>>().join(" ")).filter(|names| !names.is_empty())
    };
    if let Some(names) = missing(required) {
        let hint = match names.split(' ').any(|name| name == "memory") {
            true => memory_hint(subject),
            false => format!(
                "boot this machine with a kernel that has these controllers, and without cgroup_disable={names}"
            ),
        };
        verdicts.push(Verdict::error(format!("missing required cgroups: {names}"), hint));
    }
    if let Some(names) = missing(optional) {
        verdicts.push(Verdict::warning(format!("missing optional cgroups: {names}")));
    }
    verdicts
}

/// Refused by kubelets from 1.35 on; before that, a warning.
fn version_1(subject: &Subject<'_>, kubelet: &Version) -> Verdict {
    let line = boot_line(subject);
    let change = format!("boot with control groups of version 2: systemd.unified_cgroup_hierarchy=1 in {line}");
    if kubelet.is_older_than(FIRST_WITHOUT_CGROUP_V1) {
        let text = format!("control groups are of version 1, which kubelets from 1.35 on refuse: {change}");
        return Verdict::warning(text);
    }
    Verdict::error(
        format!(
            "control groups are of version 1, which kubelet {kubelet} refuses unless its configuration has failCgroupV1: false"
        ),
        format!(
            "{change}; or write `failCgroupV1: false` into the cluster's kubelet-config and pass \
             --ignore-preflight-errors=SystemVerification"
        ),
    )
}

/// `MemoryCgroup`, on a system that is not this one; on this one it is a part of [`verification`].
pub(super) fn memory_name(subject: &Subject<'_>) -> Option<Cow<'static, str>> {
    (!subject.plan.target.is_this_system()).then_some(Cow::Borrowed("MemoryCgroup"))
}

/// In an initramfs: the kernel that runs there is the one that will run, and this is decided when it starts.
pub(super) fn memory(subject: &Subject<'_>) -> Vec<Verdict> {
    if subject.plan.host.cgroups.memory_is_off {
        return vec![Verdict::error(
            "the kernel was booted without the memory controller of control groups",
            memory_hint(subject),
        )];
    }
    Vec::new()
}

/// Firmware of a Raspberry Pi turns it off; the kernel takes the last word on its command line.
fn memory_hint(subject: &Subject<'_>) -> String {
    format!(
        "write cgroup_enable=memory cgroup_memory=1 into {}, remove cgroup_disable=memory there, and boot again",
        boot_line(subject)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Severity;

    #[test]
    fn releases_are_supported_as_kubeadm_supports_them() {
        let table = [
            ("5.4.0-150-generic", true),
            ("5.10.0-30-amd64", true),
            ("5.15.167", true),
            ("6.1.0-28-amd64", true),
            ("6.12.47+rpt-rpi-v8", true),
            ("10.0.1", true),
            // The expressions have no end: these match as well.
            ("5.40.1", true),
            ("4.19.0", false),
            ("5.11.0", false),
            ("6.1", false),
            ("6.1.", false),
            ("06.1.0", false),
            ("6.x.0", false),
            ("", false),
        ];
        for (release, expected) in table {
            assert_eq!(is_supported(release), expected, "{release}");
        }
    }

    #[test]
    fn one_of_the_names_of_an_option_is_enough() {
        let names = |missing: &str| {
            let mut enabled: Enabled = REQUIRED.concat().into_iter().chain(REQUIRED_V2.concat()).collect();
            enabled.retain(|name| !missing.split(' ').any(|missing| missing == *name));
            let options = required(&Cgroups { version: Some(CgroupVersion::V2), ..Cgroups::default() });
            match &missing_options(&options, &enabled, "6.1.0")[..] {
                [Verdict { severity: Severity::Error, message, hint: Some(hint), .. }] => {
                    Some((message.clone(), hint.contains("--ignore")))
                }
                [] => None,
                other => panic!("{other:?}"),
            }
        };
        let said = |text: &str, ignorable| Some((format!("unexpected kernel config: {text}"), ignorable));
        assert_eq!(names(""), None);
        assert_eq!(names("IP_NF_TARGET_REDIRECT"), None);
        assert_eq!(
            names("NETFILTER_XT_TARGET_REDIRECT IP_NF_TARGET_REDIRECT CGROUP_BPF"),
            said("CONFIG_NETFILTER_XT_TARGET_REDIRECT CONFIG_CGROUP_BPF", false)
        );
        assert_eq!(names("EXT4_FS"), said("CONFIG_EXT4_FS", true));
    }
}
