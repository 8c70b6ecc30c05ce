//! Why a cluster could not be found or was not believed.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::cluster_info::KubeconfigError;
use super::jws::JwsError;
use crate::config::{CaCertHash, Endpoint};
use crate::error::{Code, Explain, codes};
use crate::kube::error::KubeError;
use crate::net::error::NetError;
use crate::text::ForeignText;

/// An error of discovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscoveryError {
    /// The wire.
    Net(NetError),
    /// The API server answered something else than the ConfigMap.
    Kube(KubeError),
    /// Anonymous users may not read cluster-info, or there are none.
    AnonymousRefused {
        /// Who said so.
        endpoint: Endpoint,
        /// 401 or 403.
        status: u16,
        /// What it said.
        message: ForeignText,
        /// It has said so for long enough that no control plane is still being set up.
        settled: bool,
    },
    /// There is no ConfigMap cluster-info.
    Missing(Endpoint),
    /// cluster-info has no `kubeconfig`.
    NoKubeconfig(Endpoint),
    /// cluster-info is not signed for our token.
    TokenUnknown {
        /// The token's public half.
        id: String,
        /// How many other tokens it is signed for.
        others: usize,
    },
    /// The signature for our token is wrong.
    Jws {
        /// The token's public half.
        id: String,
        /// What is wrong.
        problem: JwsError,
    },
    /// The signed kubeconfig cannot be used.
    Kubeconfig(KubeconfigError),
    /// No certificate of the bundle has a pinned key.
    HashMismatch {
        /// The pins of what the server has.
        found: Vec<CaCertHash>,
    },
    /// Every pinned CA certificate has ended, or none has begun.
    AuthorityValidity {
        /// The time it was judged at.
        now: SystemTime,
        /// The end of the one that ends last.
        not_after: SystemTime,
    },
    /// A certificate that is to be trusted is not fit to be a trust anchor.
    NotAnAuthority,
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiscoveryError::Net(error) => write!(f, "{error}"),
            DiscoveryError::Kube(error) => write!(f, "{error}"),
            DiscoveryError::AnonymousRefused { endpoint, status, message, .. } => {
                write!(f, "{endpoint}: cluster-info cannot be read anonymously (status {status}): {message}")
            }
            DiscoveryError::Missing(endpoint) => {
                write!(f, "{endpoint}: there is no ConfigMap kube-public/cluster-info")
            }
            DiscoveryError::NoKubeconfig(endpoint) => write!(f, "{endpoint}: cluster-info holds no kubeconfig"),
            DiscoveryError::TokenUnknown { id, others } => {
                write!(f, "cluster-info is not signed for the token id {id:?}, but for {others} other token(s)")
            }
            DiscoveryError::Jws { id, problem } => {
                write!(f, "the signature of cluster-info for the token id {id:?} is wrong: {problem}")
            }
            DiscoveryError::Kubeconfig(problem) => {
                write!(f, "the kubeconfig of cluster-info cannot be used: {problem}")
            }
            DiscoveryError::HashMismatch { found } => {
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                write!(f, "no CA of cluster-info has a pinned key; it has {}", found.join(", "))
            }
            DiscoveryError::AuthorityValidity { now, not_after } => write!(
                f,
                "the cluster CA is not valid: it ends at {}, and the time is {}",
                httpdate::fmt_http_date(*not_after),
                httpdate::fmt_http_date(*now)
            ),
            DiscoveryError::NotAnAuthority => {
                f.write_str("the pinned certificate of cluster-info cannot be a trust anchor")
            }
        }
    }
}

impl std::error::Error for DiscoveryError {}

impl Explain for DiscoveryError {
    fn code(&self) -> &'static Code {
        match self {
            DiscoveryError::Net(error) => error.code(),
            DiscoveryError::Kube(error) => error.code(),
            DiscoveryError::AnonymousRefused { .. } => &codes::DISCOVERY_ANONYMOUS,
            DiscoveryError::Missing(_) | DiscoveryError::NoKubeconfig(_) => &codes::DISCOVERY_MISSING,
            DiscoveryError::TokenUnknown { .. } => &codes::DISCOVERY_TOKEN_UNKNOWN,
            DiscoveryError::Jws { .. } => &codes::DISCOVERY_JWS,
            DiscoveryError::Kubeconfig(KubeconfigError::SeveralClusters(_)) => &codes::DISCOVERY_SEVERAL_CLUSTERS,
            DiscoveryError::Kubeconfig(_) => &codes::DISCOVERY_KUBECONFIG,
            DiscoveryError::HashMismatch { .. } => &codes::DISCOVERY_HASH_MISMATCH,
            DiscoveryError::AuthorityValidity { .. } => &codes::DISCOVERY_CA_VALIDITY,
            DiscoveryError::NotAnAuthority => &codes::DISCOVERY_KUBECONFIG,
        }
    }

    /// The signer adds a new token's signature some time after the token, so an unknown token may become known; and
    /// while a control plane is being set up, its API server refuses anonymous users before it lets them read this.
    fn may_retry(&self) -> bool {
        match self {
            DiscoveryError::TokenUnknown { .. } => true,
            DiscoveryError::AnonymousRefused { settled, .. } => !settled,
            other => other.code().class == crate::error::Class::Transient,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            DiscoveryError::Kube(error) => error.retry_after(),
            _ => None,
        }
    }
}

impl From<NetError> for DiscoveryError {
    fn from(error: NetError) -> Self {
        DiscoveryError::Net(error)
    }
}
