//! `CRI` and `ContainerRuntimeVersion`: the container runtime that the kubelet will use.
//!
//! kubeadm connects anew for each of the two checks; here the second uses the answers of the first.

use rustix::io::Errno;

use super::runtime_answers::Answers;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::cri::{Condition, CriError};
use crate::error::codes;
use crate::rootfs::TargetPath;
use crate::values::Version;

/// The first kubelet that no longer takes the cgroup driver from its own configuration where the runtime does not tell it.
const FIRST_WITH_RUNTIME_CONFIG_ONLY: Version = Version { major: 1, minor: 38, patch: 0, pre_release: true };
/// The condition that counts. That there is no network yet is normal: its Pods come with the node.
const RUNTIME_READY: &str = "RuntimeReady";

/// containerd's configuration; what Docker's packages bring turns CRI off in it.
const CONTAINERD: TargetPath = TargetPath::fixed("/etc/containerd/config.toml");
/// Largest configuration that is looked into, in bytes.
const MAX_CONFIG_BYTES: usize = 1 << 20;

/// Services of container runtimes, as the names of their sockets have them.
const SERVICES: [&str; 3] = ["containerd", "crio", "cri-dockerd"];

/// `CRI`.
pub(super) fn ready(subject: &Subject<'_>) -> Vec<Verdict> {
    let conditions = match subject.runtime() {
        Ok(Answers { conditions, .. }) => conditions,
        Err(error) => return vec![unreachable(subject, error)],
    };
    let conditions = match conditions {
        Ok(conditions) => conditions,
        Err(error) => {
            return vec![failed(subject, "container runtime is not running", error)];
        }
    };
    let not_ready = conditions.iter().filter(|condition| condition.kind == RUNTIME_READY && !condition.status);
    let verdict = |condition: &Condition| {
        Verdict::error(
            format!(
                "container runtime condition {RUNTIME_READY} is not true: reason {}, message {}",
                condition.reason, condition.message
            ),
            format!("see the log of {} on this machine", service(subject)),
        )
        .with_code(&codes::PREFLIGHT_RUNTIME)
    };
    not_ready.map(verdict).collect()
}

/// `ContainerRuntimeVersion`.
pub(super) fn version(subject: &Subject<'_>) -> Vec<Verdict> {
    match subject.runtime() {
        Err(error) => vec![unreachable(subject, error)],
        Ok(Answers { has_runtime_config: Ok(true), .. }) => Vec::new(),
        Ok(Answers { has_runtime_config: Ok(false), .. }) => vec![Verdict::warning(
            "the container runtime does not have the CRI method RuntimeConfig, without which kubelets from 1.38 on do not find \
             its cgroup driver: update it (containerd 2.0, CRI-O 1.28)",
        )],
        Ok(Answers { has_runtime_config: Err(error), .. }) => {
            vec![failed(subject, "could not check if the runtime config is available", error)]
        }
    }
}

/// `ContainerRuntimeVersion`, for a kubelet that cannot do without `RuntimeConfig`.
pub(super) fn for_kubelet(subject: &Subject<'_>) -> Vec<Verdict> {
    let cannot = |version: &Version| !version.is_older_than(FIRST_WITH_RUNTIME_CONFIG_ONLY);
    match subject.runtime() {
        Ok(Answers { has_runtime_config: Ok(false), .. }) if subject.kubelet().is_ok_and(cannot) => {
            let text = "the container runtime does not have the CRI method RuntimeConfig, without which this kubelet does not start";
            let hint = format!("update {} on this machine (containerd 2.0, CRI-O 1.28)", service(subject));
            vec![Verdict::error(text, hint)]
        }
        _ => Vec::new(),
    }
}

fn unreachable(subject: &Subject<'_>, error: &CriError) -> Verdict {
    if let CriError::Connect { errno: Errno::ACCESS | Errno::PERM, .. } = error {
        return Verdict::could_not_check(error);
    }
    failed(subject, "could not connect to the container runtime", error)
}

/// What only takes its time has a code that says so.
fn failed(subject: &Subject<'_>, what: &str, error: &CriError) -> Verdict {
    let verdict = Verdict::error(format!("{what}: {error}"), hint(subject, error));
    if error.is_transient() { verdict.with_code(&codes::PREFLIGHT_RUNTIME) } else { verdict }
}

fn hint(subject: &Subject<'_>, error: &CriError) -> String {
    let service = service(subject);
    let is_known = SERVICES.contains(&service);
    if matches!(error, CriError::Endpoint(_)) || error.is_not_grpc() {
        return "name the socket of the container runtime with --cri-socket, such as unix:///run/containerd/containerd.sock"
            .to_owned();
    }
    if error.is_unimplemented() {
        return match (service, disabled_in(subject)) {
            ("containerd", Some(line)) => format!(
                "remove \"cri\" from disabled_plugins in line {line} of {CONTAINERD} and run `systemctl restart containerd` on \
                 this machine"
            ),
            ("containerd", None) => format!(
                "see why containerd has not loaded its CRI plugin, in its log and under disabled_plugins in {CONTAINERD} on \
                 this machine"
            ),
            _ => format!("update {service} on this machine to a version that has CRI v1"),
        };
    }
    match error {
        CriError::Connect { errno: Errno::NOENT | Errno::CONNREFUSED | Errno::NOTSOCK, .. } => {
            let command = if is_known { format!(" (`systemctl enable --now {service}`)") } else { String::new() };
            format!("install and start {service} on this machine{command}, or name another socket with --cri-socket")
        }
        _ if is_known => format!("see the log of {service} on this machine, and run `systemctl restart {service}`"),
        _ => format!("see the log of {service} on this machine, and start it again"),
    }
}

/// The service behind the socket, as far as its name shows.
fn service(subject: &Subject<'_>) -> &'static str {
    let known = |name: &&str| subject.plan.node.cri_socket.contains(*name);
    SERVICES.into_iter().find(known).unwrap_or("the container runtime")
}

/// The line of containerd's configuration that turns CRI off.
fn disabled_in(subject: &Subject<'_>) -> Option<usize> {
    let text = subject.root.read(&CONTAINERD, MAX_CONFIG_BYTES).ok()??;
    let text = String::from_utf8_lossy(&text);
    let disables = |line: &str| line.trim_start().starts_with("disabled_plugins") && line.contains("cri");
    Some(text.lines().position(disables)? + 1)
}
