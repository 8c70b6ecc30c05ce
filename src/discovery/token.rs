//! Token discovery: cluster-info read from a server that is not known yet, verified by pin, signature and chain.
//! Source of the scheme: `cmd/kubeadm/app/discovery/token/token.go`; where kubeadm fetches a second time to verify the chain,
//! the chain of the first connection has been recorded and is judged itself.
//!
//! Several endpoints are asked in turn. Each is verified, so that asking another one lowers nothing.

use std::time::{Duration, Instant, SystemTime};

use super::cluster::{Announced, ClusterInfo, Verified, anchors, valid_anchors};
use super::cluster_info::{self, UnverifiedClusterInfo};
use super::dialer::dialer_for;
use super::error::DiscoveryError;
use super::jws;
use crate::clock::Clock;
use crate::error::{Code, Explain};
use crate::inputs::Trust;
use crate::kube::answer::{MAX_OBJECT, decode};
use crate::kube::client::REQUEST_TIMEOUT;
use crate::kube::types::ConfigMap;
use crate::kube::wanted::Wanted;
use crate::net::dial::{Dialer, Proxies};
use crate::net::error::NetError;
use crate::net::server::{Server, UnverifiedServer};
use crate::net::verification::Verification;
use crate::phase::Phase;
use crate::pki::certificate::Certificate;
use crate::report::Report;
use crate::retry::Retry;
use crate::values::{BootstrapToken, CaCertHash, Endpoint};

/// How long one of several endpoints is waited for, as long as there are others to ask: enough for a satellite link.
const SHORT_TIMEOUT: Duration = Duration::from_secs(5);

/// What token discovery goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenDiscovery<'a> {
    /// The servers to ask, in this order.
    pub(super) endpoints: &'a [Endpoint],
    /// Its secret half has keyed the signature.
    pub(super) token: &'a BootstrapToken,
    /// What verifies the CA.
    pub(super) trust: &'a Trust,
    /// What lies on the way.
    pub(super) proxies: &'a Proxies,
    /// The API server that this program goes on with.
    pub(super) go_on_with: GoOnWith,
    /// Which clock judges certificates.
    pub(super) clock: Clock,
}

/// The API server that this program uses once the cluster is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GoOnWith {
    /// The one that cluster-info names, which the kubelet will use, too.
    ServerOfClusterInfo,
    /// The one that was asked: the kubelet gets yet another (`--server`), and that of cluster-info need not be reachable.
    EndpointAsked,
}

/// Finds and verifies the cluster. Sends nothing of ours.
pub(super) fn discover(request: TokenDiscovery<'_>, retry: Retry, report: &Report) -> Result<Verified, DiscoveryError> {
    let candidates = request.endpoints.iter().map(|endpoint| Candidate::new(endpoint, request.proxies, report));
    let mut candidates = candidates.collect::<Result<Vec<_>, _>>()?;
    retry.run(
        || round(&mut candidates, request, retry, report),
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )
}

/// An endpoint, and what is remembered of it.
struct Candidate<'a> {
    endpoint: &'a Endpoint,
    dialer: Dialer,
    server: UnverifiedServer,
    failure: Option<DiscoveryError>,
}

impl<'a> Candidate<'a> {
    fn new(endpoint: &'a Endpoint, proxies: &Proxies, report: &Report) -> Result<Self, NetError> {
        let dialer = dialer_for(endpoint, proxies, report)?;
        let server = UnverifiedServer::new(dialer.clone());
        Ok(Candidate { endpoint, dialer, server, failure: None })
    }

    /// What has failed for good is not asked again.
    fn is_worth_asking(&self) -> bool {
        self.failure.as_ref().is_none_or(Explain::may_retry)
    }
}

/// Asks each endpoint once, until one is verified.
fn round(
    candidates: &mut [Candidate<'_>],
    request: TokenDiscovery<'_>,
    retry: Retry,
    report: &Report,
) -> Result<Verified, DiscoveryError> {
    let asked = candidates.iter().filter(|candidate| candidate.is_worth_asking()).count();
    let timeout = if asked > 1 { SHORT_TIMEOUT } else { REQUEST_TIMEOUT };
    let is_choice = candidates.len() > 1;
    for candidate in candidates.iter_mut().filter(|candidate| candidate.is_worth_asking()) {
        // No exchange outlives the whole wait.
        let deadline = retry.exchange_deadline(timeout);
        match attempt(candidate, request, deadline, report) {
            Ok(verified) => return Ok(verified),
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
    deadline: Instant,
    report: &Report,
) -> Result<Verified, DiscoveryError> {
    let (kubeconfig, date) = signed_kubeconfig(candidate, request.token, deadline)?;
    let unverified = cluster_info::read(&kubeconfig).map_err(DiscoveryError::Kubeconfig)?;
    let UnverifiedClusterInfo { server: named, ca_certificates } = unverified;
    let ca_certificates = trusted(ca_certificates, request.trust, report)?;
    let ca_anchors = anchors(&ca_certificates)?;
    let verification = match request.trust {
        Trust::Pins(_) | Trust::CaFile(..) => Verification::pinned(ca_anchors, request.clock),
        // Without a pin nobody vouches for the server's idea of time, and the build date is nobody's.
        Trust::UnsafeSkipCaVerification => Verification::unpinned(ca_anchors, request.clock),
    };
    let asked = std::mem::replace(&mut candidate.server, UnverifiedServer::new(candidate.dialer.clone()));
    let verified = asked.verify(&verification, date)?;
    let clock = verified.clock();
    let roots = valid_anchors(&ca_certificates, clock.now())?;
    let verified = verified.reverify_with(&roots)?;
    let stays = request.go_on_with == GoOnWith::EndpointAsked || named == *candidate.endpoint;
    let server = match stays {
        true => verified,
        false => Server::new(dialer_for(&named, request.proxies, report)?, &roots, clock, None)?,
    };
    let endpoint = server.endpoint().clone();
    Ok(Verified {
        info: ClusterInfo { server: named, endpoint, announced: Announced::InUse, ca_certificates, roots, clock },
        server,
    })
}

/// The kubeconfig of cluster-info, once it carries a correct signature for our token; and the server's `Date`.
fn signed_kubeconfig(
    candidate: &mut Candidate<'_>,
    token: &BootstrapToken,
    deadline: Instant,
) -> Result<(String, Option<SystemTime>), DiscoveryError> {
    let wanted = Wanted::config_map("kube-public", "cluster-info");
    let answer = candidate.server.fetch(&wanted.cached_path(), MAX_OBJECT, deadline)?;
    let endpoint = candidate.endpoint;
    let config_map: ConfigMap =
        decode(&wanted, &answer, None).map_err(|error| DiscoveryError::unverified(endpoint, error, &answer))?;
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
    let Some(pins) = trust.pins() else { return Ok(bundle) };
    let pin_of = |certificate: &Certificate| CaCertHash(certificate.public_key_digest());
    let (pinned, others): (Vec<_>, Vec<_>) = bundle.into_iter().partition(|c| pins.contains(&pin_of(c)));
    if pinned.is_empty() {
        let ca_file = match trust {
            Trust::CaFile(path, _) => Some(path.clone()),
            Trust::Pins(_) | Trust::UnsafeSkipCaVerification => None,
        };
        return Err(DiscoveryError::HashMismatch { found: others.iter().map(pin_of).collect(), ca_file });
    }
    // On one line however many there are: nothing of this is verified yet.
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
