//! Token discovery: cluster-info read from a server that is not known yet, proved by pin, signature and chain.
//! Source of the scheme: `cmd/kubeadm/app/discovery/token/token.go`; where kubeadm fetches a second time to verify the chain,
//! the chain of the first connection has been recorded and is judged itself.
//!
//! Several endpoints are asked in turn. Each has to prove itself, so that asking another one lowers nothing.

use std::time::{Duration, Instant, SystemTime};

use super::cluster_info::{self, Announced};
use super::error::DiscoveryError;
use super::way::way_to;
use super::{Found, anchors, jws, valid_anchors};
use crate::clock::Clock;
use crate::error::{Code, Explain};
use crate::kube::client::{MAX_OBJECT, REQUEST_TIMEOUT, Wanted, decode};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::ConfigMap;
use crate::net::dial::{Dialer, Proxies};
use crate::net::error::NetError;
use crate::net::retry::Retry;
use crate::net::server::{Server, UnprovedServer};
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::plan::Trust;
use crate::report::Report;
use crate::values::{BootstrapToken, CaCertHash, Endpoint};

/// For how long a refusal of anonymous users may be that of a control plane that is still being set up: between its
/// API server answering and `kubeadm init` having reached the phase `bootstrap-token` lie some ten seconds.
const SETUP_GRACE: Duration = Duration::from_secs(30);

/// How long one of several endpoints is waited for, as long as there are others to ask: enough for a satellite link.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What token discovery goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenDiscovery<'a> {
    /// The servers to ask, in this order.
    pub(super) endpoints: &'a [Endpoint],
    /// Its secret half has keyed the signature.
    pub(super) token: &'a BootstrapToken,
    /// What proves the CA.
    pub(super) trust: &'a Trust,
    /// What lies on the way.
    pub(super) proxies: &'a Proxies,
    /// The node gets another server than cluster-info names: that one need not be there.
    pub(super) elsewhere: bool,
}

/// Finds and proves the cluster. Sends nothing of ours.
pub(super) fn discover(
    request: TokenDiscovery<'_>,
    clock: Clock,
    retry: Retry,
    report: &Report,
) -> Result<Found, DiscoveryError> {
    let candidates = request.endpoints.iter().map(|endpoint| Candidate::new(endpoint, request.proxies, report));
    let mut candidates = candidates.collect::<Result<Vec<_>, _>>()?;
    retry.run(
        || round(&mut candidates, request, clock, retry.deadline, report),
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )
}

/// An endpoint, and what is remembered of it.
struct Candidate<'a> {
    endpoint: &'a Endpoint,
    dialer: Dialer,
    server: UnprovedServer,
    refused_since: Option<Instant>,
    failure: Option<DiscoveryError>,
}

impl<'a> Candidate<'a> {
    fn new(endpoint: &'a Endpoint, proxies: &Proxies, report: &Report) -> Result<Self, NetError> {
        let dialer = way_to(endpoint, proxies, report)?;
        let server = UnprovedServer::new(dialer.clone());
        Ok(Candidate { endpoint, dialer, server, refused_since: None, failure: None })
    }

    /// What has failed for good is not asked again.
    fn is_worth_asking(&self) -> bool {
        self.failure.as_ref().is_none_or(Explain::may_retry)
    }
}

/// Asks each endpoint once, until one has proved itself.
fn round(
    candidates: &mut [Candidate<'_>],
    request: TokenDiscovery<'_>,
    clock: Clock,
    end: Instant,
    report: &Report,
) -> Result<Found, DiscoveryError> {
    let asked = candidates.iter().filter(|candidate| candidate.is_worth_asking()).count();
    let timeout = if asked > 1 { SHORT_TIMEOUT } else { REQUEST_TIMEOUT };
    let is_choice = candidates.len() > 1;
    for candidate in candidates.iter_mut().filter(|candidate| candidate.is_worth_asking()) {
        // No exchange outlives the whole wait.
        let deadline = (Instant::now() + timeout).min(end);
        match attempt(candidate, request, clock, deadline, report) {
            Ok(found) => return Ok(found),
            Err(error) => {
                let said: Option<&Code> = candidate.failure.as_ref().map(Explain::code);
                if is_choice && said != Some(error.code()) {
                    let text = format!("{}; asking the others", error.at(candidate.endpoint));
                    report.warn(Phase::Discovery, Some(error.code()), text);
                }
                candidate.failure = Some(error);
            }
        }
    }
    let failures = candidates.iter().filter_map(|c| Some((c.endpoint.clone(), c.failure.clone()?))).collect();
    Err(DiscoveryError::of_all(failures))
}

fn attempt(
    candidate: &mut Candidate<'_>,
    request: TokenDiscovery<'_>,
    clock: Clock,
    deadline: Instant,
    report: &Report,
) -> Result<Found, DiscoveryError> {
    let (kubeconfig, date) = signed_kubeconfig(candidate, request.token, deadline)?;
    let announced = cluster_info::read(&kubeconfig).map_err(DiscoveryError::Kubeconfig)?;
    let Announced { server: named, authorities } = announced;
    let authorities = trusted(authorities, request.trust, report)?;
    let (date, clock) = match request.trust {
        Trust::Pins(_) => (date, clock),
        // Without a pin nobody vouches for the server's idea of time, and the build date is nobody's.
        Trust::UnsafeSkipCaVerification => (None, clock.as_system()),
    };
    let asked = std::mem::replace(&mut candidate.server, UnprovedServer::new(candidate.dialer.clone()));
    let (proved, clock) = asked.prove(&anchors(&authorities)?, clock, date)?;
    let roots = valid_anchors(&authorities, clock.now())?;
    let proved = proved.under(&roots, clock)?;
    let server = if request.elsewhere || named == *candidate.endpoint {
        proved
    } else {
        Server::new(way_to(&named, request.proxies, report)?, &roots, clock, None)?
    };
    Ok(Found { named, authorities, roots, clock, server, file: None })
}

/// The kubeconfig of cluster-info, once it carries a correct signature for our token; and the server's `Date`.
fn signed_kubeconfig(
    candidate: &mut Candidate<'_>,
    token: &BootstrapToken,
    deadline: Instant,
) -> Result<(String, Option<SystemTime>), DiscoveryError> {
    let wanted = Wanted::config_map("kube-public", "cluster-info");
    let answer = candidate.server.fetch(wanted.path(), MAX_OBJECT, deadline)?;
    let status = answer.head.status;
    let endpoint = candidate.endpoint;
    let config_map: ConfigMap = decode(&wanted.to_string(), &answer, None).map_err(|error: KubeError| {
        let endpoint = endpoint.clone();
        match error.cause {
            KubeCause::Unauthorized(message) | KubeCause::Forbidden(message) => {
                let since = *candidate.refused_since.get_or_insert_with(Instant::now);
                let settled = since.elapsed() >= SETUP_GRACE;
                DiscoveryError::AnonymousRefused { endpoint, status, message, settled }
            }
            KubeCause::NotFound(_) => DiscoveryError::Missing(endpoint),
            _ => DiscoveryError::kube(&endpoint, error),
        }
    })?;
    let id = &token.id;
    let is_signature = |key: &&String| key.starts_with("jws-kubeconfig-");
    let Some(signature) = config_map.data.get(&format!("jws-kubeconfig-{id}")).filter(|text| !text.is_empty()) else {
        let others = config_map.data.keys().filter(is_signature).count();
        return Err(DiscoveryError::TokenUnknown { id: id.clone(), others });
    };
    let Some(kubeconfig) = config_map.data.get("kubeconfig").filter(|text| !text.is_empty()) else {
        return Err(DiscoveryError::NoKubeconfig(endpoint.clone()));
    };
    jws::verify(signature, kubeconfig.as_bytes(), token)
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
    // On one line however many there are: nothing of this is proved yet.
    if !others.is_empty() {
        let others: Vec<_> = others.iter().map(|other| pin_of(other).to_string()).collect();
        let text = format_args!(
            "cluster-info also holds CA certificates that no pin names, {}, neither trusted nor written: {}",
            others.len(),
            others.join(", ")
        );
        report.warn(Phase::Discovery, None, text);
    }
    Ok(pinned)
}
