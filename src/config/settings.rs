//! What the user typed, as typed: nothing is checked yet, nothing is defaulted, secrets are secrets already.
//!
//! The command line and the kernel command line both end here, so that one function can weigh them against each other.

use std::path::PathBuf;

use crate::clock::ClockMode;
use crate::secret::Secret;

/// The settings of one source. `None` and empty lists mean "not given here".
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The positional argument, `kubejoin.endpoint=`; several with commas.
    pub endpoint: Option<String>,
    /// `--discovery-file`: a path of this machine or an `https://` URL.
    pub discovery_file: Option<String>,
    /// `--discovery-ca-file`; a path of this machine.
    pub discovery_ca_file: Option<PathBuf>,
    /// `--discovery-url-ca-file`; a path of this machine.
    pub discovery_url_ca_file: Option<PathBuf>,
    /// `--server`.
    pub server: Option<String>,
    /// `--token`: for discovery and TLS bootstrap, where those have none of their own.
    pub token: Option<Secret>,
    /// `--discovery-token`.
    pub discovery_token: Option<Secret>,
    /// `--tls-bootstrap-token`.
    pub tls_bootstrap_token: Option<Secret>,
    /// `--token-file`: where the text of `--token` is read from.
    pub token_file: Option<TokenFile>,
    /// `--discovery-token-ca-cert-hash`, repeated or with commas.
    pub ca_cert_hashes: Vec<String>,
    /// `--discovery-token-unsafe-skip-ca-verification`.
    pub unsafe_skip_ca_verification: Option<bool>,
    /// `--node-name`.
    pub node_name: Option<String>,
    /// `--cri-socket`.
    pub cri_socket: Option<String>,
    /// `--ignore-preflight-errors`, repeated or with commas.
    pub ignore_preflight_errors: Vec<String>,
    /// `--skip-phases`, repeated or with commas.
    pub skip_phases: Vec<String>,
    /// `--dry-run`; an explicit `false` wins over the file.
    pub dry_run: Option<bool>,
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `--kernel-command-line`: read instead of `/proc/cmdline`.
    pub kernel_command_line: Option<PathBuf>,
    /// `--patches`.
    pub patches: Option<PathBuf>,
    /// `--kubelet-config`.
    pub kubelet_config: Option<PathBuf>,
    /// `--rootfs`.
    pub rootfs: Option<PathBuf>,
    /// `--clock`.
    pub clock: Option<ClockMode>,
    /// `--set-clock`.
    pub set_clock: Option<bool>,
    /// `--skip-preflight-checks` of kubeadm up to 1.9: every check is ignored, whatever else is named.
    pub skip_preflight_checks: bool,
    /// Flags of older kubeadm releases that were typed.
    pub retired: Vec<RetiredFlag>,
}

/// A flag that kubeadm had once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetiredFlag {
    /// With its dashes.
    pub flag: &'static str,
    /// What is made of it: "read as ..." or "ignored: ...".
    pub instead: &'static str,
}

/// Where `--token-file` points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenFile {
    /// `-`.
    Stdin,
    /// A path of this machine, not of the target root.
    Path(PathBuf),
}

impl From<&str> for TokenFile {
    fn from(text: &str) -> Self {
        if text == "-" { TokenFile::Stdin } else { TokenFile::Path(text.into()) }
    }
}

/// The items of a list as kubeadm's list flags take them: separated by commas, white space and empty items dropped.
pub fn list(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}

/// A clock by its name.
pub fn clock_mode(text: &str) -> Option<ClockMode> {
    match text {
        "auto" => Some(ClockMode::Auto),
        "system" => Some(ClockMode::System),
        "server" => Some(ClockMode::Server),
        _ => None,
    }
}
