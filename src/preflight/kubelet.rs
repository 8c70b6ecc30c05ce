//! The kubelet that will run here.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use super::{Subject, Verdict};
use crate::error::codes;
use crate::node::state::NodeState;
use crate::services::{Commands, InitSystem, find};
use crate::values::{Quoted, Version};

/// The service.
const SERVICE: &str = "kubelet";
/// Its port (kubeadm `KubeletPort`).
const PORT: u16 = 10250;
/// Its oldest version (kubeadm 1.37 `MinimumKubeletVersion`: three minors below its own).
const OLDEST: Version = Version { major: 1, minor: 34, patch: 0, pre_release: false };
/// Longest time for `kubelet --version`: 70 MB from a slow card.
const VERSION_LIMIT: Duration = Duration::from_secs(60);

const INSTALL: &str =
    "install a kubelet of Kubernetes 1.34 or newer on this machine, in one of the directories of PATH";

/// Why the version of the kubelet is not known.
#[derive(Debug)]
pub(super) enum NoVersion {
    /// There is none.
    NotInstalled,
    /// It does not say.
    Unknown(String),
}

impl NoVersion {
    /// An error of each check that needs it.
    pub(super) fn verdict(&self) -> Vec<Verdict> {
        let (text, hint) = ("the kubelet's version is not known".to_owned(), INSTALL.to_owned());
        match self {
            NoVersion::NotInstalled => {
                let text = format!("{text}: kubelet not found in system path");
                vec![Verdict::MachineError { code: &codes::KUBELET_NOT_INSTALLED, text, hint }]
            }
            NoVersion::Unknown(why) => vec![Verdict::Error { text: format!("{text}: {why}"), hint }],
        }
    }
}

/// Asks the kubelet for its version.
pub(super) fn ask(path: &[PathBuf]) -> Result<Version, NoVersion> {
    let program = find(path, "kubelet").ok_or(NoVersion::NotInstalled)?;
    let output = Commands::new(path, VERSION_LIMIT).run(&program, &["--version"]);
    let output = output.map_err(|error| NoVersion::Unknown(error.to_string()))?;
    if !output.status.success() {
        let (ending, said) = (output.ending(), output.first_line());
        return Err(NoVersion::Unknown(format!("`kubelet --version` failed ({ending}): {said}")));
    }
    understand(&output.stdout)
}

fn understand(said: &str) -> Result<Version, NoVersion> {
    let version = said.trim().strip_prefix("Kubernetes v").and_then(|version| version.parse().ok());
    version.ok_or_else(|| NoVersion::Unknown(format!("it says {}", Quoted(said.trim()))))
}

/// `KubeletVersion`.
pub(super) fn version(subject: &Subject<'_>) -> Vec<Verdict> {
    match subject.kubelet() {
        Ok(version) => judge(version),
        Err(why) => why.verdict(),
    }
}

fn judge(version: &Version) -> Vec<Verdict> {
    if !version.is_older_than(OLDEST) {
        return Vec::new();
    }
    let text = format!("kubelet {version} is older than {OLDEST}, the oldest that kubeadm 1.37 supports");
    Verdict::error(text, INSTALL)
}

/// `Service-kubelet`.
pub(super) fn service(subject: &Subject<'_>) -> Vec<Verdict> {
    let control = &subject.control;
    if matches!(control, InitSystem::Unmanaged) {
        return Verdict::warning("no supported init system detected, the kubelet will not be started");
    }
    match control.exists(SERVICE) {
        Ok(true) => {}
        Ok(false) => return Verdict::warning(format!("{SERVICE} service does not exist")),
        Err(error) => return Verdict::could_not_check(error),
    }
    match control.is_enabled(SERVICE) {
        Ok(true) => Vec::new(),
        Ok(false) => {
            let command = control.enable_command(SERVICE).unwrap_or_default();
            Verdict::warning(format!("{SERVICE} service is not enabled, please run '{command}'"))
        }
        Err(error) => Verdict::could_not_check(error),
    }
}

/// `Port-10250`. A kubelet of ours whose identity has become useless may well run, and will be stopped.
pub(super) fn port(subject: &Subject<'_>) -> Vec<Verdict> {
    let runs = || subject.control.is_active(SERVICE).unwrap_or(false);
    if matches!(subject.existing, NodeState::Joined(_) | NodeState::Unusable(_)) && runs() {
        return Vec::new();
    }
    listen(PORT)
}

/// Listens as the kubelet will, on every address.
fn listen(port: u16) -> Vec<Verdict> {
    let result = match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)) {
        // Without IPv6 in the kernel, or without addresses of it.
        Err(error) if error.kind() != ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)),
        result => result,
    };
    match result {
        Ok(_) => Vec::new(),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Verdict::error(
            format!("Port {port} is in use"),
            format!("end what listens on port {port} of this machine, `ss -ltnp` shows it"),
        ),
        Err(error) => Verdict::could_not_check(format_args!("listening on port {port}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged_as_kubeadm_judges_them() {
        let table = [
            ("Kubernetes v1.37.2\n", None),
            (" Kubernetes v1.34.0", None),
            ("Kubernetes v1.40.0-alpha.1+abc", None),
            ("Kubernetes v2.0.0", None),
            ("Kubernetes v1.33.9", Some("is older than 1.34.0")),
            ("Kubernetes v1.34.0-rc.1", Some("is older than 1.34.0")),
            ("Kubernetes 1.37.2", Some("it says")),
            ("Kubernetes v1.37", Some("it says")),
            ("Kubernetes v1.037.2", Some("it says")),
            ("Kubernetes v1.37.2 dirty", Some("it says")),
            ("", Some("it says \"\"")),
        ];
        for (said, expected) in table {
            let verdicts = understand(said).map_or_else(|why| why.verdict(), |version| judge(&version));
            match (&verdicts[..], expected) {
                ([], None) => {}
                ([Verdict::Error { text, .. }], Some(part)) => assert!(text.contains(part), "{said}: {text}"),
                (other, _) => panic!("{said}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_in_use() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(
            matches!(&listen(port)[..], [Verdict::Error { text, .. }] if *text == format!("Port {port} is in use"))
        );
        drop(listener);
        assert_eq!(listen(port), []);
    }
}
