//! What a JoinConfiguration has no field for.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::ClockMode;
use crate::values::Endpoint;

/// What kubejoin can be told beyond kubeadm's JoinConfiguration; flags and kernel command line only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// `--rootfs`: where the tree is written; `/` where absent.
    pub rootfs: Option<PathBuf>,
    /// `--clock`.
    pub clock: ClockMode,
    /// `--set-clock`: step the system clock once the server has been verified.
    pub set_clock: bool,
    /// `--spread`: the window over which a fleet spreads its joins; none where it is empty.
    pub spread: Duration,
    /// `--server`: what the kubelet is to talk to, where that is not what discovery finds.
    pub server: Option<Endpoint>,
    /// `--kubelet-config`: a file with the KubeletConfiguration that is used instead of the cluster's; a path of this machine.
    pub kubelet_config: Option<PathBuf>,
    /// `--experimental-kustomize` of old: a directory of fragments for static pods; a path of this machine.
    pub kustomize: Option<PathBuf>,
    /// `--certs-dir-from`: what all control planes share, as a directory or a tar archive; a path of this machine.
    pub certs_dir_from: Option<PathBuf>,
}
