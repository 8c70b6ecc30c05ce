//! Discovery by a kubeconfig that the operator has put on this machine, or that was fetched from a URL.
//! Source of the scheme: `cmd/kubeadm/app/discovery/file/file.go`.
//!
//! The file says which server and which CA; cluster-info, which anonymous users may or may not read, only adds a CA where the
//! file has none, and a warning where it names another server. As in token discovery, it is read without a credential from
//! a server that has still to be proved, and then the connection that it came over is judged: by the CA of the file, or,
//! where there is none, by those that web servers are known by. Only then does a credential go out.

use std::time::{Duration, Instant, SystemTime};

use super::cluster_info::{self, Announced};
use super::error::DiscoveryError;
use super::way::way_to;
use super::{BootstrapCredentials, Found, anchors, valid_anchors};
use crate::clock::Clock;
use crate::error::Explain;
use crate::kube::client::{Client, MAX_OBJECT, REQUEST_TIMEOUT, Wanted, decode};
use crate::kube::error::{KubeCause, KubeError};
use crate::kube::types::ConfigMap;
use crate::kubeconfig::{ClientCredentials, ClusterAccess, KubeconfigError};
use crate::net::dial::{Dialer, Proxies};
use crate::net::retry::Retry;
use crate::net::server::{Server, UnprovedServer};
use crate::net::tls::TrustRoots;
use crate::phase::Phase;
use crate::report::Report;
use crate::values::{BootstrapToken, Endpoint};

/// For how long a cluster without cluster-info may be one that is still being set up. After that, none is expected: the
/// cluster may be of somebody else than kubeadm.
const SETUP_GRACE: Duration = Duration::from_secs(30);

/// What file discovery goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileDiscovery<'a> {
    /// What the file says.
    pub(super) access: &'a ClusterAccess,
    /// What proves the server where the file has no CA.
    pub(super) web_roots: Option<&'a TrustRoots>,
    /// What lies on the way.
    pub(super) proxies: &'a Proxies,
    /// The token that the certificate will be requested with, where there is one.
    pub(super) token: Option<&'a BootstrapToken>,
}

/// Proves the file's cluster. What the file holds as credentials is sent only where cluster-info is closed to anonymous
/// users, and only after the proof.
pub(super) fn discover(
    request: FileDiscovery<'_>,
    clock: Clock,
    retry: Retry,
    report: &Report,
) -> Result<Found, DiscoveryError> {
    let FileDiscovery { access, .. } = request;
    let credentials = access.credentials.as_ref();
    if request.token.is_none() && credentials.is_none() {
        return Err(DiscoveryError::NoCredentials);
    }
    for field in &access.passed_over {
        let text = format_args!("the discovery file's {field} is passed over: kubelet.conf would not have it");
        report.warn(Phase::Discovery, None, text);
    }
    let (roots, clock, believes_server) = match (access.authorities.as_slice(), request.web_roots) {
        ([], Some(web_roots)) => (web_roots.clone(), clock.as_system(), false),
        ([], None) => return Err(DiscoveryError::File(KubeconfigError::NoAuthority)),
        (own, _) => (anchors(own)?, clock, true),
    };
    let dialer = way_to(&access.server, request.proxies, report)?;
    let (mut proved, clock, answer) = ask_anonymously(&dialer, &roots, (clock, believes_server), retry, report)?;
    let mut roots = roots;
    if !access.authorities.is_empty() {
        roots = valid_anchors(&access.authorities, clock.now())?;
        proved = proved.under(&roots, clock)?;
    }
    let own_identity = credentials.and_then(|credentials| credentials.identity.as_ref());
    let (mut server, mut shows_identity, mut answer) = (proved, false, answer);
    // Where there is a CA, and a token to go on with, cluster-info has nothing to tell that would be worth it.
    let is_needed = access.authorities.is_empty() || request.token.is_none();
    if let (Some(credentials), true) = (credentials, is_needed && answer.as_ref().is_err_and(is_refusal)) {
        if let Some(identity) = own_identity {
            server = Server::new(dialer.clone(), &roots, clock, Some(identity))?;
            shows_identity = true;
        }
        (server, answer) = ask_as_user(server, credentials, retry, report)?;
    }
    let announced = usable(answer, access, report)?;
    if let Some(announced) = announced.as_ref().filter(|announced| announced.server != access.server) {
        let (own, other) = (&access.server, &announced.server);
        let text = format_args!("cluster-info names the API server {other}, the discovery file {own}: the file counts");
        report.warn(Phase::Discovery, None, text);
    }
    let (authorities, roots, is_proved_by_them) = match (access.authorities.as_slice(), announced) {
        ([], Some(announced)) => {
            let roots = valid_anchors(&announced.authorities, clock.now())?;
            (announced.authorities, roots, false)
        }
        ([], None) => return Err(DiscoveryError::File(KubeconfigError::NoAuthority)),
        (own, _) => (own.to_vec(), roots, true),
    };
    // A token wins over the file's own certificate, which is then not shown (any more).
    let identity = own_identity.filter(|_| request.token.is_none());
    if !is_proved_by_them || identity.is_some() != shows_identity {
        server = Server::new(dialer.clone(), &roots, clock, identity)?;
    }
    let file = credentials
        .map(|credentials| BootstrapCredentials { credentials: credentials.clone(), names: access.names.clone() });
    Ok(Found { named: access.server.clone(), authorities, roots, clock, server, file })
}

/// What was answered when cluster-info was asked for.
type Answer = Result<ConfigMap, KubeError>;

/// Asks without a credential, and proves the server that has answered, whatever it has answered.
fn ask_anonymously(
    dialer: &Dialer,
    roots: &TrustRoots,
    (clock, believes_server): (Clock, bool),
    retry: Retry,
    report: &Report,
) -> Result<(Server, Clock, Answer), DiscoveryError> {
    let mut asked = UnprovedServer::new(dialer.clone());
    let began = Instant::now();
    let grace = SETUP_GRACE.min(retry.deadline.saturating_duration_since(began) / 2);
    let (answer, date) = retry.run(
        || {
            let deadline = (Instant::now() + REQUEST_TIMEOUT).min(retry.deadline);
            fetch(&mut asked, dialer.route().endpoint(), deadline, began.elapsed() >= grace)
        },
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )?;
    let (proved, clock) = asked.prove(roots, clock, date.filter(|_| believes_server))?;
    Ok((proved, clock, answer))
}

fn fetch(
    asked: &mut UnprovedServer,
    endpoint: &Endpoint,
    deadline: Instant,
    settled: bool,
) -> Result<(Answer, Option<SystemTime>), DiscoveryError> {
    let wanted = cluster_info();
    let answer = asked.fetch(wanted.path(), MAX_OBJECT, deadline)?;
    match decode::<ConfigMap>(&wanted.to_string(), &answer, None) {
        Err(KubeError { cause: KubeCause::NotFound(_), .. }) if !settled => {
            Err(DiscoveryError::Missing(endpoint.clone()))
        }
        Err(error) if error.may_retry() => Err(DiscoveryError::kube(endpoint, error)),
        answered => Ok((answered, answer.head.date)),
    }
}

/// Asks a proved server with what the file holds.
fn ask_as_user(
    server: Server,
    credentials: &ClientCredentials,
    retry: Retry,
    report: &Report,
) -> Result<(Server, Answer), DiscoveryError> {
    let mut client = Client::new(server, credentials.token.clone());
    let endpoint = client.endpoint().clone();
    let failed = |error| Err(DiscoveryError::kube(&endpoint, error));
    let answer = retry.run(
        || match client.config_map(&cluster_info()) {
            Err(error) if error.may_retry() => failed(error),
            Err(KubeError { cause: KubeCause::Unauthorized(message), .. }) => {
                Err(DiscoveryError::CredentialsRefused(message))
            }
            Err(error @ KubeError { cause: KubeCause::Net(_), .. }) => failed(error),
            answered => Ok(answered),
        },
        |error, pause| report.retrying(Phase::Discovery, error, pause),
    )?;
    Ok((client.into_server(), answer))
}

fn cluster_info() -> Wanted {
    Wanted::config_map("kube-public", "cluster-info")
}

/// Whether a server says that it does not tell us.
fn is_refusal(error: &KubeError) -> bool {
    matches!(error.cause, KubeCause::Unauthorized(_) | KubeCause::Forbidden(_))
}

/// What cluster-info says. That it may not be read, is not there or cannot be used is no error here, as in kubeadm: the
/// server has proved that it is the file's.
fn usable(answer: Answer, access: &ClusterAccess, report: &Report) -> Result<Option<Announced>, DiscoveryError> {
    let problem = match answer {
        Ok(config_map) => match config_map.data.get("kubeconfig").map(|text| cluster_info::read(text)) {
            Some(Ok(announced)) => return Ok(Some(announced)),
            Some(Err(error)) => format!("cluster-info cannot be used: {error}"),
            None => "cluster-info has no kubeconfig".to_owned(),
        },
        Err(error) if is_refusal(&error) || matches!(error.cause, KubeCause::NotFound(_)) => error.to_string(),
        Err(error) => return Err(DiscoveryError::kube(&access.server, error)),
    };
    report.warn(Phase::Discovery, None, format_args!("{problem}; the discovery file is taken as it is"));
    Ok(None)
}
