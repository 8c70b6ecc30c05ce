//! The cluster, once it is verified.

use std::time::SystemTime;

use super::error::DiscoveryError;
use crate::clock::Clock;
use crate::net::server::Server;
use crate::net::tls::TrustRoots;
use crate::pki::certificate::Certificate;
use crate::text::UntrustedText;
use crate::values::Endpoint;

/// The cluster, verified.
#[derive(Clone, Debug)]
pub struct ClusterInfo {
    pub(super) server: Endpoint,
    pub(super) endpoint: Endpoint,
    pub(super) announced: Announced,
    pub(super) ca_certificates: Vec<Certificate>,
    pub(super) roots: TrustRoots,
    pub(super) clock: Clock,
}

impl ClusterInfo {
    /// The API server that the kubelet is to use: what `--server` says, else what cluster-info or the discovery file names.
    pub fn server(&self) -> &Endpoint {
        &self.server
    }

    /// The API server that this program uses. The same, but where `--server` says otherwise.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What cluster-info says, where a discovery file counts instead.
    pub fn announced(&self) -> &Announced {
        &self.announced
    }

    /// The CA certificates that were verified, in the order of cluster-info.
    pub fn ca_certificates(&self) -> &[Certificate] {
        &self.ca_certificates
    }

    /// The same as PEM: the content of `ca.crt`.
    pub fn ca_certificates_pem(&self) -> String {
        self.ca_certificates.iter().map(Certificate::to_pem).collect()
    }

    /// The same as trust anchors.
    pub fn roots(&self) -> &TrustRoots {
        &self.roots
    }

    /// The clock that certificates are judged by from now on.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// What cluster-info says beside a discovery file, which counts instead.
#[derive(Clone, Debug)]
pub enum Announced {
    /// It is what counts.
    InUse,
    /// It names this API server.
    Server(Endpoint),
    /// Nothing; and why.
    Nothing(String),
}

/// A cluster that one of the methods of discovery has verified.
pub(super) struct Verified {
    /// The facts; the server is the one that cluster-info or the file names.
    pub(super) info: ClusterInfo,
    /// May be told what the certificate is requested with.
    pub(super) server: Server,
}

/// Each of the certificates as a trust anchor. One that no kubelet accepts as a CA, or that cannot be verified with here, is
/// refused by name: the join would work, and the node would not; or nothing would be verified, whoever answers.
pub(super) fn anchors<'a>(
    ca_certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Result<TrustRoots, DiscoveryError> {
    let mut ders = Vec::new();
    for certificate in ca_certificates {
        let subject = || UntrustedText::new(certificate.subject(), None);
        if let Some(problem) = certificate.ca().problem() {
            return Err(DiscoveryError::CaUnusable { subject: subject(), problem: problem.clone() });
        }
        if let Some(key) = certificate.key_problem() {
            return Err(DiscoveryError::CaUnsupported { subject: subject(), key: key.to_owned() });
        }
        ders.push(certificate.der().clone());
    }
    TrustRoots::new(&ders).ok_or(DiscoveryError::NotACaCertificate)
}

/// Those of the CA certificates that are valid now. TLS does not ask a trust anchor for its validity, but the API server and
/// every Go client do: the key of an expired CA certificate is guarded by nobody.
pub(super) fn valid_anchors(ca_certificates: &[Certificate], now: SystemTime) -> Result<TrustRoots, DiscoveryError> {
    let mut valid = ca_certificates.iter().filter(|c| c.not_before() <= now && now <= c.not_after()).peekable();
    if valid.peek().is_none() {
        let not_after = ca_certificates.iter().map(Certificate::not_after).max().unwrap_or(now);
        return Err(DiscoveryError::CaValidity { now, not_after });
    }
    anchors(valid)
}
