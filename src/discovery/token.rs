//! Token discovery: cluster-info read from a server that is not known yet, proved by pin, signature and chain.
//! Source of the scheme: `cmd/kubeadm/app/discovery/token/token.go`; where kubeadm fetches a second time to verify the chain,
//! the chain of the first connection has been recorded and is judged itself.

use std::time::{Duration, Instant, SystemTime};

use super::cluster_info::{self, Announced};
use super::error::DiscoveryError;
use super::{ClusterInfo, Discovered, jws};
use crate::clock::Clock;
use crate::config::{BootstrapToken, CaCertHash, Endpoint, Trust};
use crate::kube::client::{MAX_OBJECT, REQUEST_TIMEOUT, Wanted, decode};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::ConfigMap;
use crate::net::retry::Retry;
use crate::net::server::{Server, UnprovedServer};
use crate::net::tls::TrustRoots;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::report::Report;

/// For how long a refusal of anonymous users may be that of a control plane that is still being set up: between its
/// API server answering and `kubeadm init` having reached the phase `bootstrap-token` lie some ten seconds.
const SETUP_GRACE: Duration = Duration::from_secs(30);

/// What token discovery goes by.
#[derive(Clone, Copy, Debug)]
pub struct TokenDiscovery<'a> {
    /// The server to ask.
    pub endpoint: &'a Endpoint,
    /// Its secret half has keyed the signature.
    pub token: &'a BootstrapToken,
    /// What proves the CA.
    pub trust: &'a Trust,
}

/// Finds and proves the cluster. Sends nothing of ours.
pub fn discover(
    request: TokenDiscovery<'_>,
    clock: Clock,
    retry: Retry,
    report: &Report,
) -> Result<Discovered, DiscoveryError> {
    let mut unproved = UnprovedServer::new(request.endpoint.clone());
    let mut refused_since = None;
    let (kubeconfig, date) = retry.run(
        || {
            // No exchange outlives the whole wait.
            let deadline = (Instant::now() + REQUEST_TIMEOUT).min(retry.deadline);
            signed_kubeconfig(&mut unproved, request, deadline, &mut refused_since)
        },
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )?;
    let announced = cluster_info::read(&kubeconfig).map_err(DiscoveryError::Kubeconfig)?;
    let Announced { server: named, authorities } = announced;
    let authorities = trusted(authorities, request.trust, report)?;
    let anchors: Vec<_> = authorities.iter().map(|c| c.der().clone()).collect();
    let roots = TrustRoots::new(&anchors).ok_or(DiscoveryError::NotAnAuthority)?;
    let (date, clock) = match request.trust {
        Trust::Pins(_) => (date, clock),
        // Without a pin nobody vouches for the server's idea of time, and the build date is nobody's.
        Trust::UnsafeSkipCaVerification => (None, clock.as_system()),
    };
    let (proved, clock) = unproved.prove(&roots, clock, date)?;
    still_valid(&authorities, clock.now())?;
    let server = if named == *request.endpoint { proved } else { Server::new(named.clone(), &roots, clock, None)? };
    Ok(Discovered { info: ClusterInfo { server: named, authorities, roots, clock }, server })
}

/// TLS does not ask a trust anchor for its validity, but the API server and every Go client do.
fn still_valid(authorities: &[Certificate], now: SystemTime) -> Result<(), DiscoveryError> {
    if authorities.iter().any(|c| c.not_before() <= now && now <= c.not_after()) {
        return Ok(());
    }
    let not_after = authorities.iter().map(Certificate::not_after).max().unwrap_or(now);
    Err(DiscoveryError::AuthorityValidity { now, not_after })
}

/// The kubeconfig of cluster-info, once it carries a correct signature for our token; and the server's `Date`.
fn signed_kubeconfig(
    server: &mut UnprovedServer,
    request: TokenDiscovery<'_>,
    deadline: Instant,
    refused_since: &mut Option<Instant>,
) -> Result<(String, Option<SystemTime>), DiscoveryError> {
    let wanted = Wanted::config_map("kube-public", "cluster-info");
    let answer = server.fetch(wanted.path(), MAX_OBJECT, deadline)?;
    let status = answer.head.status;
    let config_map: ConfigMap = decode(&wanted.to_string(), &answer, None).map_err(|error: KubeError| {
        let endpoint = request.endpoint.clone();
        match error.cause {
            KubeCause::Unauthorized(message) | KubeCause::Forbidden(message) => {
                let since = *refused_since.get_or_insert_with(Instant::now);
                let settled = since.elapsed() >= SETUP_GRACE;
                DiscoveryError::AnonymousRefused { endpoint, status, message, settled }
            }
            KubeCause::NotFound(_) => DiscoveryError::Missing(endpoint),
            _ => DiscoveryError::Kube(error),
        }
    })?;
    let id = &request.token.id;
    let is_signature = |key: &&String| key.starts_with("jws-kubeconfig-");
    let Some(signature) = config_map.data.get(&format!("jws-kubeconfig-{id}")).filter(|text| !text.is_empty()) else {
        let others = config_map.data.keys().filter(is_signature).count();
        return Err(DiscoveryError::TokenUnknown { id: id.clone(), others });
    };
    let Some(kubeconfig) = config_map.data.get("kubeconfig").filter(|text| !text.is_empty()) else {
        return Err(DiscoveryError::NoKubeconfig(request.endpoint.clone()));
    };
    jws::verify(signature, kubeconfig.as_bytes(), request.token)
        .map_err(|problem| DiscoveryError::Jws { id: id.clone(), problem })?;
    Ok((kubeconfig.clone(), answer.head.date))
}

/// The certificates of the bundle that may be trusted: those with a pinned key. Others, as during a CA rotation, are named.
fn trusted(bundle: Vec<Certificate>, trust: &Trust, report: &Report) -> Result<Vec<Certificate>, DiscoveryError> {
    let Trust::Pins(pins) = trust else { return Ok(bundle) };
    let pin_of = |certificate: &Certificate| CaCertHash(certificate.public_key_digest());
    let (pinned, others): (Vec<_>, Vec<_>) = bundle.into_iter().partition(|c| pins.contains(&pin_of(c)));
    if pinned.is_empty() {
        return Err(DiscoveryError::HashMismatch { found: others.iter().map(pin_of).collect() });
    }
    for other in &others {
        report.warn(
            Phase::Discovery,
            None,
            format_args!(
                "cluster-info also holds a CA that no pin names ({}); it is neither trusted nor written",
                pin_of(other)
            ),
        );
    }
    Ok(pinned)
}
