//! Whom we trust, and where: the security core of a join.
//!
//! Only this room can make a [`ClusterInfo`]; holding one means that discovery succeeded. The order of checks is part of
//! the contract: in token discovery the signature is judged on raw bytes before any YAML of the network is parsed, then
//! the pin, then the recorded connection itself. With a discovery file the CA is known before, and proves the connection;
//! where the file has none, what web servers are known by does. Nothing secret is sent before all that.

pub mod cluster_info;
pub mod error;
mod file;
pub mod jws;
mod token;
mod url;
mod way;

use std::time::SystemTime;

use error::DiscoveryError;

use crate::clock::Clock;
use crate::kubeconfig::{ClientCredentials, Names};
use crate::net::retry::Retry;
use crate::net::server::Server;
use crate::net::tls::TrustRoots;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::plan::{Discovery, JoinPlan};
use crate::report::Report;
use crate::values::Endpoint;

/// The cluster, proved.
#[derive(Clone, Debug)]
pub struct ClusterInfo {
    server: Endpoint,
    endpoint: Endpoint,
    authorities: Vec<Certificate>,
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

    /// The CA certificates that were proved, in the order of cluster-info.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    /// The same as PEM: the content of `ca.crt`.
    pub fn authorities_pem(&self) -> String {
        self.authorities.iter().map(Certificate::to_pem).collect()
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
    /// The server of the facts; over the connection that was proved, where it is the one that was asked.
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

/// Finds the cluster and proves it, in the way that the plan says.
///
/// # Errors
/// It was not found in time, or is not believed.
pub fn discover(plan: &JoinPlan, retry: Retry, report: &Report) -> Result<Discovered, DiscoveryError> {
    let (proxies, token) = (&plan.proxies, plan.bootstrap_token.as_ref());
    let found = match &plan.discovery {
        Discovery::Token { endpoints, token, trust } => {
            let elsewhere = plan.server.is_some();
            let request = token::TokenDiscovery { endpoints, token, trust, proxies, elsewhere };
            token::discover(request, plan.clock, retry, report)?
        }
        Discovery::File { access, web_roots } => {
            let request = file::FileDiscovery { access, web_roots: web_roots.as_ref(), proxies, token };
            file::discover(request, plan.clock, retry, report)?
        }
        Discovery::Url { url, roots, web_roots } => {
            let access = url::fetch(url, roots, proxies, (plan.clock, retry), report)?;
            let request = file::FileDiscovery { access: &access, web_roots: Some(web_roots), proxies, token };
            file::discover(request, plan.clock, retry, report)?
        }
    };
    let Found { named, authorities, roots, clock, server, file } = found;
    let bootstrap = match (&plan.bootstrap_token, file) {
        // As in kubeadm, a token wins over what the file holds.
        (Some(token), _) => BootstrapCredentials {
            credentials: ClientCredentials { token: Some(token.full()), identity: None },
            names: Names { context: CONTEXT.to_owned(), user: USER.to_owned() },
        },
        (None, Some(bootstrap)) => bootstrap,
        (None, None) => return Err(DiscoveryError::NoCredentials),
    };
    let endpoint = server.endpoint().clone();
    if let Some(wanted) = &plan.server
        && !server.may_be_called(wanted, clock.now())
    {
        let text = format_args!(
            "the certificate of {endpoint} is not for {:?}, the host of --server: unless another one answers there, the kubelet \
             will refuse it",
            wanted.host
        );
        report.warn(Phase::Discovery, None, text);
    }
    let server_of_node = plan.server.clone().unwrap_or(named);
    let info = ClusterInfo { server: server_of_node, endpoint, authorities, roots, clock };
    Ok(Discovered { info, server, bootstrap })
}

/// What the ways of discovery have in common in the end.
struct Found {
    /// The API server, as cluster-info or the file names it.
    named: Endpoint,
    authorities: Vec<Certificate>,
    roots: TrustRoots,
    clock: Clock,
    /// Proved, and ready for whatever the certificate is requested with.
    server: Server,
    /// What the discovery file holds for that.
    file: Option<BootstrapCredentials>,
}

fn anchors<'a>(authorities: impl IntoIterator<Item = &'a Certificate>) -> Result<TrustRoots, DiscoveryError> {
    let ders: Vec<_> = authorities.into_iter().map(|c| c.der().clone()).collect();
    TrustRoots::new(&ders).ok_or(DiscoveryError::NotAnAuthority)
}

/// Those of the authorities that are valid now. TLS does not ask a trust anchor for its validity, but the API server and
/// every Go client do: the key of an authority that has ended is guarded by nobody.
fn valid_anchors(authorities: &[Certificate], now: SystemTime) -> Result<TrustRoots, DiscoveryError> {
    let mut valid = authorities.iter().filter(|c| c.not_before() <= now && now <= c.not_after()).peekable();
    if valid.peek().is_none() {
        let not_after = authorities.iter().map(Certificate::not_after).max().unwrap_or(now);
        return Err(DiscoveryError::AuthorityValidity { now, not_after });
    }
    anchors(valid)
}
