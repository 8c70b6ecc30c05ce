//! Why a cluster could not be found or was not believed.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::jws::JwsError;
use crate::error::{Class, Code, Explain, codes, debug_as_display};
use crate::kube::answer::{message, status_of};
use crate::kube::error::{KubeCause, KubeError};
use crate::kubeconfig::KubeconfigError;
use crate::net::error::{Cause, NetError};
use crate::net::http::Response;
use crate::pki::ca::CaProblem;
use crate::text::UntrustedText;
use crate::values::{CaCertHash, Endpoint, Url, UrlError};

/// An error of discovery.
#[derive(Clone, PartialEq, Eq)]
pub enum DiscoveryError {
    /// The wire.
    Net(NetError),
    /// The API server answered something else than the ConfigMap.
    Kube {
        /// Who.
        endpoint: Endpoint,
        /// What.
        error: Box<KubeError>,
    },
    /// Anonymous users may not read cluster-info, or there are none.
    AnonymousRefused {
        /// Who said so.
        endpoint: Endpoint,
        /// 401 or 403.
        status: u16,
        /// What it said.
        message: UntrustedText,
    },
    /// A server that is not verified yet answers with a status that does not concern cluster-info, or that no API server
    /// has written.
    UnexpectedStatus {
        /// Who.
        endpoint: Endpoint,
        /// Its status.
        status: u16,
        /// What it said.
        message: UntrustedText,
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
        /// `--discovery-ca-file`, where the pins are those of its certificates.
        ca_file: Option<PathBuf>,
    },
    /// Every pinned CA certificate has expired, or is not valid yet.
    CaValidity {
        /// The time it was judged at.
        now: SystemTime,
        /// The end of the one that ends last.
        not_after: SystemTime,
    },
    /// A certificate that is to be trusted cannot be a trust anchor.
    NotACaCertificate,
    /// A CA certificate that no kubelet accepts.
    CaUnusable {
        /// Its subject.
        subject: UntrustedText,
        /// Why not.
        problem: CaProblem,
    },
    /// A CA certificate whose kind of key this program cannot verify with.
    CaUnsupported {
        /// Its subject.
        subject: UntrustedText,
        /// The kind.
        key: String,
    },
    /// None of several endpoints is the cluster: each with its reason, at least two.
    NoEndpoint(Vec<(Endpoint, DiscoveryError)>),
    /// The discovery file cannot be used.
    File(KubeconfigError),
    /// The discovery file has no CA, and the system trust store does not know that of the API server.
    FileWithoutCa(NetError),
    /// There is no token yet.
    NoToken,
    /// There is neither a token nor a user in the discovery file to request a certificate with.
    NoCredentials,
    /// The API server does not know the user of the discovery file.
    CredentialsRefused(UntrustedText),
    /// The wire to the web server of a discovery URL.
    Web {
        /// Where the file should have been.
        url: Url,
        /// What happened.
        error: Box<NetError>,
    },
    /// A web server gives no file, and will not.
    UrlRefused {
        /// Where the file should have been.
        url: Url,
        /// Its answer.
        status: u16,
    },
    /// A web server gives no file now.
    UrlBusy {
        /// Where the file should have been.
        url: Url,
        /// Its answer.
        status: u16,
        /// How long it asked us to stay away.
        retry_after: Option<Duration>,
    },
    /// A web server redirects to what is not followed.
    UrlRedirect {
        /// What was asked for.
        url: Url,
        /// Where to, without a query.
        location: UntrustedText,
        /// Why it is not followed.
        problem: UrlError,
    },
    /// Redirects without end; the last URL.
    UrlRedirects(Url),
}

impl DiscoveryError {
    /// What an API server answered instead of cluster-info, or that the exchange itself failed.
    pub(super) fn kube(endpoint: &Endpoint, error: KubeError) -> Self {
        match error.cause {
            KubeCause::Net(error) => DiscoveryError::Net(error),
            _ => DiscoveryError::Kube { endpoint: endpoint.clone(), error: Box::new(error) },
        }
    }

    /// What a server that is not verified yet answered instead of cluster-info. Anyone may have: it is final only where
    /// it shows what no API server is, never where it says no.
    pub(super) fn unverified(endpoint: &Endpoint, error: KubeError, answer: &Response) -> Self {
        let (endpoint, status) = (endpoint.clone(), answer.head.status);
        let is_status = status_of(answer).is_some();
        match error.cause {
            KubeCause::Unauthorized(message) | KubeCause::Forbidden(message) if is_status => {
                DiscoveryError::AnonymousRefused { endpoint, status, message }
            }
            KubeCause::NotFound { is_status: true, .. } => DiscoveryError::Missing(endpoint),
            KubeCause::Net(_) | KubeCause::Busy { .. } => DiscoveryError::kube(&endpoint, error),
            KubeCause::UnexpectedObject(_) if status == 200 => DiscoveryError::kube(&endpoint, error),
            _ => DiscoveryError::UnexpectedStatus { endpoint, status, message: message(answer, None) },
        }
    }

    /// The error with the endpoint that it came from. Errors of the wire begin with that themselves.
    pub(super) fn at(&self, endpoint: &Endpoint) -> String {
        let (text, endpoint) = (self.to_string(), endpoint.to_string());
        if text.starts_with(&endpoint) { text } else { format!("{endpoint}: {text}") }
    }

    /// What is to be said of these failures: the one where there is only one.
    pub(super) fn of_all(mut failures: Vec<(Endpoint, DiscoveryError)>) -> Self {
        match failures.len() {
            1 => failures.remove(0).1,
            _ => DiscoveryError::NoEndpoint(failures),
        }
    }

    /// Of several failures the one that says what to do next: as long as one endpoint may yet answer, running again can
    /// help; else what the cluster refuses tells more than who is not the cluster.
    fn decisive(failures: &[(Endpoint, DiscoveryError)]) -> Option<&DiscoveryError> {
        let of =
            |wanted: Class| failures.iter().map(|(_, error)| error).find(move |error| error.code().class == wanted);
        of(Class::Transient).or_else(|| of(Class::Refused)).or(failures.first().map(|(_, error)| error))
    }
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiscoveryError::Net(error) => write!(f, "{error}"),
            DiscoveryError::Kube { endpoint, error } => write!(f, "{endpoint}: {error}"),
            DiscoveryError::AnonymousRefused { endpoint, status, message } => {
                write!(f, "{endpoint}: cluster-info cannot be read anonymously (status {status}): {message}")
            }
            DiscoveryError::UnexpectedStatus { endpoint, status, message } => {
                write!(f, "{endpoint}: the answer is not cluster-info, but status {status}: {message}")
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
            DiscoveryError::HashMismatch { found, ca_file } => {
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                match ca_file {
                    Some(path) => {
                        write!(f, "no CA of cluster-info has the key of a certificate in {}", path.display())?
                    }
                    None => f.write_str("no CA of cluster-info has a pinned key")?,
                }
                write!(f, "; it has {}", found.join(", "))
            }
            DiscoveryError::CaValidity { now, not_after } => write!(
                f,
                "the cluster CA is not valid: it expires at {}, and the time is {}",
                httpdate::fmt_http_date(*not_after),
                httpdate::fmt_http_date(*now)
            ),
            DiscoveryError::NotACaCertificate => {
                f.write_str("a certificate that should be the cluster CA cannot be a trust anchor")
            }
            DiscoveryError::CaUnusable { subject, problem } => {
                write!(f, "the cluster CA \"{subject}\" cannot be one: {problem}")
            }
            DiscoveryError::CaUnsupported { subject, key } => {
                write!(f, "the key of the cluster CA \"{subject}\" is {key}, which kubejoin cannot verify with")
            }
            DiscoveryError::NoEndpoint(failures) => {
                write!(f, "none of {} endpoints is the cluster", failures.len())?;
                failures.iter().enumerate().try_for_each(|(index, (endpoint, error))| {
                    write!(f, "{} {}", if index == 0 { ":" } else { ";" }, error.at(endpoint))
                })
            }
            DiscoveryError::File(error) => write!(f, "the discovery file cannot be used: {error}"),
            DiscoveryError::FileWithoutCa(error) => {
                write!(f, "{error}; the discovery file has no CA, so that the system trust store had to know it")
            }
            DiscoveryError::NoToken => f.write_str("no bootstrap token has been found yet"),
            DiscoveryError::NoCredentials => f.write_str(
                "there is no token, and no credentials in the discovery file, to request a certificate with",
            ),
            DiscoveryError::CredentialsRefused(message) => {
                write!(f, "the API server does not accept the credentials in the discovery file: {message}")
            }
            DiscoveryError::Web { url, error } => write!(f, "the discovery file at {url}: {error}"),
            DiscoveryError::UrlRefused { url, status } | DiscoveryError::UrlBusy { url, status, .. } => {
                write!(f, "the discovery file at {url}: the web server answers with status {status}")
            }
            DiscoveryError::UrlRedirect { url, location, problem } => {
                write!(f, "the discovery file at {url}: redirected to \"{location}\", but {problem}")
            }
            DiscoveryError::UrlRedirects(url) => write!(f, "the discovery file: redirected without end, last to {url}"),
        }
    }
}

debug_as_display!(DiscoveryError);

impl std::error::Error for DiscoveryError {}

impl Explain for DiscoveryError {
    fn code(&self) -> &'static Code {
        match self {
            DiscoveryError::Net(error) => error.code(),
            DiscoveryError::Kube { error, .. } => error.code(),
            DiscoveryError::AnonymousRefused { .. } => &codes::DISCOVERY_ANONYMOUS,
            DiscoveryError::UnexpectedStatus { .. } => &codes::DISCOVERY_UNEXPECTED_STATUS,
            DiscoveryError::Missing(_) | DiscoveryError::NoKubeconfig(_) => &codes::DISCOVERY_MISSING,
            DiscoveryError::TokenUnknown { .. } => &codes::DISCOVERY_TOKEN_UNKNOWN,
            DiscoveryError::Jws { .. } => &codes::DISCOVERY_JWS,
            DiscoveryError::Kubeconfig(KubeconfigError::SeveralClusters(_)) => &codes::DISCOVERY_SEVERAL_CLUSTERS,
            DiscoveryError::Kubeconfig(_) => &codes::DISCOVERY_KUBECONFIG,
            DiscoveryError::HashMismatch { .. } => &codes::DISCOVERY_HASH_MISMATCH,
            DiscoveryError::CaValidity { .. } => &codes::DISCOVERY_CA_VALIDITY,
            DiscoveryError::NotACaCertificate => &codes::DISCOVERY_KUBECONFIG,
            DiscoveryError::CaUnusable { .. } => &codes::DISCOVERY_CA_UNUSABLE,
            DiscoveryError::CaUnsupported { .. } => &codes::TLS_UNSUPPORTED,
            DiscoveryError::NoEndpoint(failures) => {
                DiscoveryError::decisive(failures).map_or(&codes::NET_REFUSED, Explain::code)
            }
            DiscoveryError::File(_) => &codes::DISCOVERY_FILE,
            DiscoveryError::FileWithoutCa(error) => error.code(),
            DiscoveryError::NoToken => &codes::CONFIG_NO_TOKEN_YET,
            DiscoveryError::NoCredentials => &codes::CONFIG_INCOMPLETE,
            DiscoveryError::CredentialsRefused(_) => &codes::DISCOVERY_CREDENTIALS,
            DiscoveryError::Web { error, .. } => error.code(),
            DiscoveryError::UrlRefused { .. } => &codes::DISCOVERY_URL_REFUSED,
            DiscoveryError::UrlBusy { .. } => &codes::DISCOVERY_URL_BUSY,
            DiscoveryError::UrlRedirect { .. } | DiscoveryError::UrlRedirects(_) => &codes::HTTP_REDIRECT,
        }
    }

    fn hint(&self) -> String {
        let hint = match self {
            DiscoveryError::NoEndpoint(failures) => {
                return DiscoveryError::decisive(failures).map_or_else(String::new, Explain::hint);
            }
            DiscoveryError::Net(error) => return error.hint(),
            DiscoveryError::Kube { error, .. } => return error.hint(),
            DiscoveryError::NoCredentials => {
                "pass --tls-bootstrap-token from `kubeadm token create` on the control plane, or write a user with \
                 credentials into the discovery file"
            }
            DiscoveryError::File(KubeconfigError::Unsupported(_)) => {
                "put a token or a client certificate into the discovery file, or pass --tls-bootstrap-token"
            }
            DiscoveryError::File(KubeconfigError::TokenFileFromElsewhere) => {
                "write the token itself into the discovery file, or pass --tls-bootstrap-token and a file without a user"
            }
            DiscoveryError::HashMismatch { ca_file: Some(_), .. } => {
                "get `/etc/kubernetes/pki/ca.crt` of the control plane anew, by a way that you trust; never take what the \
                 server shows"
            }
            DiscoveryError::FileWithoutCa(_) | DiscoveryError::File(KubeconfigError::NoCaCertificate) => {
                "add the control plane's ca.crt to the discovery file as certificate-authority-data"
            }
            DiscoveryError::Web { error, .. } if error.obstacle.is_some() => return error.hint(),
            DiscoveryError::Web { error, .. } => match error.cause {
                Cause::UntrustedChain(ref text) if text.to_string().contains("CA:TRUE") => {
                    "give the web server a certificate that is not a CA's (`openssl req -x509` makes one with `-addext \
                     basicConstraints=CA:FALSE`)"
                }
                Cause::UntrustedChain(_) => {
                    "pass the web server's CA with --discovery-url-ca-file, or add it to this machine's CA bundle"
                }
                Cause::NameMismatch { .. } => "use a URL with a host name that is in the web server's certificate",
                Cause::Validity { .. } => "check this machine's clock, then the web server's certificate",
                Cause::NotHttp(_) | Cause::Tls(_) | Cause::ClientCertificate(_) => {
                    "check that the URL is that of an HTTPS server"
                }
                Cause::BodyTooLarge { .. } => "check the URL: a discovery file has some kilobytes",
                Cause::Refused => "check that the web server runs and that its port is open to this machine",
                Cause::Closed(_) => {
                    "run again; if it stays so, look at the web server, or at what stands in front of it"
                }
                _ => self.code().hint,
            },
            DiscoveryError::UrlRedirect { .. } | DiscoveryError::UrlRedirects(_) => {
                "give the URL that the file is really at, with https://"
            }
            _ => self.code().hint,
        };
        hint.to_owned()
    }

    /// The signer adds a new token's signature some time after the token, so an unknown token may become known.
    fn may_retry(&self) -> bool {
        match self {
            DiscoveryError::TokenUnknown { .. } => true,
            DiscoveryError::NoEndpoint(failures) => failures.iter().any(|(_, error)| error.may_retry()),
            other => other.code().class == Class::Transient,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            DiscoveryError::Kube { error, .. } => error.retry_after(),
            DiscoveryError::UrlBusy { retry_after, .. } => *retry_after,
            // Only where each that will be asked again wants it is anybody left alone.
            DiscoveryError::NoEndpoint(failures) => {
                let asked_again = failures.iter().map(|(_, error)| error).filter(|error| error.may_retry());
                asked_again.map(Explain::retry_after).min().flatten()
            }
            _ => None,
        }
    }
}

impl From<NetError> for DiscoveryError {
    fn from(error: NetError) -> Self {
        DiscoveryError::Net(error)
    }
}
