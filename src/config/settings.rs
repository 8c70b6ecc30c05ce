//! What the user typed, as typed: nothing is checked yet, nothing is defaulted, secrets are secrets already.
//!
//! The command line and the kernel command line both end here, so that one function can weigh them against each other.
//! Which flag and which parameter fills which field is said by [`super::settings_table`].

use std::path::PathBuf;
use std::time::Duration;

use super::origin::{Origin, WithOrigin};
use crate::clock::ClockMode;
use crate::secret::Secret;

/// The settings of one source. `None` and empty lists mean "not given here".
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Every setting that was given, in order; what has no effect stands here and nowhere else.
    pub given: Vec<Origin>,
    /// What was given with an empty value, which is as good as none.
    pub empty: Vec<Origin>,
    /// Where the API servers are; several with commas.
    pub endpoint: Option<WithOrigin<String>>,
    /// A path of this machine or an `https://` URL.
    pub discovery_file: Option<WithOrigin<String>>,
    /// A path of this machine.
    pub discovery_ca_file: Option<WithOrigin<PathBuf>>,
    /// A path of this machine.
    pub discovery_url_ca_file: Option<WithOrigin<PathBuf>>,
    /// What the kubelet is to use.
    pub server: Option<WithOrigin<String>>,
    /// For discovery and TLS bootstrap, where those have none of their own.
    pub token: Option<WithOrigin<Secret>>,
    /// For discovery.
    pub discovery_token: Option<WithOrigin<Secret>>,
    /// For TLS bootstrap.
    pub tls_bootstrap_token: Option<WithOrigin<Secret>>,
    /// Where the text of `token` is read from; a path of this machine, not of the target root.
    pub token_file: Option<WithOrigin<PathBuf>>,
    /// Pins of the cluster CA.
    pub ca_cert_hashes: Vec<WithOrigin<String>>,
    /// Go without pins.
    pub unsafe_skip_ca_verification: Option<bool>,
    /// Name of the Node.
    pub node_name: Option<WithOrigin<String>>,
    /// Socket of the container runtime.
    pub cri_socket: Option<WithOrigin<String>>,
    /// Join as a control plane.
    pub control_plane: Option<bool>,
    /// Opens `kubeadm-certs`.
    pub certificate_key: Option<WithOrigin<Secret>>,
    /// Holds what is in `kubeadm-certs`, as files.
    pub certs_dir_from: Option<WithOrigin<PathBuf>>,
    /// Of the API server on this machine.
    pub advertise_address: Option<WithOrigin<String>>,
    /// Of the API server on this machine.
    pub bind_port: Option<u16>,
    /// Directory of fragments for static pods, of old.
    pub kustomize: Option<WithOrigin<PathBuf>>,
    /// Names of checks, or `all`.
    pub ignore_preflight_errors: Vec<WithOrigin<String>>,
    /// Names of phases.
    pub skip_phases: Vec<WithOrigin<String>>,
    /// An explicit `false` wins over the file.
    pub dry_run: Option<bool>,
    /// The configuration file.
    pub config: Option<WithOrigin<PathBuf>>,
    /// Read instead of `/proc/cmdline`.
    pub kernel_command_line: Option<WithOrigin<PathBuf>>,
    /// Directory of patches.
    pub patches: Option<WithOrigin<PathBuf>>,
    /// The KubeletConfiguration to be used.
    pub kubelet_config: Option<WithOrigin<PathBuf>>,
    /// `reset`: nobody is asked.
    pub force: Option<bool>,
    /// `reset`: where the certificates are.
    pub cert_dir: Option<WithOrigin<String>>,
    /// `reset`: temporary files of kubeadm go, too.
    pub cleanup_tmp_dir: Option<bool>,
    /// `reset`: how the API server is reached.
    pub kubeconfig: Option<WithOrigin<PathBuf>>,
    /// `reset`: what CNI plug-ins have left goes, too.
    pub cni: Option<bool>,
    /// `reset`: images go, too.
    pub images: Option<bool>,
    /// The target root.
    pub rootfs: Option<WithOrigin<PathBuf>>,
    /// `ensure` in an initramfs: reset the target root first.
    pub boot_reset: Option<BootReset>,
    /// Which clock judges certificates.
    pub clock: Option<ClockMode>,
    /// For how long `ensure` tries.
    pub deadline: Option<Duration>,
    /// What `status` waits for.
    pub wait: Option<WaitFor>,
    /// `join`: say only whether it would succeed.
    pub check: Option<bool>,
    /// The window over which a fleet spreads its joins.
    pub spread: Option<Duration>,
    /// `ensure` removes token files once they are not needed any more.
    pub shred_token_file: Option<bool>,
    /// Step the system clock.
    pub set_clock: Option<bool>,
    /// Every check is ignored, whatever else is named.
    pub skip_preflight_checks: Option<bool>,
    /// `config migrate`: what is read.
    pub old_config: Option<WithOrigin<PathBuf>>,
    /// `config migrate`: what is written.
    pub new_config: Option<WithOrigin<PathBuf>>,
    /// `config validate`, `config migrate`: no warning about an old version.
    pub allow_deprecated_api: Option<bool>,
    /// `config validate`, `config migrate`: an unreleased version is no error.
    pub allow_experimental_api: Option<bool>,
    /// How long a new token lives.
    pub ttl: Option<Duration>,
    /// What it can be used for.
    pub usages: Vec<WithOrigin<String>>,
    /// Whom it is known as.
    pub groups: Vec<WithOrigin<String>>,
    /// Why there is one.
    pub description: Option<WithOrigin<String>>,
    /// The join command instead of the token.
    pub print_join_command: Option<bool>,
    /// How many are made.
    pub count: Option<u16>,
    /// `token create`: in which form what joins is printed.
    pub join_command_form: Option<JoinCommandForm>,
    /// `token list`: in which form.
    pub list_form: Option<ListForm>,
    /// `init phase upload-certs`: it is meant.
    pub upload_certs: Option<bool>,
    /// `init phase upload-certs`: the key is not printed.
    pub skip_certificate_key_print: Option<bool>,
    /// `kubeconfig user`: who.
    pub client_name: Option<WithOrigin<String>>,
    /// `kubeconfig user`: groups of the user.
    pub organizations: Vec<WithOrigin<String>>,
    /// `kubeconfig user`: how long the certificate is valid.
    pub validity_period: Option<Duration>,
    /// 0 shows what kubeadm shows, 10 everything.
    pub verbosity: Option<u8>,
    /// What standard error carries.
    pub logging_format: Option<LoggingFormat>,
    /// What standard output carries.
    pub output: Option<Output>,
    /// How much `version` says.
    pub version_format: Option<VersionFormat>,
    /// `doctor`: where its report is written.
    pub report: Option<WithOrigin<PathBuf>>,
    /// Print a manual page.
    pub man: Option<bool>,
    /// Where the result is written.
    pub result_file: Option<WithOrigin<PathBuf>>,
}

/// `kubejoin.reset=`: what a machine undoes in its initramfs before it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootReset {
    /// What `reset` undoes once it is confirmed.
    Confirmed,
    /// What `reset --force` does: etcd's data goes, too.
    Forced,
}

/// `--wait`: what `status` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// The files of a node are there, and can be used.
    Joined,
    /// The API server calls the Node Ready.
    Ready,
}

/// `--logging-format`: what standard error carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoggingFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// `--output`: what standard output carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Lines for people.
    #[default]
    Text,
    /// The result, or what a dry run would write, as one JSON document; everything else becomes JSON lines.
    Json,
}

/// `version --output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionFormat {
    /// One line for people.
    #[default]
    Line,
    /// The version alone.
    Short,
    /// One JSON document.
    Json,
}

/// `token create --output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JoinCommandForm {
    /// `kubeadm join ...`, one line.
    #[default]
    Command,
    /// Parameters of the kernel command line, one line.
    Cmdline,
    /// A JoinConfiguration.
    Yaml,
    /// Commands that seal it as credentials of systemd, for the machine that they are run on.
    SystemdCreds,
}

/// `token list --output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListForm {
    /// A table.
    #[default]
    Text,
    /// A document of JSON for each.
    Json,
    /// A document of YAML for each.
    Yaml,
}

/// The items of a list as kubeadm's list flags take them: separated by commas, white space and empty items dropped.
pub fn list(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}
