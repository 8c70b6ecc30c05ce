//! Discovery by the method that the plan names, and what comes out of it.

use super::cluster::{ClusterInfo, Verified};
use super::error::DiscoveryError;
use super::token::GoOnWith;
use super::{file, token, url};
use crate::inputs::Discovery;
use crate::kubeconfig::{ClientCredentials, ClusterAccess, Names};
use crate::net::server::Server;
use crate::net::verification::Verification;
use crate::phase::Phase;
use crate::plan::Access;
use crate::report::Report;
use crate::retry::Retry;
use crate::values::BootstrapToken;

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

/// Finds the cluster and verifies it, by the method that the plan names.
///
/// # Errors
/// It was not found in time, or is not believed.
pub fn discover(access: &Access, retry: Retry, report: &Report) -> Result<Discovered, DiscoveryError> {
    let Access { proxies, clock, .. } = access;
    let clock = *clock;
    let token = access.bootstrap_token.as_ref();
    let no_credentials = || match access.token_may_come {
        true => DiscoveryError::NoToken,
        false => DiscoveryError::NoCredentials,
    };
    let from_file = |kubeconfig: &ClusterAccess, system_ca: Option<&Verification>| {
        if token.is_none() && kubeconfig.credentials.is_none() {
            return Err(no_credentials());
        }
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
            let token = token.as_ref().ok_or(DiscoveryError::NoToken)?;
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
    let bootstrap = token.map(BootstrapCredentials::of_token).or(bootstrap).ok_or_else(no_credentials)?;
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
