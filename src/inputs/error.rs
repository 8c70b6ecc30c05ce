//! A named file that cannot be used.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::error::{Code, Explain, codes};
use crate::kubeconfig::KubeconfigError;
use crate::kubelet::configuration::KubeletConfigError;
use crate::kubelet::patches::PatchFileError;
use crate::pki::certificate::CertificateError;

/// A file that cannot be used.
#[derive(Debug)]
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
    /// A file with CA certificates cannot be read.
    CaUnreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither `SSL_CERT_FILE` nor `SSL_CERT_DIR` leads to one that can be used.
    SystemCaBundle,
    /// It holds no certificates that can be trusted.
    Ca {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: CertificateError,
    },
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
            InputError::CaUnreadable { path, source } => {
                write!(f, "cannot read the CA certificates of {}: {source}", path.display())
            }
            InputError::SystemCaBundle => {
                f.write_str("SSL_CERT_FILE and SSL_CERT_DIR lead to no CA certificates that can be used")
            }
            InputError::Ca { path, error } => {
                write!(f, "{} has no CA certificates that can be used: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InputError::Patches(error) => Some(error),
            InputError::Unreadable { source, .. }
            | InputError::DiscoveryUnreadable { source, .. }
            | InputError::CaUnreadable { source, .. } => Some(source),
            InputError::KubeletConfig { error, .. } => Some(error),
            InputError::Discovery { error, .. } => Some(error),
            InputError::Ca { error, .. } => Some(error),
            InputError::SystemCaBundle => None,
        }
    }
}

impl Explain for InputError {
    fn code(&self) -> &'static Code {
        match self {
            InputError::Patches(error) => error.code(),
            InputError::Unreadable { .. } | InputError::KubeletConfig { .. } => &codes::KUBELET_CONFIG_FILE,
            InputError::DiscoveryUnreadable { .. } | InputError::Discovery { .. } => &codes::DISCOVERY_FILE,
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
            _ => self.code().hint.to_owned(),
        }
    }
}
