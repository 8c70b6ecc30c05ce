//! The kubelet that will run here.

use super::kubelet_version::INSTALL;
use super::ports;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::node::state::NodeState;
use crate::services::InitSystem;
use crate::values::Version;

/// The service.
const SERVICE: &str = "kubelet";
/// Its port (kubeadm `KubeletPort`).
const PORT: u16 = 10250;
/// Its oldest version (kubeadm 1.37 `MinimumKubeletVersion`: three minors below its own).
const MIN_KUBELET_VERSION: Version = Version { major: 1, minor: 34, patch: 0, pre_release: false };

/// `KubeletVersion`.
pub(super) fn version(subject: &Subject<'_>) -> Vec<Verdict> {
    match subject.kubelet_in_time() {
        None => Vec::new(),
        Some(Ok(version)) => check_version(version),
        Some(Err(why)) => vec![why.verdict()],
    }
}

fn check_version(version: &Version) -> Vec<Verdict> {
    if !version.is_older_than(MIN_KUBELET_VERSION) {
        return Vec::new();
    }
    let text = format!("kubelet {version} is older than {MIN_KUBELET_VERSION}, the oldest that kubeadm 1.37 supports");
    vec![Verdict::error(text, INSTALL)]
}

/// `Service-kubelet`.
pub(super) fn service(subject: &Subject<'_>) -> Vec<Verdict> {
    let init = &subject.init;
    if matches!(init, InitSystem::Unmanaged) {
        return vec![Verdict::warning("no supported init system detected, the kubelet will not be started")];
    }
    match init.exists(SERVICE) {
        Ok(true) => {}
        Ok(false) => return vec![Verdict::warning(format!("{SERVICE} service does not exist"))],
        Err(error) => return vec![Verdict::could_not_check(error)],
    }
    match init.is_enabled(SERVICE) {
        Ok(true) => Vec::new(),
        Ok(false) if init.is_wanted(SERVICE) => Vec::new(),
        Ok(false) => {
            let command = init.enable_command(SERVICE).unwrap_or_default();
            vec![Verdict::warning(format!("{SERVICE} service is not enabled, please run '{command}'"))]
        }
        Err(error) => vec![Verdict::could_not_check(error)],
    }
}

/// `Port-10250`. A kubelet of ours whose identity has become useless may well run, and will be stopped.
pub(super) fn port(subject: &Subject<'_>) -> Vec<Verdict> {
    let runs = || subject.init.is_active(SERVICE).unwrap_or(false);
    if matches!(subject.state, NodeState::Joined(_) | NodeState::Unusable(_) | NodeState::Superseded(_)) && runs() {
        return Vec::new();
    }
    ports::listen(PORT, None)
}

#[cfg(test)]
mod tests {
    use super::super::kubelet_version::read;
    use super::*;
    use crate::error::Severity;

    #[test]
    fn versions_are_accepted_and_refused_as_in_kubeadm() {
        let table = [
            ("Kubernetes v1.37.2\n", None),
            (" Kubernetes v1.34.0", None),
            ("Kubernetes v1.40.0-alpha.1+abc", None),
            ("Kubernetes v2.0.0", None),
            ("Kubernetes v1.33.9", Some("is older than 1.34.0")),
            ("Kubernetes v1.34.0-rc.1", Some("is older than 1.34.0")),
            ("Kubernetes 1.37.2", Some("it prints")),
            ("Kubernetes v1.37", Some("it prints")),
            ("Kubernetes v1.037.2", Some("it prints")),
            ("Kubernetes v1.37.2 dirty", Some("it prints")),
            ("", Some("it prints \"\"")),
        ];
        for (output, expected) in table {
            let verdicts = read(output).map_or_else(|why| vec![why.verdict()], |version| check_version(&version));
            match (&verdicts[..], expected) {
                ([], None) => {}
                ([Verdict { severity: Severity::Error, message, .. }], Some(part)) => {
                    assert!(message.contains(part), "{output}: {message}");
                }
                (other, _) => panic!("{output}: {other:?}"),
            }
        }
    }
}
