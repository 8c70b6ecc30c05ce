//! Container runtimes that listen on this machine (kubeadm `util/runtime/runtime.go`).

use rustix::io::Errno;

use super::machine::Machine;
use crate::cri;

/// kubeadm's candidates in its order (`constants/constants_unix.go`).
const CANDIDATES: [&str; 3] =
    ["/var/run/containerd/containerd.sock", "/var/run/crio/crio.sock", "/var/run/cri-dockerd.sock"];

/// The candidates that accept a connection, as `unix://` URLs. As kubeadm does it, nothing is said on that connection; one
/// that hangs is there all the same.
pub(super) fn answering_sockets(machine: &Machine) -> Vec<String> {
    let answers = |path: &&str| matches!(cri::dial(&machine.at(path), cri::CALL_TIMEOUT), Ok(_) | Err(Errno::AGAIN));
    CANDIDATES.into_iter().filter(answers).map(|path| format!("unix://{path}")).collect()
}
