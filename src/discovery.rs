//! Whom we trust, and where: the security core of a join.
//!
//! Only this room can make a [`ClusterInfo`]; holding one means that discovery succeeded. The order of checks is part of
//! the contract: in token discovery the signature is judged on raw bytes before any YAML of the network is parsed, then
//! the pin, then the recorded connection itself. With a discovery file the CA is known before, and verifies the connection;
//! where the file has none, what web servers are known by does. Nothing secret is sent before all that.

pub mod cluster_info;
mod dialer;
pub mod error;
mod file;
pub mod jws;
mod token;
mod url;

use std::time::SystemTime;

use error::DiscoveryError;
use token::GoOnWith;

use crate::clock::Clock;
use crate::inputs::Discovery;
use crate::kubeconfig::{ClientCredentials, ClusterAccess, Names};
use crate::net::retry::Retry;
use crate::net::server::Server;
use crate::net::tls::TrustRoots;
use crate::net::verification::Verification;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::plan::Access;
use crate::report::Report;
use crate::values::{BootstrapToken, Endpoint};

/// The cluster, verified.
#[derive(Clone, Debug)]
pub struct ClusterInfo {
    server: Endpoint,
    endpoint: Endpoint,
    ca_certificates: Vec<Certificate>,
    roots: TrustRoots,
    clock: Clock,
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

/// What discovery gives: the facts, a server that may be told a secret, and the secret that it is for.
#[derive(Debug)]
pub struct Discovered {
    /// The facts.
    pub info: ClusterInfo,
    /// The server of the facts; over the connection that was verified, where it is the one that was asked.
    pub server: Server,
    /// What the certificate is requested with.
    pub bootstrap: BootstrapCredentials,
}

/// What a certificate is requested with, by us or, where that is left to it, by the kubelet.
#[derive(Clone, Debug)]
pub struct BootstrapCredentials {
    /// The token of the TLS bootstrap, or what a discovery file holds.
    pub credentials: ClientCredentials,
    /// How `bootstrap-kubelet.conf` calls them.
    pub names: Names,
}

/// kubeadm's names for a token of its own (`cmd/kubeadm/app/discovery/discovery.go`).
const CONTEXT: &str = "tls-bootstrap-token-user@kubernetes";
const USER: &str = "tls-bootstrap-token-user";

/// A cluster that one of the methods of discovery has verified.
struct Verified {
    /// The facts; the server is the one that cluster-info or the file names.
    info: ClusterInfo,
    /// May be told what the certificate is requested with.
    server: Server,
}

/// Finds the cluster and verifies it, by the method that the plan names.
///
/// # Errors
/// It was not found in time, or is not believed.
pub fn discover(access: &Access, retry: Retry, report: &Report) -> Result<Discovered, DiscoveryError> {
    let Access { proxies, clock, .. } = access;
    let clock = *clock;
    let token = access.bootstrap_token.as_ref();
    let from_file = |kubeconfig: &ClusterAccess, system_ca: Option<&Verification>| {
        let request = file::FileDiscovery { kubeconfig, proxies, token };
        let verified = match system_ca.filter(|_| kubeconfig.ca_certificates.is_empty()) {
            Some(system_ca) => file::with_ca_of_cluster_info(request, system_ca, retry, report)?,
            None => file::with_ca_of_file(request, clock, retry, report)?,
        };
        let credentials = kubeconfig.credentials.clone();
        let bootstrap =
            credentials.map(|credentials| BootstrapCredentials { credentials, names: kubeconfig.names.clone() });
        Ok::<_, DiscoveryError>((verified, bootstrap))
    };
    let (Verified { mut info, server }, bootstrap) = match &access.discovery {
        Discovery::Token { endpoints, token, trust } => {
            let go_on_with = match &access.server {
                Some(_) => GoOnWith::EndpointAsked,
                None => GoOnWith::ServerOfClusterInfo,
            };
            let request = token::TokenDiscovery { endpoints, token, trust, proxies, go_on_with, clock };
            (token::discover(request, retry, report)?, None)
        }
        Discovery::File { kubeconfig, system_ca } => from_file(kubeconfig, system_ca.as_ref())?,
        Discovery::Url { url, web_server, system_ca } => {
            let kubeconfig = url::fetch(url, web_server, proxies, retry, report)?;
            from_file(&kubeconfig, Some(system_ca))?
        }
    };
    // As in kubeadm, a token wins over what the file holds.
    let bootstrap = token.map(BootstrapCredentials::of_token).or(bootstrap).ok_or(DiscoveryError::NoCredentials)?;
    if let Some(wanted) = &access.server {
        if !server.certificate_covers(wanted, info.clock.now()) {
            let text = format_args!(
                "the certificate of {} is not for {:?}, the host of --server: unless another one answers there, the kubelet \
                 will refuse it",
                info.endpoint, wanted.host
            );
            report.warn(Phase::Discovery, None, text);
        }
        info.server = wanted.clone();
    }
    Ok(Discovered { info, server, bootstrap })
}

impl BootstrapCredentials {
    /// Those of a token, with kubeadm's names for them.
    fn of_token(token: &BootstrapToken) -> Self {
        BootstrapCredentials {
            credentials: ClientCredentials { token: Some(token.full()), identity: None },
            names: Names { context: CONTEXT.to_owned(), user: USER.to_owned() },
        }
    }
}

fn anchors<'a>(ca_certificates: impl IntoIterator<Item = &'a Certificate>) -> Result<TrustRoots, DiscoveryError> {
    let ders: Vec<_> = ca_certificates.into_iter().map(|c| c.der().clone()).collect();
    TrustRoots::new(&ders).ok_or(DiscoveryError::NotACaCertificate)
}

/// Those of the CA certificates that are valid now. TLS does not ask a trust anchor for its validity, but the API server and
/// every Go client do: the key of an expired CA certificate is guarded by nobody.
fn valid_anchors(ca_certificates: &[Certificate], now: SystemTime) -> Result<TrustRoots, DiscoveryError> {
    let mut valid = ca_certificates.iter().filter(|c| c.not_before() <= now && now <= c.not_after()).peekable();
    if valid.peek().is_none() {
        let not_after = ca_certificates.iter().map(Certificate::not_after).max().unwrap_or(now);
        return Err(DiscoveryError::CaValidity { now, not_after });
    }
    anchors(valid)
}
