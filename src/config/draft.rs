//! A configuration on its way: kubeadm's fields as texts with their origins, before anything is checked.

use std::path::PathBuf;

use super::join_configuration::{ImagePullPolicy, Taint};
use super::origin::{Origin, WithOrigin};
use super::timeouts::Timeouts;
use crate::secret::Secret;

/// kubeadm's default of `caCertPath` (`apis/kubeadm/v1beta4/defaults_unix.go`).
pub(super) const DEFAULT_CA_CERT_PATH: &str = "/etc/kubernetes/pki/ca.crt";

/// Fields of a JoinConfiguration, unchecked.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Each may be a list with commas.
    pub(super) endpoints: Vec<WithOrigin<String>>,
    pub(super) discovery_token: Option<WithOrigin<Secret>>,
    pub(super) tls_bootstrap_token: Option<WithOrigin<Secret>>,
    /// That token comes from a weaker source than the discovery file.
    pub(super) token_is_fallback: bool,
    pub(super) ca_cert_hashes: Vec<WithOrigin<String>>,
    pub(super) unsafe_skip_ca_verification: bool,
    /// `--discovery-ca-file`.
    pub(super) ca_file: Option<WithOrigin<PathBuf>>,
    /// `--discovery-url-ca-file`.
    pub(super) url_ca_file: Option<WithOrigin<PathBuf>>,
    /// `discovery.bootstrapToken` is there, perhaps without anything in it.
    pub(super) bootstrap_token: Option<Origin>,
    /// `discovery.file.kubeConfigPath`.
    pub(super) file: Option<WithOrigin<String>>,
    /// Its place is foreign.
    pub(super) file_is_foreign: bool,
    pub(super) control_plane: Option<WithOrigin<ControlPlane>>,
    pub(super) node_name: Option<WithOrigin<String>>,
    pub(super) cri_socket: Option<WithOrigin<String>>,
    pub(super) taints: Option<Vec<DraftTaint>>,
    pub(super) kubelet_extra_args: Vec<(String, WithOrigin<String>)>,
    pub(super) ignore_preflight_errors: Vec<WithOrigin<String>>,
    pub(super) image_pull_policy: ImagePullPolicy,
    /// On where absent.
    pub(super) image_pull_serial: Option<bool>,
    /// `patches` is there, perhaps without anything in it.
    pub(super) patches: Option<Origin>,
    /// `patches.directory`; kubeadm checks nothing about it.
    pub(super) patches_directory: Option<PathBuf>,
    pub(super) ca_cert_path: Option<WithOrigin<String>>,
    pub(super) timeouts: Timeouts,
    pub(super) skip_phases: Vec<WithOrigin<String>>,
    pub(super) dry_run: bool,
}

/// A taint, and what only a file says about it.
#[derive(Clone, Debug)]
pub(super) struct DraftTaint {
    pub(super) taint: Taint,
    /// Of the item of the list.
    pub(super) origin: Origin,
    /// `timeAdded`, in UTC.
    pub(super) time_added: Option<String>,
}

/// `controlPlane`.
#[derive(Clone, Debug, Default)]
pub(super) struct ControlPlane {
    /// `localAPIEndpoint.advertiseAddress`; detected where absent.
    pub(super) advertise_address: Option<WithOrigin<String>>,
    /// `localAPIEndpoint.bindPort`.
    pub(super) bind_port: Option<WithOrigin<i32>>,
    /// `certificateKey`.
    pub(super) certificate_key: Option<WithOrigin<Secret>>,
}
