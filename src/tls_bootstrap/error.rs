//! Why a certificate was not obtained.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::clock::apart;
use crate::error::{Code, Explain, codes, debug_as_display};
use crate::kube::error::KubeError;
use crate::pki::key::KeyError;
use crate::text::UntrustedText;
use crate::values::NodeName;

/// An error of the TLS bootstrap.
#[derive(Clone, PartialEq, Eq)]
pub enum BootstrapError {
    /// A request to the API.
    Kube(KubeError),
    /// The key could not sign.
    Key(KeyError),
    /// A request of our name exists that is not ours.
    NameTaken {
        /// The request.
        name: String,
    },
    /// The request was deleted, or replaced, while it was waited for.
    Deleted {
        /// The request.
        name: String,
    },
    /// An approver said no.
    Denied {
        /// The request.
        name: String,
        /// Reason and message.
        words: UntrustedText,
    },
    /// The signer could not issue.
    Failed {
        /// The request.
        name: String,
        /// Reason and message.
        words: UntrustedText,
    },
    /// It was not approved in time.
    Pending {
        /// The request.
        name: String,
    },
    /// Approved, but the signer has not issued in time.
    Unsigned {
        /// The request.
        name: String,
    },
    /// What was issued is not what was asked for.
    Certificate {
        /// Who it was for.
        node: NodeName,
        /// How it differs.
        mismatch: Mismatch,
    },
}

/// How an issued certificate differs from what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It is not base64 of PEM certificates.
    Unreadable,
    /// It comes with more certificates than are stored.
    TooLong,
    /// It is for another key.
    Key,
    /// It is for another name or group.
    Subject(UntrustedText),
    /// It was not issued by the verified cluster CA for the use as a client certificate.
    Issuer(UntrustedText),
    /// It has expired.
    Expired {
        /// The time it was checked at.
        now: SystemTime,
        /// When it expired.
        not_after: SystemTime,
    },
    /// It is not valid yet.
    NotYetValid {
        /// The time it was checked at.
        now: SystemTime,
        /// When it becomes valid.
        not_before: SystemTime,
    },
}

impl fmt::Display for BootstrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BootstrapError::Kube(error) => write!(f, "{error}"),
            BootstrapError::Key(error) => write!(f, "signing the certificate request: {error}"),
            BootstrapError::NameTaken { name } => {
                write!(f, "CertificateSigningRequest {name} exists and is not this machine's")
            }
            BootstrapError::Deleted { name } => {
                write!(f, "CertificateSigningRequest {name} was deleted while it was waited for")
            }
            BootstrapError::Denied { name, words } => write!(f, "CertificateSigningRequest {name} was denied: {words}"),
            BootstrapError::Failed { name, words } => write!(f, "CertificateSigningRequest {name} failed: {words}"),
            BootstrapError::Pending { name } => write!(f, "CertificateSigningRequest {name} was not approved in time"),
            BootstrapError::Unsigned { name } => {
                write!(f, "CertificateSigningRequest {name} is approved, but no certificate was issued in time")
            }
            BootstrapError::Certificate { node, mismatch } => {
                write!(f, "the certificate issued for node {node} cannot be used: {mismatch}")
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Unreadable => f.write_str("it is not base64 of PEM certificates"),
            Mismatch::TooLong => f.write_str("it comes with more certificates than belong to a node's"),
            Mismatch::Key => f.write_str("it is for another key"),
            Mismatch::Subject(subject) => write!(f, "it is for {subject}"),
            Mismatch::Issuer(problem) => write!(f, "it was not issued by the verified cluster CA: {problem}"),
            Mismatch::Expired { now, not_after } => write!(
                f,
                "it expired {} ago, at {}; the time is {}",
                apart(*not_after, *now),
                httpdate::fmt_http_date(*not_after),
                httpdate::fmt_http_date(*now)
            ),
            Mismatch::NotYetValid { now, not_before } => write!(
                f,
                "it is not valid yet: it becomes so in {}, at {}; the time is {}",
                apart(*not_before, *now),
                httpdate::fmt_http_date(*not_before),
                httpdate::fmt_http_date(*now)
            ),
        }
    }
}

debug_as_display!(BootstrapError);

impl std::error::Error for BootstrapError {}

impl Explain for BootstrapError {
    fn code(&self) -> &'static Code {
        match self {
            BootstrapError::Kube(error) => error.code(),
            BootstrapError::Key(_) => &codes::BOOTSTRAP_KEY,
            BootstrapError::NameTaken { .. } => &codes::BOOTSTRAP_NAME_TAKEN,
            BootstrapError::Deleted { .. } => &codes::BOOTSTRAP_DELETED,
            BootstrapError::Denied { .. } => &codes::BOOTSTRAP_DENIED,
            BootstrapError::Failed { .. } => &codes::BOOTSTRAP_FAILED,
            BootstrapError::Pending { .. } => &codes::BOOTSTRAP_PENDING,
            BootstrapError::Unsigned { .. } => &codes::BOOTSTRAP_UNSIGNED,
            BootstrapError::Certificate { mismatch, .. } => match mismatch {
                Mismatch::Unreadable | Mismatch::TooLong => &codes::BOOTSTRAP_CERT_UNREADABLE,
                Mismatch::Key => &codes::BOOTSTRAP_CERT_KEY,
                Mismatch::Subject(_) => &codes::BOOTSTRAP_CERT_SUBJECT,
                Mismatch::Issuer(_) => &codes::BOOTSTRAP_CERT_ISSUER,
                Mismatch::Expired { .. } | Mismatch::NotYetValid { .. } => &codes::BOOTSTRAP_CERT_VALIDITY,
            },
        }
    }

    fn hint(&self) -> String {
        let csr = match self {
            BootstrapError::NameTaken { name }
            | BootstrapError::Denied { name, .. }
            | BootstrapError::Failed { name, .. } => {
                format!("kubectl delete csr {name}")
            }
            BootstrapError::Pending { name } => {
                return format!(
                    "run `kubectl certificate approve {name}` on the control plane, then run this again; the cluster deletes a \
                     request that has been pending for 24 h, and the next run makes it anew"
                );
            }
            BootstrapError::Kube(error) => return error.hint(),
            other => return other.code().hint.to_owned(),
        };
        format!("run `{csr}` on the control plane, then run this again")
    }

    /// A request that was deleted is only found by posting it again, which the next run does.
    fn may_retry(&self) -> bool {
        matches!(self, BootstrapError::Kube(error) if error.may_retry())
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            BootstrapError::Kube(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl From<KubeError> for BootstrapError {
    fn from(error: KubeError) -> Self {
        BootstrapError::Kube(error)
    }
}
