//! Why a kubeconfig cannot be used. Which code that has depends on where the text comes from.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::error::debug_as_display;
use crate::file::reason;
use crate::pki::certificate::CertificateError;
use crate::pki::identity::IdentityError;
use crate::text::UntrustedText;

/// A field of a cluster or a user.
pub type Field = &'static str;

/// Why a kubeconfig cannot be used.
#[derive(Clone, PartialEq, Eq)]
pub enum KubeconfigError {
    /// It is not YAML.
    Yaml(UntrustedText),
    /// A field is of another type than client-go wants.
    Type(Field),
    /// It has no cluster that is unnamed or that of the current context.
    NoCluster,
    /// It has several clusters where one is expected: which one was meant would be a guess.
    SeveralClusters(usize),
    /// Something is named that is not there.
    NotThere {
        /// `clusters`, `contexts` or `users`.
        list: &'static str,
        /// The name.
        name: UntrustedText,
    },
    /// A name is there twice.
    Twice {
        /// `clusters`, `contexts` or `users`.
        list: &'static str,
        /// The name.
        name: UntrustedText,
    },
    /// The cluster has no `server`, or it is not `https://host:port`.
    Server(UntrustedText),
    /// The cluster has no CA.
    NoCaCertificate,
    /// The CA is not base64 of PEM certificates.
    CaCertificate(CertificateError),
    /// The CA is given as data and as a file.
    TwoAuthorities,
    /// `insecure-skip-tls-verify`.
    DangerSkipTlsVerify,
    /// A way to authenticate that a machine without a user cannot go, or that no API server takes any more.
    Unsupported(Field),
    /// Data that is not base64.
    Base64(Field),
    /// A token file of this machine is named by a text that does not come from it.
    TokenFileFromElsewhere,
    /// A file that is named cannot be read.
    Unreadable {
        /// The field that names it.
        field: Field,
        /// Which file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// A token with characters that cannot be sent, or without any.
    Token(Field),
    /// A certificate without key, or a key without certificate.
    HalfPair,
    /// Certificate and key are no pair.
    Pair(IdentityError),
}

impl fmt::Display for KubeconfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KubeconfigError::Yaml(text) => write!(f, "it is not YAML: {text}"),
            KubeconfigError::Type(field) => write!(f, "its {field} is of the wrong type"),
            KubeconfigError::NoCluster => f.write_str("it names no cluster"),
            KubeconfigError::SeveralClusters(count) => write!(f, "it names {count} clusters instead of one"),
            KubeconfigError::NotThere { list, name } => write!(f, "its {list} have none of the name \"{name}\""),
            KubeconfigError::Twice { list, name } => write!(f, "its {list} have the name \"{name}\" twice"),
            KubeconfigError::Server(url) => write!(f, "its server \"{url}\" is not https://host:port"),
            KubeconfigError::NoCaCertificate => f.write_str("it has no certificate-authority-data"),
            KubeconfigError::CaCertificate(error) => write!(f, "its certificate-authority-data holds {error}"),
            KubeconfigError::TwoAuthorities => {
                f.write_str("it has both certificate-authority and certificate-authority-data")
            }
            KubeconfigError::DangerSkipTlsVerify => {
                f.write_str("insecure-skip-tls-verify is set: nothing would verify the cluster")
            }
            KubeconfigError::Unsupported(field) => {
                write!(f, "its user authenticates with {field}, which is not supported")
            }
            KubeconfigError::Base64(field) => write!(f, "its {field} is not base64"),
            KubeconfigError::TokenFileFromElsewhere => {
                f.write_str("it names a tokenFile of this machine, and does not come from it")
            }
            KubeconfigError::Unreadable { field, path, kind } => {
                write!(f, "its {field} names {}, which cannot be read: {}", path.display(), reason(*kind))
            }
            KubeconfigError::Token(field) => write!(f, "its {field} holds no token, or one that cannot be sent"),
            KubeconfigError::HalfPair => {
                f.write_str("it has a client certificate without its key, or the other way round")
            }
            KubeconfigError::Pair(error) => write!(f, "its client certificate cannot be used: {error}"),
        }
    }
}

debug_as_display!(KubeconfigError);

impl std::error::Error for KubeconfigError {}
