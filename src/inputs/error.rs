//! A named file that cannot be used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kubeconfig::KubeconfigError;
use crate::kubelet::configuration::KubeletConfigError;
use crate::patches::PatchFileError;
use crate::pki::certificate::CertificateError;

/// A file that cannot be used.
pub enum InputError {
    /// One of `--patches`.
    Patches(PatchFileError),
    /// That of `--kubelet-config` cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// That of `--kubelet-config` is none.
    KubeletConfig {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: KubeletConfigError,
    },
    /// The kubeconfig of `--discovery-file` cannot be read.
    DiscoveryUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be used.
    Discovery {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: KubeconfigError,
    },
    /// An administrator's kubeconfig cannot be read.
    AdministratorUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be used.
    Administrator {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: KubeconfigError,
    },
    /// A file with CA certificates cannot be read.
    CaUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither `SSL_CERT_FILE` nor `SSL_CERT_DIR` leads to one that can be used.
    SystemCaBundle,
    /// A named file is not on this machine, and is below the target root.
    OnlyBelowRoot {
        /// As named.
        path: PathBuf,
        /// Where it is.
        below: PathBuf,
    },
    /// What `--certs-dir-from` names cannot be used.
    BroughtCerts {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// It holds no certificates that can be trusted.
    Ca {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: CertificateError,
    },
}

impl InputError {
    /// The same, where the file is an administrator's kubeconfig.
    pub(super) fn of_administrator(self) -> Self {
        match self {
            InputError::DiscoveryUnreadable { path, source } => InputError::AdministratorUnreadable { path, source },
            InputError::Discovery { path, error } => InputError::Administrator { path, error },
            other => other,
        }
    }

    /// The same, with where the file is, if it is only missing here and stands below the target root. Named files are those
    /// of the system that runs; kubeadm, which changes its root, finds them in the other one.
    pub(super) fn located(self, rootfs: &Path) -> Self {
        let missing = match &self {
            InputError::Unreadable { path, source }
            | InputError::DiscoveryUnreadable { path, source }
            | InputError::CaUnreadable { path, source } => Some((path, source.kind())),
            InputError::Patches(PatchFileError::Directory { path, kind }) => Some((path, *kind)),
            _ => None,
        };
        let Some((path, io::ErrorKind::NotFound)) = missing else { return self };
        let below = rootfs.join(path.strip_prefix("/").unwrap_or(path));
        if path.is_absolute() && rootfs != Path::new("/") && below.exists() {
            return InputError::OnlyBelowRoot { path: path.clone(), below };
        }
        self
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Patches(error) => error.fmt(f),
            InputError::Unreadable { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            InputError::KubeletConfig { path, error } => write!(f, "{}: {error}", path.display()),
            InputError::DiscoveryUnreadable { path, source } => {
                write!(f, "cannot read the discovery file {}: {source}", path.display())
            }
            InputError::Discovery { path, error } => {
                write!(f, "the discovery file {} cannot be used: {error}", path.display())
            }
            InputError::AdministratorUnreadable { path, source } => {
                write!(f, "cannot read the kubeconfig {}: {source}", path.display())
            }
            InputError::Administrator { path, error } => {
                write!(f, "the kubeconfig {} cannot be used: {error}", path.display())
            }
            InputError::CaUnreadable { path, source } => {
                write!(f, "cannot read the CA certificates of {}: {source}", path.display())
            }
            InputError::OnlyBelowRoot { path, below } => write!(
                f,
                "{} is not on the running system, where named files are looked for; below the target root there is {}",
                path.display(),
                below.display()
            ),
            InputError::SystemCaBundle => {
                f.write_str("SSL_CERT_FILE and SSL_CERT_DIR lead to no CA certificates that can be used")
            }
            InputError::BroughtCerts { path, why } => write!(f, "{}: {why}", path.display()),
            InputError::Ca { path, error } => {
                write!(f, "{} has no CA certificates that can be used: {error}", path.display())
            }
        }
    }
}

debug_as_display!(InputError);

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InputError::Patches(error) => Some(error),
            InputError::Unreadable { source, .. }
            | InputError::DiscoveryUnreadable { source, .. }
            | InputError::AdministratorUnreadable { source, .. }
            | InputError::CaUnreadable { source, .. } => Some(source),
            InputError::KubeletConfig { error, .. } => Some(error),
            InputError::Discovery { error, .. } | InputError::Administrator { error, .. } => Some(error),
            InputError::Ca { error, .. } => Some(error),
            InputError::SystemCaBundle | InputError::OnlyBelowRoot { .. } | InputError::BroughtCerts { .. } => None,
        }
    }
}

impl Explain for InputError {
    fn code(&self) -> &'static Code {
        match self {
            InputError::Patches(error) => error.code(),
            InputError::OnlyBelowRoot { .. } => &codes::CONFIG_UNREADABLE,
            InputError::BroughtCerts { .. } => &codes::CERTS_MISSING,
            InputError::Unreadable { .. } | InputError::KubeletConfig { .. } => &codes::KUBELET_CONFIG_FILE,
            InputError::DiscoveryUnreadable { .. } | InputError::Discovery { .. } => &codes::DISCOVERY_FILE,
            InputError::AdministratorUnreadable { .. } | InputError::Administrator { .. } => &codes::CONFIG_KUBECONFIG,
            InputError::CaUnreadable { .. } | InputError::Ca { .. } | InputError::SystemCaBundle => {
                &codes::CONFIG_CA_FILE
            }
        }
    }

    fn hint(&self) -> String {
        match self {
            InputError::DiscoveryUnreadable { .. } => {
                "check the path given with --discovery-file on this machine".to_owned()
            }
            InputError::SystemCaBundle => "correct SSL_CERT_FILE and SSL_CERT_DIR where this program is started, or unset them".to_owned(),
            InputError::Discovery { error: KubeconfigError::Unsupported(_), .. } => {
                "put a token or a client certificate into the discovery file, or pass --tls-bootstrap-token with a file \
                 without a user"
                    .to_owned()
            }
            InputError::Discovery { error: KubeconfigError::DangerSkipTlsVerify, .. } => {
                "take it out, and add the control plane's ca.crt as certificate-authority-data".to_owned()
            }
            InputError::BroughtCerts { .. } => {
                "make it on a control plane, such as with `tar -C /etc/kubernetes/pki -cf certs.tar .`".to_owned()
            }
            InputError::OnlyBelowRoot { below, .. } => format!("name it as {}", below.display()),
            _ => self.code().hint.to_owned(),
        }
    }
}
