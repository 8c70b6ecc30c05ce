//! Why the certificates of a control plane cannot be had.

use std::fmt;

use crate::error::{Code, Explain, codes, debug_as_display};
use crate::pki::certificate::CertificateError;
use crate::pki::issue::IssueError;
use crate::pki::signing_key::SigningKeyError;
use crate::rootfs::TargetPath;
use crate::text::UntrustedText;

/// Why the certificates of a control plane cannot be had.
#[derive(Clone, PartialEq, Eq)]
pub enum CertsError {
    /// The Secret cannot be opened with this certificate key.
    WrongKey,
    /// The Secret lacks keys.
    SecretIncomplete {
        /// Which.
        missing: Vec<&'static str>,
    },
    /// A value of the Secret is neither a key nor a certificate.
    SecretContent {
        /// Which.
        name: UntrustedText,
    },
    /// What all control planes share is not all here, or not usable; what is the matter with each file.
    Shared(Vec<(TargetPath, SharedProblem)>),
    /// A CA certificate or its key cannot issue.
    Ca {
        /// The file.
        path: TargetPath,
        /// Why.
        problem: SharedProblem,
    },
    /// The CA is not that of the cluster that discovery has verified.
    OtherCluster {
        /// The file.
        path: TargetPath,
    },
    /// Files that have to be there, because nothing here can issue them: their CA has no key on this machine.
    NotIssued {
        /// Which.
        missing: Vec<TargetPath>,
        /// The key that is not there.
        ca_key: TargetPath,
    },
    /// A file that is there is not what it has to be.
    Existing {
        /// Which.
        path: TargetPath,
        /// Why.
        why: UntrustedText,
    },
    /// `networking.serviceSubnet` has no address for the API server.
    ServiceSubnet {
        /// As it is.
        subnet: UntrustedText,
    },
    /// A key or a certificate could not be made.
    Issue(IssueError),
}

/// What is the matter with a file that all control planes share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedProblem {
    /// It is not there.
    Missing,
    /// It holds no certificate.
    Certificate(CertificateError),
    /// It is a certificate, but no CA's.
    NotACa(String),
    /// It holds no private key to sign with.
    Key(SigningKeyError),
    /// It is the key of another certificate.
    OtherKey,
    /// It holds no public key.
    PublicKey,
    /// It is a key of another kind than its private half.
    OtherKind,
}

impl fmt::Display for CertsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertsError::WrongKey => {
                f.write_str("the certificate key is not the one that kubeadm-certs was encrypted with")
            }
            CertsError::SecretIncomplete { missing } => {
                write!(f, "the Secret kubeadm-certs has no {}", missing.join(", "))
            }
            CertsError::SecretContent { name } => {
                write!(f, "the Secret kubeadm-certs holds something else than a key or a certificate as {name}")
            }
            CertsError::Shared(problems) => list(f, problems.iter().map(|(path, problem)| format!("{path} {problem}"))),
            CertsError::Ca { path, problem } => write!(f, "{path} {problem}"),
            CertsError::OtherCluster { path } => {
                write!(f, "{path} is not a CA certificate of the cluster that discovery has verified")
            }
            CertsError::NotIssued { missing, ca_key } => {
                list(f, missing.iter().map(TargetPath::to_string))?;
                write!(f, ": not there, and not to be issued without {ca_key}")
            }
            CertsError::Existing { path, why } => write!(f, "{path} is there already, but {why}"),
            CertsError::ServiceSubnet { subnet } => {
                write!(f, "networking.serviceSubnet {subnet:?} has no address for the API server")
            }
            CertsError::Issue(error) => write!(f, "cannot issue a certificate: {error}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = String>) -> fmt::Result {
    f.write_str(&items.collect::<Vec<_>>().join(", "))
}

impl fmt::Display for SharedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SharedProblem::Missing => f.write_str("is not there"),
            SharedProblem::Certificate(error) => write!(f, "holds {error}"),
            SharedProblem::NotACa(why) => write!(f, "is no CA's: {why}"),
            SharedProblem::Key(error) => write!(f, "holds {error}"),
            SharedProblem::OtherKey => f.write_str("is the key of another certificate"),
            SharedProblem::PublicKey => f.write_str("holds no public key in PEM form"),
            SharedProblem::OtherKind => f.write_str("is a key of another kind than its private half"),
        }
    }
}

debug_as_display!(CertsError);

impl std::error::Error for CertsError {}

impl Explain for CertsError {
    fn code(&self) -> &'static Code {
        match self {
            CertsError::WrongKey => &codes::CERTS_WRONG_KEY,
            CertsError::SecretIncomplete { .. } | CertsError::SecretContent { .. } => &codes::CERTS_SECRET,
            CertsError::Shared(_) => &codes::CERTS_MISSING,
            CertsError::NotIssued { .. } => &codes::CERTS_EXTERNAL_CA,
            CertsError::Ca { .. } => &codes::CERTS_CA,
            CertsError::OtherCluster { .. } => &codes::CERTS_OTHER_CLUSTER,
            CertsError::Existing { .. } => &codes::CERTS_EXISTING,
            CertsError::ServiceSubnet { .. } => &codes::CLUSTER_CONFIG_UNUSABLE,
            CertsError::Issue(_) => &codes::CERTS_NOT_ISSUED,
        }
    }
}
